//! `/upstreams`: why is this backend in or out, and when does it come back?
//!
//! Everything that the board knows of a backend, with the sentence of its cause first. The history is told with the same lines as
//! the log, event ids included.

use super::document::{self, Document};
use super::{Now, millis};
use crate::admin::traffic::Recent;
use crate::telemetry::event;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, EjectionReport, Given, LastProbe, OtherProbe, UpstreamReport};
use pulsegate_core::health::event::Remembered;
use pulsegate_core::health::reading;
use pulsegate_core::traffic::series::Figures;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
pub struct Upstreams {
    pub timestamp: String,
    pub upstreams: Vec<Upstream>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Upstream {
    pub name: String,
    pub eligible: usize,
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    pub address: String,
    pub standing: &'static str,
    pub eligible: bool,
    /// Why it has this standing.
    pub why: String,
    pub since: String,
    pub since_ms: u64,
    /// "2/3"; absent without a readiness probe.
    pub counter: Option<String>,
    pub unprobed: bool,
    /// In force.
    pub weight: u32,
    pub configured_weight: u32,
    pub backup: bool,
    pub order: Option<Order<&'static str>>,
    pub weight_order: Option<Order<u32>>,
    /// The share of its weight that it may use now, 0 to 1.
    pub share: f64,
    pub earliest_return: Option<Moment>,
    pub last_probe: Option<Probe>,
    pub next_probe: Option<Moment>,
    /// Startup and liveness, where there are such.
    pub other_probes: Vec<Other>,
    pub ejection: Option<Ejection>,
    pub in_flight: u32,
    pub outcomes: Outcomes,
    pub traffic: Traffic,
    /// What else is worth knowing of it now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Newest first.
    pub history: Vec<Entry>,
}

/// What an operator ordered, and who, when, until when.
#[derive(Clone, Debug, Serialize)]
pub struct Order<T> {
    pub what: T,
    pub by: String,
    pub at: String,
    /// `null`: until it is taken back.
    pub until: Option<Moment>,
    pub reason: Option<String>,
}

/// The answer to an order.
#[derive(Clone, Debug, Serialize)]
pub struct Steered {
    pub upstream: String,
    pub backend: Backend,
}

/// A moment to come.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    pub at: String,
    /// Milliseconds from now; 0 when it is due.
    pub in_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    pub at: String,
    pub ago_ms: u64,
    pub took_ms: u64,
    pub passed: bool,
    pub code: Option<u16>,
    pub text: String,
    /// `null` where its body was not read as a document, or there was none.
    pub document: Option<Document>,
    pub steps_ms: Steps,
}

/// Milliseconds of each step, to the microsecond; `null` where a step was not reached, or there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    pub connect: Option<f64>,
    pub tls: Option<f64>,
    pub first_byte: Option<f64>,
}

/// A probe other than readiness.
#[derive(Clone, Debug, Serialize)]
pub struct Other {
    /// `startup` or `liveness`.
    pub probe: &'static str,
    pub passes: bool,
    /// Startup: failures in a row of those that give it up; liveness: as `counter`.
    pub counter: String,
    pub last_probe: Option<Probe>,
    /// `null`: it does not run now.
    pub next_probe: Option<Moment>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Ejection {
    /// The how-manieth in a row.
    pub nth: u32,
    pub since: String,
    pub earliest_return: Moment,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outcomes {
    pub window: Tally,
    pub total: Tally,
    /// Failures in a row.
    pub failures_in_a_row: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Tally {
    pub successes: u64,
    pub failures: u64,
}

/// Of the last ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Traffic {
    pub requests_per_second: f64,
    /// 0 to 1.
    pub error_share: f64,
    /// `null` where nothing answered.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub event_id: String,
    pub at: String,
    pub event: String,
    pub message: String,
    /// What the log line carries besides.
    pub details: BTreeMap<String, String>,
}

pub fn upstreams(reports: &[UpstreamReport], recent: &Recent, now: Now) -> Upstreams {
    let upstreams = reports.iter().map(|report| upstream(report, recent, now)).collect();
    Upstreams { timestamp: now.date(now.at), upstreams }
}

pub fn upstream(report: &UpstreamReport, recent: &Recent, now: Now) -> Upstream {
    let backends: Vec<Backend> = report.backends.iter().map(|report| backend(report, recent, now)).collect();
    let eligible = backends.iter().filter(|backend| backend.eligible).count();
    Upstream { name: report.name.to_string(), eligible, backends }
}

pub fn backend(report: &BackendReport, recent: &Recent, now: Now) -> Backend {
    let standing = report.standing;
    let (value, threshold) = report.counter;
    Backend {
        address: report.id.address.to_string(),
        standing: standing.cause.word(),
        eligible: standing.cause.eligible(),
        why: report.why.clone(),
        since: now.date(report.since),
        since_ms: now.ms_since(report.since),
        counter: (!standing.unprobed).then(|| format!("{value}/{threshold}")),
        unprobed: standing.unprobed,
        weight: report.weight,
        configured_weight: report.configured_weight,
        backup: report.backup,
        order: report.order.as_ref().map(|given| order(given, given.what.word(), now)),
        weight_order: report.weight_order.as_ref().map(|given| order(given, given.what, now)),
        share: standing.share,
        earliest_return: standing.earliest_return.map(|at| moment(at, now)),
        last_probe: report.last_probe.as_ref().map(|probe| last_probe(probe, now)),
        next_probe: report.next_probe.map(|at| moment(at, now)),
        other_probes: report.other_probes.iter().map(|probe| other(probe, now)).collect(),
        ejection: report.ejection.map(|ejection| self::ejection(ejection, now)),
        in_flight: report.in_flight,
        outcomes: outcomes(report),
        traffic: traffic(recent.of(&report.id)),
        history: report.history.iter().rev().map(|remembered| entry(remembered, now)).collect(),
        notes: report.notes.clone(),
    }
}

pub fn steered(report: &BackendReport, recent: &Recent, now: Now) -> Steered {
    Steered { upstream: report.id.upstream.to_string(), backend: backend(report, recent, now) }
}

/// To three places, and latencies to the microsecond.
pub fn traffic(figures: Figures) -> Traffic {
    let rounded = |figure: f64| (figure * 1e3).round() / 1e3;
    let millis = |span: Option<Duration>| span.map(|span| rounded(span.as_secs_f64() * 1e3));
    Traffic {
        requests_per_second: rounded(figures.requests_per_second),
        error_share: (figures.error_share * 1e5).round() / 1e5,
        p50_ms: millis(figures.p50),
        p99_ms: millis(figures.p99),
    }
}

fn order<W, T>(given: &Given<W>, what: T, now: Now) -> Order<T> {
    Order {
        what,
        by: given.by.to_string(),
        at: now.date(given.at),
        until: given.until.map(|at| moment(at, now)),
        reason: given.reason.as_ref().map(ToString::to_string),
    }
}

pub fn moment(at: Timestamp, now: Now) -> Moment {
    Moment { at: now.date(at), in_ms: now.ms_until(at) }
}

pub fn last_probe(probe: &LastProbe, now: Now) -> Probe {
    Probe {
        at: now.date(probe.at),
        ago_ms: now.ms_since(probe.at),
        took_ms: millis(probe.took),
        passed: probe.passed,
        code: probe.status,
        text: probe.text.clone(),
        document: probe.document.as_ref().map(document::document),
        steps_ms: steps(&probe.steps),
    }
}

pub fn steps(steps: &reading::Steps) -> Steps {
    let fine = |step: Option<Duration>| step.map(|step| (step.as_secs_f64() * 1e6).round() / 1e3);
    Steps { connect: fine(steps.connect), tls: fine(steps.tls), first_byte: fine(steps.first_byte) }
}

fn other(probe: &OtherProbe, now: Now) -> Other {
    let (value, threshold) = probe.counter;
    Other {
        probe: probe.kind.word(),
        passes: probe.passes,
        counter: format!("{value}/{threshold}"),
        last_probe: probe.last.as_ref().map(|probe| last_probe(probe, now)),
        next_probe: probe.next.map(|at| moment(at, now)),
    }
}

fn ejection(ejection: EjectionReport, now: Now) -> Ejection {
    Ejection {
        nth: ejection.nth,
        since: now.date(ejection.since),
        earliest_return: moment(ejection.earliest_return, now),
    }
}

fn outcomes(report: &BackendReport) -> Outcomes {
    Outcomes {
        window: Tally { successes: report.successes.into(), failures: report.failures.into() },
        total: Tally { successes: report.total_successes, failures: report.total_failures },
        failures_in_a_row: report.streak,
    }
}

pub fn entry(remembered: &Remembered, now: Now) -> Entry {
    let told = event::told(remembered);
    Entry {
        event_id: told.id,
        at: now.date(told.at),
        event: told.event,
        message: told.message,
        details: told.details.into_iter().collect(),
    }
}

/// Literal reports for the tests of this room.
#[cfg(test)]
pub mod samples {
    use pulsegate_core::base::identity::{Address, BackendId};
    use pulsegate_core::base::time::Timestamp;
    use pulsegate_core::board::{BackendReport, UpstreamReport};
    use pulsegate_core::health::standing::{Cause, Standing};
    use std::net::{Ipv4Addr, SocketAddr};

    pub fn pool(name: &str, backends: Vec<BackendReport>) -> UpstreamReport {
        UpstreamReport { name: name.into(), backends }
    }

    /// At 127.0.0.1 and this port, in its standing since second 88.
    pub fn backend(port: u16, cause: Cause) -> BackendReport {
        let address = Address::Socket(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        BackendReport {
            id: BackendId { upstream: "orders".into(), address },
            weight: 1,
            configured_weight: 1,
            backup: false,
            order: None,
            weight_order: None,
            standing: Standing {
                cause,
                share: if cause.eligible() { 1.0 } else { 0.0 },
                earliest_return: None,
                unprobed: false,
            },
            since: Timestamp::from_secs(88),
            why: "the sentence".into(),
            counter: (2, 3),
            last_probe: None,
            next_probe: None,
            other_probes: Vec::new(),
            ejection: None,
            in_flight: 0,
            successes: 0,
            failures: 0,
            streak: 0,
            total_successes: 0,
            total_failures: 0,
            notes: Vec::new(),
            history: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{backend, pool};
    use super::*;
    use pulsegate_core::health::event::{Event, EventKind, Run};
    use pulsegate_core::health::reading::Steps as Timed;
    use pulsegate_core::health::standing::Cause;
    use serde_json::json;
    use std::time::SystemTime;

    const NOW: Now = Now { at: Timestamp::from_secs(100), origin: SystemTime::UNIX_EPOCH, started: Timestamp::ZERO };

    fn ejected() -> BackendReport {
        let mut report = backend(9002, Cause::Ejected);
        report.why = "5 failures in a row".into();
        report.standing.earliest_return = Some(Timestamp::from_millis(108_500));
        report.last_probe = Some(LastProbe {
            at: Timestamp::from_millis(99_250),
            took: Duration::from_millis(3),
            passed: true,
            status: Some(200),
            text: "200 from /ready".into(),
            document: None,
            steps: Timed {
                connect: Some(Duration::from_micros(400)),
                tls: None,
                first_byte: Some(Duration::from_millis(2)),
            },
        });
        report.next_probe = Some(Timestamp::from_millis(101_250));
        report.ejection = Some(EjectionReport {
            since: Timestamp::from_secs(88),
            earliest_return: Timestamp::from_millis(108_500),
            nth: 2,
        });
        report.order = Some(Given {
            what: pulsegate_core::health::order::Order::ForceUp,
            by: "ops".into(),
            at: Timestamp::from_secs(95),
            until: Some(Timestamp::from_secs(695)),
            reason: Some("a new disk".into()),
        });
        report.in_flight = 1;
        (report.successes, report.failures, report.streak) = (12, 5, 5);
        (report.total_successes, report.total_failures) = (4000, 7);
        report.history = vec![event(3, Cause::Unchecked, Cause::Up), event(9, Cause::Up, Cause::Ejected)];
        report
    }

    fn event(id: u64, from: Cause, to: Cause) -> Remembered {
        let backend = backend(9002, Cause::Up).id;
        let kind =
            EventKind::Transition { backend, from, to, counter: (4, 3), why: "seen".into(), earliest_return: None };
        Remembered::Own(Event { run: Run::of(0), id, at: Timestamp::from_secs(id), kind })
    }

    /// What is expected of the two events.
    fn history() -> serde_json::Value {
        json!([
            {
                "event_id": "000000-9", "at": "1970-01-01T00:00:09.000Z", "event": "backend.transition",
                "message": "up -> ejected: seen",
                "details": { "from": "up", "to": "ejected", "counter": "4/3" },
            },
            {
                "event_id": "000000-3", "at": "1970-01-01T00:00:03.000Z", "event": "backend.transition",
                "message": "unchecked -> up: seen",
                "details": { "from": "unchecked", "to": "up", "counter": "4/3" },
            },
        ])
    }

    #[test]
    fn the_whole_document() {
        let document =
            serde_json::to_value(upstreams(&[pool("orders", vec![ejected()])], &Recent::default(), NOW)).unwrap();
        let expected = json!({
            "timestamp": "1970-01-01T00:01:40.000Z",
            "upstreams": [{
                "name": "orders",
                "eligible": 0,
                "backends": [{
                    "address": "127.0.0.1:9002",
                    "standing": "ejected",
                    "eligible": false,
                    "why": "5 failures in a row",
                    "since": "1970-01-01T00:01:28.000Z",
                    "since_ms": 12_000,
                    "counter": "2/3",
                    "unprobed": false,
                    "weight": 1,
                    "configured_weight": 1,
                    "backup": false,
                    "order": {
                        "what": "force-up", "by": "ops", "at": "1970-01-01T00:01:35.000Z",
                        "until": { "at": "1970-01-01T00:11:35.000Z", "in_ms": 595_000 }, "reason": "a new disk",
                    },
                    "weight_order": null,
                    "share": 0.0,
                    "earliest_return": { "at": "1970-01-01T00:01:48.500Z", "in_ms": 8_500 },
                    "last_probe": {
                        "at": "1970-01-01T00:01:39.250Z", "ago_ms": 750, "took_ms": 3, "passed": true, "code": 200,
                        "text": "200 from /ready",
                        "document": null,
                        "steps_ms": { "connect": 0.4, "tls": null, "first_byte": 2.0 },
                    },
                    "next_probe": { "at": "1970-01-01T00:01:41.250Z", "in_ms": 1_250 },
                    "other_probes": [],
                    "ejection": {
                        "nth": 2,
                        "since": "1970-01-01T00:01:28.000Z",
                        "earliest_return": { "at": "1970-01-01T00:01:48.500Z", "in_ms": 8_500 },
                    },
                    "in_flight": 1,
                    "outcomes": {
                        "window": { "successes": 12, "failures": 5 },
                        "total": { "successes": 4000, "failures": 7 },
                        "failures_in_a_row": 5,
                    },
                    "traffic": { "requests_per_second": 0.0, "error_share": 0.0, "p50_ms": null, "p99_ms": null },
                    "history": history(),
                }],
            }],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut unprobed = backend(9001, Cause::Up);
        unprobed.standing.unprobed = true;
        let document = serde_json::to_value(super::backend(&unprobed, &Recent::default(), NOW)).unwrap();
        for key in ["counter", "earliest_return", "last_probe", "next_probe", "ejection"] {
            assert!(document[key].is_null(), "{key}");
        }
        assert_eq!(document["unprobed"], json!(true));
    }

    #[test]
    fn traffic_is_rounded() {
        let span = |micros: f64| Some(Duration::from_secs_f64(micros / 1e6));
        let figures =
            Figures { requests_per_second: 2.0 / 3.0, error_share: 1.0 / 3.0, p50: span(1234.5678), p99: None };
        let expected = Traffic { requests_per_second: 0.667, error_share: 0.333_33, p50_ms: Some(1.235), p99_ms: None };
        assert_eq!(traffic(figures), expected);
    }

    #[test]
    fn a_moment_that_is_due_is_zero_milliseconds_away() {
        assert_eq!(moment(Timestamp::from_secs(90), NOW).in_ms, 0);
    }
}
