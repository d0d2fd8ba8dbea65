//! Do the series of every family go with whom their labels name, and begin anew with it? All rows of the table.

use super::*;
use crate::telemetry::table::{ALL, Label, Metric};

type Remove = fn(&mut Plan);

/// Whom a reload can take away: the label that names it, its name here, and how it goes.
const OWNERS: [(Label, &str, Remove); 4] = [
    (Label::Route, "home", |plan| plan.routes.clear()),
    (Label::Upstream, "orders", |plan| plan.upstreams.clear()),
    (Label::Listener, "public", |plan| plan.listeners.clear()),
    (Label::Receiver, "owner", |plan| plan.webhooks.clear()),
];

/// The page while this plan is in force. What is read off the board has only what is in the plan.
fn page(telemetry: &Telemetry, plan: &Plan) -> String {
    let there = usize::from(!plan.upstreams.is_empty());
    let pools = vec![pool(Ledger::default()); there];
    let snapshot = Snapshot { generation: 4, plan: Arc::new(plan.clone()), pools, first_round_done: true };
    telemetry.render(&snapshot, &vec![report(); there])
}

/// The lines of a family that name `owner`, and those that do not.
fn lines<'a>(page: &'a str, metric: &Metric, (label, owner): (Label, &str)) -> (Vec<&'a str>, Vec<&'a str>) {
    let own = |line: &&str| {
        let rest = line.strip_prefix(metric.name);
        let rest =
            rest.map(|rest| ["_bucket", "_sum", "_count"].iter().fold(rest, |rest, end| rest.trim_start_matches(end)));
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    let named = format!("{}=\"{owner}\"", label.name());
    page.lines().filter(own).partition(|line| line.contains(&named))
}

fn without_values(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[test]
fn every_series_goes_with_whom_it_names_and_begins_anew_with_it() {
    let whole = plan(&["home"]);
    for (label, owner, remove) in OWNERS {
        let telemetry = eventful();
        telemetry.life.announce(&whole, Vec::new());
        let before = page(&telemetry, &whole);
        let mut without = whole.clone();
        remove(&mut without);
        telemetry.life.announce(&without, Vec::new());
        let swept = page(&telemetry, &without);
        // Requests, events and news that were under way are late.
        happen(&telemetry);
        let late = page(&telemetry, &without);
        telemetry.life.announce(&whole, Vec::new());
        happen(&telemetry);
        let after = page(&telemetry, &whole);

        let mut families = 0;
        for metric in ALL {
            let (named, others) = lines(&before, metric, (label, owner));
            assert_eq!(metric.labels.contains(&label), !named.is_empty(), "{}: {label:?} in\n{before}", metric.name);
            families += usize::from(!named.is_empty());
            for page in [&swept, &late] {
                let (named, kept) = lines(page, metric, (label, owner));
                assert_eq!(named, [""; 0], "{} without its {label:?}", metric.name);
                assert_eq!(without_values(&kept), without_values(&others), "{} without a {label:?}", metric.name);
            }
            assert_eq!(lines(&after, metric, (label, owner)).0, named, "{}: its {label:?} is back", metric.name);
        }
        assert!(families > 0, "{label:?}");
    }
}

/// What has no life of its own stands beside whom it belongs to.
#[test]
fn a_label_that_names_something_has_an_owner_beside_it() {
    for metric in ALL {
        for label in metric.labels {
            let owner = match label {
                Label::Backend => Label::Upstream,
                Label::Component => Label::Backend,
                Label::Certificate => Label::Listener,
                Label::Route | Label::Upstream | Label::Listener | Label::Receiver | Label::Word(_) => *label,
            };
            assert!(metric.labels.contains(&owner), "{}: {label:?} without its {owner:?}", metric.name);
        }
    }
}

#[test]
fn a_connection_that_outlives_its_listener_is_not_subtracted_from_the_next_of_that_name() {
    let telemetry = telemetry();
    let old = telemetry.traffic.connected("public");
    telemetry.life.announce(&Plan { listeners: Vec::new(), ..plan(&["home"]) }, Vec::new());
    telemetry.in_force(&["home"]);
    let new = telemetry.traffic.connected("public");
    drop(old);
    let open = |telemetry: &Telemetry, number| {
        let line = format!(r#"pulsegate_connections{{listener="public"}} {number}"#);
        has(&telemetry.render(&snapshot(&["home"]), &[]), &line);
    };
    open(&telemetry, 1);
    drop(new);
    open(&telemetry, 0);
}
