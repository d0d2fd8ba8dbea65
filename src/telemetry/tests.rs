//! What a scrape shows after requests, reports and reloads.

mod backends;
mod happenings;
mod lifetimes;
mod requests;

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
        request_id: b"r-1",
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

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no line {line}\nin\n{text}");
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
    drop(telemetry.traffic.worker(0).opened());
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

#[test]
fn a_removed_upstream_has_no_series() {
    let telemetry = eventful();
    let without = Plan { upstreams: Vec::new(), ..plan(&["home"]) };
    assert!(telemetry.render(&snapshot(&["home"]), &[]).contains(r#"upstream="orders""#));
    telemetry.life.announce(&without, Vec::new());
    let without = Snapshot { plan: Arc::new(without), ..snapshot(&[]) };
    assert!(!telemetry.render(&without, &[]).contains(r#"upstream="orders""#));
}
