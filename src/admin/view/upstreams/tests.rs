//! The document of one backend in full, and of one of which little is known.

use super::*;
use crate::admin::view::samples::{backend, pool};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::LastProbe;
use pulsegate_core::health::event::{Event, EventKind, Remembered, Run};
use pulsegate_core::health::reading::Steps as Timed;
use pulsegate_core::health::standing::Cause;
use serde_json::json;
use std::time::{Duration, SystemTime};

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
    let kind = EventKind::Transition { backend, from, to, counter: (4, 3), why: "seen".into(), earliest_return: None };
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
fn an_unknown_value_is_null() {
    let mut unprobed = backend(9001, Cause::Up);
    unprobed.standing.unprobed = true;
    let document = serde_json::to_value(super::backend(&unprobed, &Recent::default(), NOW)).unwrap();
    for key in ["counter", "earliest_return", "last_probe", "next_probe", "ejection"] {
        assert!(document[key].is_null(), "{key}");
    }
    assert_eq!(document["unprobed"], json!(true));
}
