//! What a receiver hears, as transcripts: news at seconds, then the messages with the second at which each came.

use super::*;
use crate::base::time::Timestamp;
use crate::health::standing::Cause::{self, Down, Drained, ForcedDown, NotReady, Ramping, Trial, Unchecked, Up};
use crate::plan::AlertRoute;
use crate::plan::AlertsPlan;
use std::collections::BTreeMap;
use std::time::Duration;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_000 + secs)
}

fn key(what: What, backend: Option<u16>) -> Key {
    let backend = backend.map(|port| Address::Socket(([127, 0, 0, 1], port).into()));
    Key { upstream: Some("orders".into()), what, backend }
}

/// Backend `port` of "orders" stands there.
fn stands(port: u16, cause: Cause, secs: u64) -> Input {
    said(key(What::BackendOut, Some(port)), Says::Stands(cause), secs)
}

fn empty(yes: bool, secs: u64) -> Input {
    said(key(What::NobodyEligible, None), if yes { Says::Began } else { Says::Over }, secs)
}

fn said(key: Key, says: Says, secs: u64) -> Input {
    Input { key, says, why: format!("{says:?}"), event_id: format!("run-{secs}"), at: at(secs) }
}

fn route(severities: &[Severity], receiver: &str) -> AlertRoute {
    AlertRoute { upstreams: Vec::new(), severities: severities.to_vec(), receivers: vec![receiver.into()] }
}

fn plan() -> AlertsPlan {
    AlertsPlan { routes: vec![route(&[], "ops")], ..AlertsPlan::default() }
}

/// Four backends, all well, and nothing said yet.
fn machine(plan: AlertsPlan) -> Alerts {
    let mut alerts = Alerts::new(plan.into(), &["orders".into()]);
    (1..=4).for_each(|port| alerts.handle(stands(port, Up, 0)));
    alerts.advance(at(0));
    assert_eq!((alerts.poll(), alerts.next_deadline()), (None, None), "all is well");
    alerts
}

/// Plays `news` up to the second `until`, as the shell does: on every input and at every deadline.
fn play(alerts: &mut Alerts, news: Vec<Input>, until: u64) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut run = |alerts: &mut Alerts, to: Timestamp| {
        while let Some(deadline) = alerts.next_deadline().filter(|deadline| *deadline <= to) {
            alerts.advance(deadline);
            notices.extend(std::iter::from_fn(|| alerts.poll()));
            assert!(alerts.next_deadline().is_none_or(|next| next > deadline), "a deadline that does not pass");
        }
    };
    for input in news {
        let now = input.at;
        run(alerts, now);
        alerts.handle(input);
        alerts.advance(now);
    }
    run(alerts, at(until));
    notices
}

fn told(notices: &[Notice]) -> Vec<String> {
    let words = |item: &Item| {
        let who = item.key.backend.as_ref().map(ToString::to_string).unwrap_or_default();
        let state = match item.state {
            ConditionState::Firing => "firing",
            ConditionState::Flapping(_) => "flapping",
            ConditionState::Resolved => "resolved",
            ConditionState::Still => "still",
        };
        format!("{state} {} {} {}", item.key.what, who.trim_start_matches("127.0.0.1:"), item.cause).replace("  ", " ")
    };
    let line = |notice: &Notice| {
        let items: Vec<String> = notice.items.iter().map(words).collect();
        format!("{} {}: {}", notice.at.since(at(0)).as_secs(), notice.receiver, items.join(", "))
    };
    notices.iter().map(line).collect()
}

#[track_caller]
fn hears(news: Vec<Input>, until: u64, expected: &[&str]) {
    let mut alerts = machine(plan());
    assert_eq!(told(&play(&mut alerts, news, until)), expected);
}

#[test]
fn a_kill_and_a_recovery_are_one_beginning_and_one_end() {
    hears(
        vec![stands(1, Down, 10), stands(1, Ramping, 200), stands(1, Up, 210)],
        1_000,
        &["15 ops: firing backend_out 1 down", "205 ops: resolved backend_out 1 ramping"],
    );
}

#[test]
fn a_condition_that_is_over_before_it_was_told_is_not_told() {
    hears(vec![stands(1, Down, 10), stands(1, Ramping, 13)], 1_000, &[]);
}

#[test]
fn another_cause_is_no_news() {
    hears(
        vec![stands(1, Down, 10), stands(1, NotReady, 30), stands(1, Trial, 40), stands(1, Down, 50)],
        1_000,
        &["15 ops: firing backend_out 1 down"],
    );
}

#[test]
fn conditions_that_belong_together_come_together() {
    hears(
        vec![
            stands(1, Down, 10),
            stands(2, Down, 11),
            stands(3, Down, 12),
            stands(4, Down, 13),
            empty(true, 13),
            stands(2, Ramping, 100),
            empty(false, 100),
        ],
        110,
        &[
            "15 ops: firing nobody_eligible nobody_eligible, firing backend_out 1 down, firing backend_out 2 down, \
             firing backend_out 3 down, firing backend_out 4 down",
            "105 ops: firing below_half below_half, resolved nobody_eligible nobody_eligible, \
             resolved backend_out 2 ramping, still backend_out 1 down, still backend_out 3 down, still backend_out 4 down",
        ],
    );
}

#[test]
fn the_first_critical_condition_does_not_wait_for_the_interval() {
    hears(
        vec![stands(1, Down, 10), stands(2, Down, 20), stands(3, Down, 30)],
        200,
        &[
            "15 ops: firing backend_out 1 down",
            "35 ops: firing below_half below_half, firing backend_out 2 down, firing backend_out 3 down, still backend_out 1 down",
        ],
    );
}

#[test]
fn further_news_wait_for_the_interval() {
    hears(
        vec![stands(1, Down, 10), stands(2, Down, 20)],
        200,
        &["15 ops: firing backend_out 1 down", "75 ops: firing backend_out 2 down, still backend_out 1 down"],
    );
}

#[test]
fn a_standing_that_an_operator_or_the_backend_wants_is_no_alert() {
    hears(vec![stands(1, Drained, 10), stands(2, ForcedDown, 10), stands(3, Cause::Draining, 10)], 1_000, &[]);
    // Nor does it stay one.
    hears(
        vec![stands(1, Down, 10), stands(1, ForcedDown, 100)],
        1_000,
        &["15 ops: firing backend_out 1 down", "105 ops: resolved backend_out 1 forced_down"],
    );
}

#[test]
fn a_backend_without_a_verdict_is_as_before() {
    hears(vec![stands(5, Unchecked, 10), stands(5, Up, 20)], 1_000, &[]);
    hears(
        vec![stands(1, Down, 10), stands(1, Unchecked, 100), stands(1, Cause::Starting, 101), stands(1, Up, 300)],
        1_000,
        &["15 ops: firing backend_out 1 down", "305 ops: resolved backend_out 1 up"],
    );
}

#[test]
fn a_backend_that_leaves_the_pool_leaves_no_alert_behind() {
    hears(
        vec![
            stands(1, Down, 10),
            said(key(What::LyingReadiness, Some(1)), Says::Began, 10),
            said(key(What::BackendOut, Some(1)), Says::Left, 100),
        ],
        1_000,
        &[
            "15 ops: firing backend_out 1 down, firing lying_readiness 1 lying_readiness",
            "105 ops: resolved backend_out 1 left, resolved lying_readiness 1 left",
        ],
    );
}

#[test]
fn a_condition_that_still_holds_is_told_again_after_the_repeat_interval() {
    let mut alerts = machine(AlertsPlan { repeat_interval: Some(Duration::from_secs(600)), ..plan() });
    let notices = play(&mut alerts, vec![stands(1, Down, 10)], 1_300);
    assert_eq!(
        told(&notices),
        [
            "15 ops: firing backend_out 1 down",
            "615 ops: still backend_out 1 down",
            "1215 ops: still backend_out 1 down"
        ]
    );
    assert_eq!(notices.iter().map(|notice| notice.repeats).collect::<Vec<_>>(), [false, true, true]);
    let mut never = machine(AlertsPlan { repeat_interval: None, ..plan() });
    assert_eq!(play(&mut never, vec![stands(1, Down, 10)], 1_000_000).len(), 1);
}

#[test]
fn a_backend_that_comes_and_goes_is_one_alert_that_says_so_and_one_end() {
    let news = (0..20).map(|turn| stands(1, if turn % 2 == 0 { Down } else { Up }, 10 + turn)).collect();
    hears(news, 1_000, &["17 ops: flapping backend_out 1 down", "154 ops: resolved backend_out 1 up"]);
}

#[test]
fn a_backend_that_was_told_as_out_and_begins_to_flap_is_told_once_more() {
    let turns = [(10, Down), (40, Up), (70, Down), (100, Up), (130, Down), (160, Up)];
    hears(
        turns.map(|(secs, cause)| stands(1, cause, secs)).into(),
        1_000,
        &[
            "15 ops: firing backend_out 1 down",
            "105 ops: flapping backend_out 1 up",
            "285 ops: resolved backend_out 1 up",
        ],
    );
}

#[test]
fn a_flapping_backend_that_stays_out_is_out_until_it_is_back() {
    let turns = [(10, Down), (11, Up), (12, Down), (13, Up), (14, Down)];
    let news = turns.map(|(secs, cause)| stands(1, cause, secs)).into_iter().chain([stands(1, Up, 500)]);
    hears(news.collect(), 1_000, &["17 ops: flapping backend_out 1 down", "505 ops: resolved backend_out 1 up"]);
}

#[test]
fn a_thousand_transitions_in_a_second_are_two_messages_and_leave_nothing_behind() {
    let mut alerts = machine(plan());
    let mut moment = at(10);
    for turn in 0..1_000_u64 {
        moment = at(10) + Duration::from_millis(turn);
        let input = stands(1 + (turn % 4) as u16, if turn / 4 % 2 == 0 { Down } else { Up }, 10);
        alerts.handle(Input { at: moment, ..input });
        alerts.advance(moment);
    }
    let notices = play(&mut alerts, Vec::new(), 1_000);
    assert_eq!(notices.len(), 2, "{:?}", told(&notices));
    assert!(
        notices[0].items.iter().all(|item| matches!(item.state, ConditionState::Flapping(_)))
            && notices[1].items.iter().all(|item| item.state == ConditionState::Resolved)
    );
    assert!(moment > at(10) && alerts.next_deadline().is_none(), "{alerts:?}");
    assert_eq!(alerts.holding(), [(Severity::Warning, 0), (Severity::Critical, 0)]);
}

#[test]
fn routes_say_who_hears_what() {
    let only = |upstream: &str, receiver: &str| AlertRoute { upstreams: vec![upstream.into()], ..route(&[], receiver) };
    let routes = vec![
        route(&[Severity::Critical], "pager"),
        only("orders", "chat"),
        only("other", "others"),
        route(&[Severity::Warning], "chat"),
    ];
    let mut alerts = machine(AlertsPlan { routes, ..plan() });
    let reload = Key { upstream: None, what: What::ReloadRefused, backend: None };
    let news = vec![stands(1, Down, 10), said(reload, Says::Began, 10), stands(2, Down, 11), stands(3, Down, 11)];
    let mut told = told(&play(&mut alerts, news, 20));
    told.sort();
    assert_eq!(
        told,
        [
            "15 chat: firing below_half below_half, firing backend_out 1 down, firing backend_out 2 down, firing backend_out 3 down",
            "15 chat: firing reload_refused reload_refused",
            "16 pager: firing below_half below_half",
        ]
    );
}

#[test]
fn a_reload_keeps_what_was_told_and_ends_what_is_not_there_any_more() {
    let mut alerts = machine(plan());
    let first = play(&mut alerts, vec![stands(1, Down, 10), empty(true, 10)], 20);
    assert_eq!(first.len(), 1);
    let ops = ["ops".into()];
    // The same upstream: nothing is said. A route less: its receiver hears the end of it.
    alerts.reconfigure(plan().into(), &["orders".into()], &ops, at(30));
    assert!(play(&mut alerts, Vec::new(), 100).is_empty());
    let unrouted = AlertsPlan { routes: vec![route(&[Severity::Critical], "ops")], ..plan() };
    alerts.reconfigure(unrouted.into(), &["orders".into()], &ops, at(100));
    alerts.advance(at(100));
    assert_eq!(
        told(&play(&mut alerts, Vec::new(), 200)),
        ["105 ops: resolved backend_out 1 unrouted, still nobody_eligible nobody_eligible"]
    );
    alerts.reconfigure(plan().into(), &[], &ops, at(200));
    alerts.advance(at(200));
    assert_eq!(told(&play(&mut alerts, Vec::new(), 300)), ["205 ops: resolved nobody_eligible removed"]);
    alerts.reconfigure(plan().into(), &[], &[], at(300));
    assert!(alerts.export(at(300)).is_empty());
}

#[test]
fn the_next_process_tells_nothing_twice_and_the_end_once() {
    let mut before = machine(plan());
    let told_before = play(&mut before, vec![stands(1, Down, 10), stands(2, Down, 10)], 20);
    let known = before.export(at(20));
    let mut after = Alerts::new(plan().into(), &["orders".into()]);
    let picture = |port, cause| said(key(What::BackendOut, Some(port)), Says::Known(cause), 0);
    // Meanwhile the second is well, and the third was lost.
    for (port, cause) in [(1, Unchecked), (2, Up), (3, Down)] {
        after.handle(picture(port, cause));
    }
    after.import(known, &["ops".into()], at(20));
    after.advance(at(20));
    let notices = play(&mut after, vec![stands(1, NotReady, 21), stands(1, Up, 300)], 1_000);
    assert_eq!(
        told(&notices[..1]),
        [
            "26 ops: firing below_half below_half, firing backend_out 3 down, resolved backend_out 2 gone, still backend_out 1 not_ready"
        ]
    );
    assert_eq!((&notices[0].incident, notices[0].id.as_str()), (&told_before[0].incident, "run-10-2"));
    assert_eq!(
        told(&notices[1..]),
        ["305 ops: resolved below_half over, resolved backend_out 1 up, still backend_out 3 down"]
    );
}

#[test]
fn knowledge_is_older_than_news() {
    let mut alerts = machine(plan());
    alerts.handle(said(key(What::BackendOut, Some(1)), Says::Known(Down), 1));
    alerts.advance(at(1));
    assert!(alerts.next_deadline().is_none());
}

#[test]
fn there_is_a_limit_and_what_is_beyond_it_is_counted() {
    let mut alerts = Alerts::new(plan().into(), &["orders".into()]);
    let upstream: Arc<str> = "orders".into();
    for number in 0..10_050_u32 {
        let backend = Address::Unix(number.to_string().into());
        let key = Key { upstream: Some(upstream.clone()), what: What::BackendOut, backend: Some(backend) };
        alerts.handle(said(key, Says::Stands(Down), 0));
    }
    assert_eq!((alerts.take_dropped(), alerts.take_dropped()), (50, 0));
    assert_eq!(alerts.holding()[0], (Severity::Warning, 10_000));
}

/// Whatever happens: each receiver's sequence for a condition is a beginning (which may say later that it flaps) and an end.
#[test]
fn every_sequence_alternates() {
    let mut told: BTreeMap<Key, ConditionState> = BTreeMap::new();
    let mut alerts = machine(plan());
    let mut random = crate::base::rng::Rng::new(7);
    let mut news: Vec<Input> = Vec::new();
    for secs in 1..20_000 {
        if random.below(15) == 0 {
            let cause = Cause::ALL[random.below(Cause::ALL.len() as u32) as usize];
            news.push(stands(1 + random.below(4) as u16, cause, secs));
        }
    }
    news.extend((1..=4).map(|port| stands(port, Up, 20_000)));
    let notices = play(&mut alerts, news, 21_000);
    assert!(notices.len() > 100 && notices.len() < 20_000 / 30, "{}", notices.len());
    for item in notices.iter().flat_map(|notice| &notice.items) {
        let before = told.get(&item.key).copied();
        match (before, item.state) {
            (None, ConditionState::Firing | ConditionState::Flapping(_))
            | (Some(ConditionState::Firing), ConditionState::Flapping(_)) => {
                told.insert(item.key.clone(), item.state);
            }
            (Some(_), ConditionState::Resolved) => drop(told.remove(&item.key)),
            (Some(_), ConditionState::Still) => {}
            impossible => panic!("{}: {impossible:?}", item.key),
        }
    }
    assert!(told.is_empty() && alerts.next_deadline().is_none(), "{told:?}");
}
