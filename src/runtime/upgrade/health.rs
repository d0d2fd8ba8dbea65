//! How is what a board knows written down for another process? As versioned JSON around the core's states.
//!
//! The reader may be newer or older than the writer: a version that it does not know is left aside as a whole (everybody is then
//! probed anew), a backend whose standing has no word here costs that backend alone, and a field that is not known only itself.

use super::history;
use super::words::leave_out;
use pulsegate_core::board::Handover;
use pulsegate_core::health::standing::Cause;
use serde::Serialize;
use serde_json::Value;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document {
    version: u32,
    #[serde(flatten)]
    handover: Handover,
}

pub(super) fn write(mut handover: Handover) -> Value {
    history::tell(&mut handover);
    // Everything in it is in words now: writing it cannot fail.
    serde_json::to_value(Document { version: VERSION, handover }).unwrap_or_default()
}

/// # Errors
/// Why it is left aside, as a sentence.
pub(super) fn read(mut document: Value) -> Result<Handover, String> {
    let version = document.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(VERSION)) {
        let shown = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return Err(format!(
            "the health that was handed over has {shown}, this binary knows {VERSION}; backends are probed anew"
        ));
    }
    leave_out(&mut document, ("backends", "cause"), |word| Cause::of_word(word).is_some());
    serde_json::from_value(document)
        .map_err(|error| format!("the health that was handed over cannot be read ({error}); backends are probed anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::base::identity::{Address, BackendId};
    use pulsegate_core::base::time::Timestamp;
    use pulsegate_core::board::{
        BackendState, CheckState, EjectionsState, EventState, Found, GivenState, LifeState, LogState, OpinionState,
        OrdersState, ProbeState, ProbesState, SaidState, SourceState, StatusState,
    };
    use pulsegate_core::health::counter::CounterState;
    use pulsegate_core::health::event::{PastEvent, Remembered};
    use pulsegate_core::health::order::Order;
    use pulsegate_core::health::outlier::{OutlierState, RemainingEjection};
    use pulsegate_core::health::reading::Steps;
    use pulsegate_core::health::startup::StartupState;
    use pulsegate_core::plan::{DnsQuery, SourceId};
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn a_check() -> CheckState {
        let probe = ProbeState {
            ago: Duration::from_nanos(1_000_000_001),
            took: Duration::from_millis(3),
            passed: false,
            status: Some(503),
            text: "answered 503".to_owned(),
            steps: Steps { connect: Some(SECOND), tls: None, first_byte: Some(Duration::from_nanos(7)) },
        };
        let counter = Some(CounterState { value: 3, rise: 2, fall: 3 });
        CheckState {
            opinion: OpinionState { counter, not_ready: true, passed_once: true, only_timeouts: false },
            joined: SECOND * 60,
            said: SaidState {
                degraded: Some("says DEGRADED".to_owned()),
                drains: Some("answered 503: OUT_OF_SERVICE".to_owned()),
            },
            log: LogState {
                last: Some(probe.clone()),
                before: vec![probe.clone(), probe.clone()],
                last_failure: "no answer".to_owned(),
                stranger: true,
            },
        }
    }

    fn a_life(started: bool) -> LifeState {
        let failed_within = (!started).then_some(SECOND);
        LifeState {
            startup: Some(a_check()),
            progress: Some(StartupState {
                started,
                unasked: false,
                failed_within,
                ago: SECOND * 3,
                passes: 1,
                failures: 2,
            }),
            liveness: Some(a_check()),
            instances: [None, Some("a7".to_owned()), None],
        }
    }

    fn an_event() -> EventState {
        let told = PastEvent {
            id: "0k3f9a-42".to_owned(),
            at: Timestamp::ZERO,
            event: "backend.transition".to_owned(),
            message: "up -> down: answered 500".to_owned(),
            details: vec![("to".to_owned(), "down".to_owned())],
        };
        EventState { ago: SECOND * 9, event: Remembered::Past(told) }
    }

    fn an_ejection() -> EjectionsState {
        let out = RemainingEjection { remaining: SECOND * 4, length: SECOND * 10, nth: 2, readiness_lies: true };
        let passive = OutlierState { out: Some(out), trial: Some(SECOND), level: 2, level_for: SECOND * 30 };
        EjectionsState { passive, ejected_for: "5 failures in a row (limit 5)".to_owned() }
    }

    fn a_backend(address: Address, cause: Cause, orders: OrdersState) -> BackendState {
        BackendState {
            id: BackendId { upstream: "pool".into(), address },
            left: Some(SECOND * 7),
            orders,
            asked_drain: Some(SECOND * 2),
            probes: ProbesState { check: Some(a_check()), life: a_life(cause.eligible()) },
            ejections: an_ejection(),
            status: StatusState { cause, stands_for: SECOND * 5, ramp: Some(SECOND * 3) },
            history: vec![an_event()],
        }
    }

    fn everything() -> Handover {
        let socket = Address::Socket(([10, 0, 0, 1], 80).into());
        let steered = |order| OrdersState {
            standing: Some(GivenState {
                what: order,
                by: "ops".into(),
                ago: SECOND * 8,
                remaining: Some(SECOND * 9),
                reason: Some("a new disk".into()),
            }),
            weight: Some(GivenState { what: 7, by: "token".into(), ago: SECOND, remaining: None, reason: None }),
        };
        let standing = |cause| a_backend(socket.clone(), cause, OrdersState::default());
        let ordered = |order| a_backend(Address::Unix("/run/app.sock".into()), Cause::Up, steered(order));
        let orders = [Order::Drain, Order::ForceUp, Order::ForceDown];
        Handover {
            backends: Cause::ALL.into_iter().map(standing).chain(orders.map(ordered)).collect(),
            sources: vec![SourceState {
                upstream: "pool".into(),
                source: SourceId::Dns(DnsQuery::Host { name: "app".to_owned(), port: 80 }),
                found: vec![Found { address: socket.clone(), weight: 3, backup: true }],
            }],
        }
    }

    #[test]
    fn a_handover_is_read_back_as_it_was_written() {
        assert_eq!(read(write(everything())).unwrap(), everything());
        assert_eq!(read(write(Handover::default())).unwrap(), Handover::default());
    }

    #[test]
    fn standings_are_written_in_the_words_that_everybody_knows() {
        let written = write(everything());
        for (backend, cause) in written["backends"].as_array().unwrap().iter().zip(Cause::ALL) {
            assert_eq!(backend["cause"], cause.word());
        }
    }

    #[test]
    fn an_unknown_version_is_left_aside_with_a_sentence() {
        let mut newer = write(everything());
        newer["version"] = 2.into();
        assert!(read(newer).unwrap_err().contains("has version 2, this binary knows 1"));
        assert!(read(Value::Null).unwrap_err().contains("no version"));
    }

    #[test]
    fn a_document_that_is_none_is_left_aside_with_a_sentence() {
        for strange in
            [serde_json::json!({ "version": 1 }), serde_json::json!({ "version": 1, "backends": 7, "sources": [] })]
        {
            assert!(read(strange).unwrap_err().contains("cannot be read"));
        }
        let mut strange = write(everything());
        strange["backends"][0]["cause"] = 7.into();
        assert!(read(strange).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn an_unknown_field_is_left_aside_and_an_unknown_standing_costs_one_backend() {
        let mut newer = write(everything());
        newer["backends"][0]["colour"] = "green".into();
        newer["backends"][1]["cause"] = "levitating".into();
        assert_eq!(read(newer).unwrap().backends.len(), everything().backends.len() - 1);
    }

    #[test]
    fn a_key_that_is_missing_is_understood_as_it_was() {
        let mut older = write(everything());
        for backend in older["backends"].as_array_mut().unwrap() {
            let backend = backend.as_object_mut().unwrap();
            // A process from before the other probes and the histories; and whatever is nothing may be left out.
            for key in ["life", "history", "left", "asked_drain", "ramp"] {
                backend.remove(key);
            }
            for key in ["stranger", "before", "counter", "degraded", "drains", "last"] {
                backend["check"].as_object_mut().unwrap().remove(key);
            }
            backend["passive"].as_object_mut().unwrap().remove("trial");
        }
        let known = read(older).unwrap();
        let nothing = LogState { last: None, before: Vec::new(), stranger: false, ..a_check().log };
        let check = CheckState {
            opinion: OpinionState { counter: None, ..a_check().opinion },
            said: SaidState::default(),
            log: nothing,
            ..a_check()
        };
        let passive = OutlierState { trial: None, ..an_ejection().passive };
        for (backend, before) in known.backends.into_iter().zip(everything().backends) {
            let without = BackendState {
                left: None,
                asked_drain: None,
                probes: ProbesState { check: Some(check.clone()), life: LifeState::default() },
                ejections: EjectionsState { passive, ..before.ejections },
                status: StatusState { ramp: None, ..before.status },
                history: Vec::new(),
                ..before
            };
            assert_eq!(backend, without);
        }
    }
}
