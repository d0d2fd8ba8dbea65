//! What a scrape shows after requests, reports and reloads.

mod lifetimes;

use super::*;
use crate::control::Reporter;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, LastProbe, UpstreamReport};
use pulsegate_core::health::document::{Component, Document, Meaning, Said};
use pulsegate_core::health::event::{Disagreement, EjectedBy, Event, EventKind, Run};
use pulsegate_core::health::standing::{Cause, Standing};
use pulsegate_core::plan::{
    Detector, Forward, HttpTarget, ListenerPlan, Plan, ProbeKind, RouteAction, RoutePlan, UpstreamPlan, Vocabulary,
    WebhookKind, WebhookPlan, WebhookUrl,
};
use pulsegate_core::traffic::admission::Denial;
use pulsegate_core::traffic::ledger::{Entry, Ledger};
use pulsegate_core::traffic::load_balancing::Balancer;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::retry_budget::RetryBudget;
use pulsegate_core::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::slice;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static NO_TRIES: LazyLock<Tries> = LazyLock::new(Tries::default);

/// Where all that the tests name is in force.
fn telemetry() -> Telemetry {
    let telemetry = Telemetry::new(None, Clock::start(), None);
    telemetry.in_force(&["home", "old"]);
    telemetry
}

fn plan(routes: &[&str]) -> Plan {
    let public = ListenerPlan { name: "public".into(), ..ListenerPlan::at(([127, 0, 0, 1], 8080).into()) };
    let target = HttpTarget { https: false, host: "a".into(), port: 80, path: "/".into() };
    Plan {
        listeners: vec![Arc::new(public)],
        webhooks: vec![Arc::new(WebhookPlan::to("owner", WebhookKind::Generic, WebhookUrl::Known(target)))],
        routes: routes.iter().map(|name| route(name)).collect(),
        upstreams: vec![Arc::new(UpstreamPlan::named("orders"))],
        ..Plan::default()
    }
}

fn route(name: &str) -> RoutePlan {
    RoutePlan::named(name, RouteAction::Forward(Forward::default()))
}

fn pool(ledger: Ledger) -> Arc<Pool> {
    let upstream = Arc::new(UpstreamPlan::named("orders"));
    Arc::new(Pool {
        balancer: Balancer::prepare(&upstream.balance, &Arc::default(), &[], &[], None),
        budget: Arc::new(RetryBudget::new(upstream.budget)),
        upstream,
        members: Arc::default(),
        circuit_breaker: Arc::default(),
        ledger: Arc::new(ledger),
        share_out: 0,
        emptiness: Emptiness::NoMembers,
    })
}

fn snapshot(routes: &[&str]) -> Snapshot {
    Snapshot { generation: 4, plan: Arc::new(plan(routes)), pools: Vec::new(), first_round_done: true }
}

fn record(route: Option<&'static str>, status: u16) -> RequestRecord<'static> {
    RequestRecord {
        request_id: "r-1",
        client: "10.0.0.7".parse().unwrap(),
        listener: "public",
        method: "GET",
        host: "api.example.com",
        path: "/",
        query: "",
        headers: None,
        protocol: "HTTP/1.1",
        route,
        upstream: None,
        backend: None,
        status,
        reason: None,
        attempts: 0,
        tries: &NO_TRIES,
        retry_stopped: None,
        bytes_in: 10,
        bytes_out: 20,
        tls: false,
        began: Timestamp::ZERO,
        took: Duration::from_millis(3),
        head_took: None,
        queued: Duration::ZERO,
        stalled: Duration::ZERO,
        grpc_status: None,
        upstream_took: None,
        overhead: None,
        trace_id: None,
        trace: None,
    }
}

fn report() -> UpstreamReport {
    let id = BackendId { upstream: "orders".into(), address: Address::Socket("127.0.0.1:9001".parse().unwrap()) };
    let backend = BackendReport {
        id,
        weight: 1,
        configured_weight: 1,
        order: None,
        weight_order: None,
        backup: false,
        standing: Standing { cause: Cause::NotReady, share: 0.0, earliest_return: None, unprobed: false },
        since: Timestamp::from_secs(1),
        why: "503 from /ready".into(),
        counter: (0, 2),
        last_probe: Some(LastProbe {
            at: Timestamp::from_secs(1),
            took: Duration::from_millis(250),
            passed: false,
            status: Some(503),
            text: "503".into(),
            document: Some(components()),
            steps: Default::default(),
        }),
        next_probe: None,
        other_probes: Vec::new(),
        ejection: None,
        in_flight: 3,
        successes: 0,
        failures: 0,
        streak: 0,
        total_successes: 40,
        total_failures: 2,
        notes: Vec::new(),
        history: Vec::new(),
    };
    UpstreamReport { name: "orders".into(), backends: vec![backend] }
}

/// A document of 25 components that are down, the first two of them not.
fn components() -> Document {
    let means = |number| [Some(Meaning::Degraded), None].get(number).copied().unwrap_or(Some(Meaning::Fail));
    let component = |number| Component {
        name: format!("part{number}"),
        said: Said { word: "a word".into(), means: means(number) },
        message: None,
    };
    Document { vocabulary: Vocabulary::Plain, components: (0..25).map(component).collect(), ..Document::default() }
}

impl Telemetry {
    /// In Prometheus' text format.
    fn render(&self, snapshot: &Snapshot, reports: &[UpstreamReport]) -> String {
        String::from_utf8(self.operators.expose(snapshot, reports, Format::Text)).unwrap()
    }

    fn in_force(&self, routes: &[&str]) {
        self.life.announce(&plan(routes), Vec::new());
    }
}

#[test]
fn the_components_of_a_backend_are_series_of_a_bounded_number() {
    let text = telemetry().render(&snapshot(&[]), &[report()]);
    let series = |name: &str| {
        format!(r#"pulsegate_backend_component_up{{backend="127.0.0.1:9001",component="{name}",upstream="orders"}}"#)
    };
    has(&text, &format!("{} 1", series("part0")));
    assert!(!text.contains(&series("part1")), "nobody knows what its word means");
    has(&text, &format!("{} 0", series("part2")));
    assert_eq!(text.matches("pulsegate_backend_component_up{").count(), 19);
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no line {line}\nin\n{text}");
}

#[test]
fn requests_are_counted_by_route_and_class() {
    let telemetry = telemetry();
    for status in [200, 204, 404, 499, 503] {
        telemetry.traffic.request(&record(Some("home"), status));
    }
    telemetry.traffic.request(&RequestRecord { reason: Some("no_route"), ..record(None, 404) });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    has(&text, r#"pulsegate_requests_total{code_class="2xx",route="home",upstream=""} 2"#);
    has(&text, r#"pulsegate_requests_total{code_class="4xx",route="home",upstream=""} 2"#);
    has(&text, r#"pulsegate_requests_total{code_class="5xx",route="home",upstream=""} 1"#);
    has(&text, r#"pulsegate_requests_total{code_class="4xx",route="",upstream=""} 1"#);
    has(&text, r#"pulsegate_sent_bytes_total{route="home",upstream=""} 100"#);
    has(&text, r#"pulsegate_own_answers_total{reason="no_route"} 1"#);
    has(&text, r#"pulsegate_request_duration_seconds_count{route="home",upstream=""} 5"#);
    has(&text, r#"pulsegate_request_duration_seconds_bucket{route="home",upstream="",le="0.0025"} 0"#);
    has(&text, r#"pulsegate_request_duration_seconds_bucket{route="home",upstream="",le="0.005"} 5"#);
}

fn tries(ends: &[AttemptEnd]) -> Tries {
    let mut tries = Tries::default();
    for end in ends {
        tries.push(Try {
            backend: Address::Socket("127.0.0.1:9001".parse().unwrap()),
            end: end.clone(),
            began: Timestamp::ZERO,
            took: Duration::ZERO,
            span: 0,
            url: None,
        });
    }
    tries
}

#[test]
fn attempts_beyond_the_first_are_retries() {
    let telemetry = telemetry();
    let (well, refused) = (AttemptEnd::Response { status: 200 }, AttemptEnd::ConnectFailed { timed_out: false });
    let once = tries(slice::from_ref(&well));
    let thrice = tries(&[refused, AttemptEnd::Response { status: 503 }, well]);
    let first_try = RequestRecord { upstream: Some("orders"), attempts: 1, tries: &once, ..record(Some("home"), 200) };
    telemetry.traffic.request(&first_try);
    telemetry.traffic.request(&RequestRecord {
        attempts: 3,
        tries: &thrice,
        retry_stopped: Some("budget"),
        ..first_try
    });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    for (result, attempts) in [("response", 2), ("bad_status", 1), ("connect_failed", 1), ("timeout", 0)] {
        has(&text, &format!(r#"pulsegate_attempts_total{{result="{result}",upstream="orders"}} {attempts}"#));
    }
    for (reason, retries) in [("response", 0), ("bad_status", 1), ("connect_failed", 1)] {
        has(&text, &format!(r#"pulsegate_retries_total{{reason="{reason}",upstream="orders"}} {retries}"#));
    }
    has(&text, r#"pulsegate_retry_stopped_total{reason="budget",upstream="orders"} 1"#);
}

#[test]
fn overhead_has_fine_buckets() {
    let telemetry = telemetry();
    let answered = |micros| RequestRecord {
        upstream: Some("orders"),
        overhead: Some(Duration::from_micros(micros)),
        ..record(Some("home"), 200)
    };
    [20, 60, 3_000].into_iter().for_each(|micros| telemetry.traffic.request(&answered(micros)));
    telemetry.traffic.request(&RequestRecord { overhead: None, ..answered(0) });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    for (le, count) in [("0.000025", 1), ("0.0001", 2), ("0.005", 3), ("+Inf", 3)] {
        has(&text, &format!(r#"pulsegate_overhead_seconds_bucket{{upstream="orders",le="{le}"}} {count}"#));
    }
}

#[test]
fn probes_are_counted_and_timed_by_kind() {
    let telemetry = telemetry();
    let took = Duration::from_millis(4);
    for (kind, result) in
        [(ProbeKind::Readiness, "passed"), (ProbeKind::Readiness, "timeout"), (ProbeKind::Liveness, "passed")]
    {
        telemetry.board.probed("orders", kind, result, took);
    }
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_probes_total{probe="readiness",result="timeout",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_probes_total{probe="liveness",result="passed",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_probe_duration_seconds_count{probe="readiness",upstream="orders"} 2"#);
    has(&text, r#"pulsegate_probe_duration_seconds_sum{probe="liveness",upstream="orders"} 0.004"#);
}

#[test]
fn the_ledger_of_an_upstream_is_shown() {
    let ledger = Ledger::default();
    ledger.saved(Entry::SavedByRetry);
    (0..3).for_each(|_| ledger.saved(Entry::SavedByEjection(250_000)));
    ledger.detected(4);
    (0..3).for_each(|_| ledger.opened());
    ledger.taken();
    let text = telemetry().render(&Snapshot { pools: vec![pool(ledger)], ..snapshot(&[]) }, &[]);
    has(&text, r#"pulsegate_saved_requests_total{by="retry",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_saved_requests_total{by="ejection",upstream="orders"} 0.75"#);
    has(&text, r#"pulsegate_detection_failed_requests_total{upstream="orders"} 4"#);
    has(&text, r#"pulsegate_upstream_connections{state="active",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_upstream_connections{state="idle",upstream="orders"} 2"#);
    has(&text, r#"pulsegate_queue_requests{upstream="orders"} 0"#);
}

#[test]
fn native_histograms_come_and_go_with_the_configuration() {
    let telemetry = telemetry();
    let count = || {
        telemetry.traffic.request(&record(Some("home"), 200));
        let bytes = telemetry.operators.expose(&snapshot(&["home"]), &[], Format::Protobuf);
        let text = telemetry.render(&snapshot(&["home"]), &[]);
        let counted = text.lines().find(|line| line.starts_with("pulsegate_request_duration_seconds_count"));
        (counted.unwrap().rsplit_once(' ').unwrap().1.to_owned(), bytes.len())
    };
    let (_, without) = count();
    telemetry.life.metrics.native_histograms(false);
    assert_eq!(count().0, "2");
    telemetry.life.metrics.native_histograms(true);
    let (counted, with) = count();
    assert_eq!(counted, "1", "it began anew");
    assert!(with > without, "{with} bytes with native buckets, {without} without");
    telemetry.life.metrics.native_histograms(true);
    assert_eq!(count().0, "2");
}

#[test]
fn two_components_of_one_name_are_one_series() {
    let mut report = report();
    let document = report.backends[0].last_probe.as_mut().unwrap().document.as_mut().unwrap();
    for component in &mut document.components {
        component.name = "db".into();
    }
    let text = telemetry().render(&snapshot(&[]), &[report]);
    assert_eq!(text.matches(r#"component="db""#).count(), 1);
    has(&text, r#"pulsegate_backend_component_up{backend="127.0.0.1:9001",component="db",upstream="orders"} 0"#);
}

#[test]
fn a_removed_route_has_no_series() {
    let telemetry = telemetry();
    telemetry.traffic.request(&record(Some("old"), 200));
    assert!(telemetry.render(&snapshot(&["old"]), &[]).contains(r#"route="old""#));
    telemetry.in_force(&["new"]);
    assert!(!telemetry.render(&snapshot(&["new"]), &[]).contains(r#"route="old""#));
    telemetry.in_force(&["old"]);
    telemetry.traffic.request(&record(Some("old"), 200));
    let text = telemetry.render(&snapshot(&["old"]), &[]);
    has(&text, r#"pulsegate_requests_total{code_class="2xx",route="old",upstream=""} 1"#);
}

#[test]
fn a_backend_is_described_by_its_report() {
    let text = telemetry().render(&snapshot(&[]), &[report()]);
    let labels = r#"backend="127.0.0.1:9001""#;
    has(&text, &format!(r#"pulsegate_backend_eligible{{{labels},upstream="orders"}} 0"#));
    has(&text, &format!(r#"pulsegate_backend_standing{{{labels},standing="not_ready",upstream="orders"}} 1"#));
    has(&text, &format!(r#"pulsegate_backend_standing{{{labels},standing="up",upstream="orders"}} 0"#));
    has(&text, &format!(r#"pulsegate_backend_in_flight{{{labels},upstream="orders"}} 3"#));
    has(&text, &format!(r#"pulsegate_backend_outcomes_total{{{labels},outcome="failure",upstream="orders"}} 2"#));
    has(&text, &format!(r#"pulsegate_backend_last_probe_seconds{{{labels},upstream="orders"}} 0.25"#));
    has(&text, r#"pulsegate_upstream_eligible_backends{upstream="orders"} 0"#);
    has(&text, "pulsegate_snapshot_generation 4");
    assert_eq!(text.matches("pulsegate_backend_standing{").count(), Cause::ALL.len());
}

#[test]
fn a_backend_that_is_gone_has_no_series() {
    let telemetry = telemetry();
    assert!(telemetry.render(&snapshot(&[]), &[report()]).contains("127.0.0.1:9001"));
    assert!(!telemetry.render(&snapshot(&[]), &[]).contains("127.0.0.1:9001"));
}

#[test]
fn events_move_their_counters() {
    let telemetry = telemetry();
    let backend = report().backends.remove(0).id;
    let kinds = [
        EventKind::Ejected {
            backend: backend.clone(),
            cause: EjectedBy::Trial,
            nth: 1,
            duration: Duration::from_secs(10),
            why: "5 in a row".into(),
        },
        EventKind::Transition {
            backend,
            from: Cause::Up,
            to: Cause::Ejected,
            counter: (4, 3),
            why: "5 in a row".into(),
            earliest_return: None,
        },
        EventKind::PoolEmpty { upstream: "orders".into(), empty: true },
    ];
    for (id, kind) in (1..).zip(kinds) {
        telemetry.board.report(&Event { run: Run::default(), id, at: Timestamp::ZERO, kind });
    }
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_ejections_total{cause="trial",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_transitions_total{to="ejected",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_pool_emptied_total{upstream="orders"} 1"#);
}

#[test]
fn a_refused_reload_shows_until_one_is_applied() {
    let telemetry = telemetry();
    has(&telemetry.render(&snapshot(&[]), &[]), "pulsegate_config_last_reload_successful 1");
    telemetry.life.reload(Some("why"));
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, "pulsegate_config_last_reload_successful 0");
    has(&text, r#"pulsegate_reloads_total{result="refused"} 1"#);
    telemetry.life.reload(None);
    has(&telemetry.render(&snapshot(&[]), &[]), "pulsegate_config_last_reload_successful 1");
}

#[test]
fn connections_are_a_gauge_and_a_total() {
    let telemetry = telemetry();
    let _stays = telemetry.traffic.connected("public");
    drop(telemetry.traffic.connected("public"));
    telemetry.traffic.refused("public", "10.0.0.7".parse().unwrap(), "head_timeout");
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_connections{listener="public"} 1"#);
    has(&text, r#"pulsegate_connections_accepted_total{listener="public"} 2"#);
    has(&text, r#"pulsegate_refused_total{listener="public",reason="head_timeout"} 1"#);
}

/// Where one of everything that can happen has happened.
fn eventful() -> Telemetry {
    let telemetry = telemetry();
    happen(&telemetry);
    telemetry
}

/// One of everything.
fn happen(telemetry: &Telemetry) {
    telemetry.traffic.mirrored("home", true);
    telemetry.traffic.hedged("home", "sent");
    telemetry.traffic.over_limit("home");
    for denial in [Denial::Address, Denial::Rate(Duration::ZERO), Denial::Shielded] {
        telemetry.traffic.denied("home", "10.0.0.7".parse().unwrap(), denial);
    }
    drop(telemetry.traffic.connected("public"));
    telemetry.traffic.refused("public", "10.0.0.7".parse().unwrap(), "head_timeout");
    telemetry.life.certificates(&[("public".into(), "shop.test".into(), 4_000_000_000)]);
    telemetry.traffic.request(&RequestRecord {
        upstream: Some("orders"),
        reason: Some("upstream_timeout"),
        retry_stopped: Some("budget"),
        attempts: 2,
        upstream_took: Some(Duration::from_millis(2)),
        overhead: Some(Duration::from_micros(40)),
        ..record(Some("home"), 504)
    });
    for kind in events() {
        telemetry.board.report(&Event { run: Run::default(), id: 1, at: Timestamp::ZERO, kind });
    }
    telemetry.board.probed("orders", ProbeKind::Readiness, "passed", Duration::ZERO);
    telemetry.life.metrics.webhook_notices.inc(["owner", "delivered"]);
    telemetry.operators.admin_write(&AdminWrite {
        by: "ops",
        from: ([127, 0, 0, 1], 40_000).into(),
        action: "drain",
        what: "orders/127.0.0.1:9001",
        result: WriteResult::Applied,
        detail: "it is drained now",
    });
}

/// One of each kind that is counted.
fn events() -> Vec<EventKind> {
    let (backend, why) = (report().backends.remove(0).id, String::from("seen"));
    let counter = (0, 2);
    let (from, to, earliest_return) = (Cause::Up, Cause::Down, None);
    vec![
        EventKind::Transition { backend: backend.clone(), from, to, counter, why: why.clone(), earliest_return },
        EventKind::Ejected {
            backend: backend.clone(),
            cause: EjectedBy::Detector(Detector::FailureRatio),
            nth: 1,
            duration: Duration::ZERO,
            why: why.clone(),
        },
        EventKind::EjectionRefused { backend: backend.clone(), fit: 1, pool: 2, floor: 1, why: why.clone() },
        EventKind::WouldEject { backend: backend.clone(), detector: Detector::FailureOutlier, why: why.clone() },
        EventKind::Disagreement {
            backend: backend.clone(),
            what: Disagreement::LyingReadiness,
            over: false,
            why: why.clone(),
        },
        EventKind::PoolHeld { upstream: "orders".into(), held: true, why: why.clone() },
        EventKind::TimeoutsHeld { backend: backend.clone(), why: why.clone() },
        EventKind::NeedsRestart {
            backend: backend.clone(),
            kind: ProbeKind::Liveness,
            why: why.clone(),
            webhook: Some("owner".into()),
        },
        EventKind::Restarted { backend, from: "a7".into(), to: "a8".into() },
        EventKind::DiscoveryKept { upstream: "orders".into(), source: "dns".into(), why },
        EventKind::PoolEmpty { upstream: "orders".into(), empty: true },
    ]
}

/// What `promtool check metrics` looks at: each family once, HELP and TYPE in front of it, no series twice. And every row of
/// the table is served, in its order.
#[test]
fn the_text_is_well_formed_and_holds_the_whole_table() {
    let with_pool = Snapshot { pools: vec![pool(Ledger::default())], ..snapshot(&["home"]) };
    let text = eventful().render(&with_pool, &[report()]);
    let types: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(ToOwned::to_owned).collect();
    let rows: Vec<String> = table::ALL.iter().map(|metric| format!("{} {}", metric.name, metric.kind.word())).collect();
    assert_eq!(types, rows);
    for metric in table::ALL {
        has(&text, &format!("# HELP {} {}", metric.name, metric.help));
    }
    let mut series: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all);
}

#[test]
fn a_certificate_has_a_series_per_name_while_it_is_in_force() {
    let telemetry = telemetry();
    let end = |name: &str, at| ("public".to_owned(), name.to_owned(), at);
    telemetry.life.certificates(&[end("a.test", 200), end("a.test", 100), end("b.test", 300)]);
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="a.test"} 100"#);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="b.test"} 300"#);

    telemetry.life.certificates(&[end("b.test", 400)]);
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="b.test"} 400"#);
    assert!(!text.contains("a.test"), "{text}");
}

#[test]
fn rare_events_are_counted_from_zero() {
    let text = telemetry().render(&snapshot(&["home"]), &[]);
    for series in [
        r#"pulsegate_ejections_refused_total{upstream="orders"} 0"#,
        r#"pulsegate_ejections_total{cause="trial",upstream="orders"} 0"#,
        r#"pulsegate_disagreements_total{upstream="orders",what="lying_readiness"} 0"#,
        r#"pulsegate_need_restart_total{probe="liveness",upstream="orders"} 0"#,
    ] {
        has(&text, series);
    }
}

#[test]
fn a_removed_upstream_has_no_series() {
    let telemetry = eventful();
    let without = Plan { upstreams: Vec::new(), ..plan(&["home"]) };
    assert!(telemetry.render(&snapshot(&["home"]), &[]).contains(r#"upstream="orders""#));
    telemetry.life.announce(&without, Vec::new());
    let without = Snapshot { plan: Arc::new(without), ..snapshot(&[]) };
    assert!(!telemetry.render(&without, &[]).contains(r#"upstream="orders""#));
}
