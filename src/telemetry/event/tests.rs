//! How each event is told.

use super::*;
use pulsegate_core::base::identity::Address;
use pulsegate_core::health::event::{Disagreement, EjectedBy, Run};
use pulsegate_core::plan::{Detector, ProbeKind};

fn backend() -> BackendId {
    BackendId { upstream: "orders".into(), address: Address::Socket("127.0.0.1:9001".parse().unwrap()) }
}

fn told(kind: EventKind) -> (Level, &'static str, String, String) {
    let event = Event { run: Run::default(), id: 7, at: Timestamp::from_secs(100), kind };
    let (line, _) = tell(&event);
    let fields: Vec<String> = line.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (line.level, line.name, line.message, fields.join(" "))
}

#[test]
fn a_transition_says_from_to_counter_why_and_when_it_may_return() {
    let kind = EventKind::Transition {
        backend: backend(),
        from: Cause::Up,
        to: Cause::NotReady,
        counter: (0, 2),
        why: "503 from /ready, 3 in a row".into(),
        earliest_return: Some(Timestamp::from_millis(101_500)),
    };
    assert_eq!(
        told(kind),
        (
            Level::Warn,
            "backend.transition",
            "up -> not_ready: 503 from /ready, 3 in a row".into(),
            "upstream=orders backend=127.0.0.1:9001 from=up to=not_ready counter=0/2 earliest_return_ms=1500 event_id=000000-7".into()
        )
    );
}

#[test]
fn a_return_is_no_warning() {
    let kind = EventKind::Transition {
        backend: backend(),
        from: Cause::Down,
        to: Cause::Ramping,
        counter: (3, 3),
        why: "2 of 2 probes passed".into(),
        earliest_return: None,
    };
    let (level, _, _, fields) = told(kind);
    assert_eq!(level, Level::Info);
    assert!(!fields.contains("earliest_return"), "{fields}");
}

#[test]
fn an_ejection_says_which_one_and_how_long() {
    let kind = EventKind::Ejected {
        backend: backend(),
        cause: EjectedBy::Detector(Detector::ConsecutiveFailures),
        nth: 2,
        duration: Duration::from_secs(21),
        why: "5 failures in a row".into(),
    };
    assert_eq!(
        told(kind),
        (
            Level::Warn,
            "backend.ejected",
            "ejected for 21 s: 5 failures in a row".into(),
            "upstream=orders backend=127.0.0.1:9001 cause=consecutive_failures nth=2 duration_ms=21000 event_id=000000-7".into()
        )
    );
}

#[test]
fn a_refused_ejection_says_the_figures_that_decided() {
    let kind =
        EventKind::EjectionRefused { backend: backend(), fit: 2, pool: 3, floor: 2, why: "12 of 20 failed".into() };
    let (level, name, message, _) = told(kind);
    assert_eq!((level, name), (Level::Warn, "backend.ejection_refused"));
    assert_eq!(message, "not ejected, since 2 of 3 backends are fit and 2 must stay: 12 of 20 failed");
}

#[test]
fn an_empty_pool_is_an_error_and_its_end_is_not() {
    let empty = told(EventKind::PoolEmpty { upstream: "orders".into(), empty: true });
    assert_eq!((empty.0, empty.1), (Level::Error, "upstream.empty"));
    let serving = told(EventKind::PoolEmpty { upstream: "orders".into(), empty: false });
    assert_eq!((serving.0, serving.1), (Level::Info, "upstream.serving"));
}

#[test]
fn counters_name_their_upstream() {
    let tally = |kind| {
        let event = Event { run: Run::default(), id: 1, at: Timestamp::ZERO, kind };
        tell(&event).1.map(|tally| format!("{tally:?}"))
    };
    let kept = EventKind::DiscoveryKept { upstream: "orders".into(), source: "dns".into(), why: "NXDOMAIN".into() };
    assert_eq!(tally(kept).as_deref(), Some(r#"DiscoveryKept("orders")"#));
    assert_eq!(tally(EventKind::MemberJoined { backend: backend() }), None);
    assert_eq!(tally(EventKind::PoolEmpty { upstream: "orders".into(), empty: false }), None);
}

#[test]
fn an_order_says_what_by_whom_how_long_and_why() {
    let kind = EventKind::Steered {
        backend: backend(),
        what: Steer::Weight(Some(5)),
        by: "ops".into(),
        lasts: Some(Duration::from_secs(600)),
        reason: Some("a new disk".into()),
    };
    let fields = "upstream=orders backend=127.0.0.1:9001 order=weight 5 by=ops for_ms=600000 event_id=000000-7";
    let expected =
        (Level::Info, "backend.steered", "weight 5 by ops for 10 min: a new disk".to_owned(), fields.to_owned());
    assert_eq!(told(kind), expected);
    let over = told(EventKind::OrderOver { backend: backend(), what: Steer::Undrain, by: "ops".into() });
    assert_eq!((over.1, over.2.as_str()), ("backend.order_over", "the time of an order is over: undrain by ops"));
}

#[test]
fn an_ejection_warns_once() {
    let transition = EventKind::Transition {
        backend: backend(),
        from: Cause::Up,
        to: Cause::Ejected,
        counter: (3, 3),
        why: "5 failures in a row".into(),
        earliest_return: None,
    };
    let ejected = EventKind::Ejected {
        backend: backend(),
        cause: EjectedBy::Trial,
        nth: 1,
        duration: Duration::from_millis(11_970),
        why: "5".into(),
    };
    assert_eq!(told(transition).0, Level::Info, "the event of the ejection says the same");
    let (level, _, message, _) = told(ejected);
    assert_eq!((level, message.as_str()), (Level::Warn, "ejected for 12 s: 5"));
}

#[test]
fn a_reload_says_what_it_counts() {
    let message = |changed| told(EventKind::Reconfigured { added: 0, removed: 0, changed }).2;
    assert_eq!(message(1), "backends: 0 added, 0 removed; 1 upstream redefined");
    assert_eq!(message(2), "backends: 0 added, 0 removed; 2 upstreams redefined");
}

#[test]
fn a_restart_that_is_needed_is_louder_than_a_failed_probe() {
    let why = || "its liveness probe fails: no answer".to_owned();
    for (kind, name) in [(ProbeKind::Liveness, "backend.not_alive"), (ProbeKind::Startup, "backend.not_started")] {
        let (level, told_as, message, fields) =
            told(EventKind::NeedsRestart { backend: backend(), kind, why: why(), webhook: None });
        assert_eq!((level, told_as), (Level::Error, name));
        assert_eq!(message, "must be restarted by whoever owns it: its liveness probe fails: no answer");
        assert!(fields.contains(&format!("probe={kind}")), "{fields}");
    }
    let to_not_alive = EventKind::Transition {
        backend: backend(),
        from: Cause::Up,
        to: Cause::NotAlive,
        counter: (3, 3),
        why: why(),
        earliest_return: None,
    };
    assert_eq!(told(to_not_alive).0, Level::Info, "the event before has said it");
    let (level, name, message, _) =
        told(EventKind::Restarted { backend: backend(), from: "a7".into(), to: "a8".into() });
    assert_eq!((level, name), (Level::Info, "backend.restarted"));
    assert_eq!(message, "another instance answers at its address: \"a8\" after \"a7\"; it begins anew");
}

#[test]
fn a_watching_detector_and_a_contradiction_are_told_once_each_way() {
    let kind = EventKind::WouldEject { backend: backend(), detector: Detector::FailureRatio, why: "12 of 20".into() };
    let (level, name, message, _) = told(kind);
    assert_eq!((level, name), (Level::Info, "backend.would_eject"));
    assert_eq!(message, "not ejected, since failure_ratio only watches: 12 of 20");
    for (over, level, name) in
        [(false, Level::Warn, "backend.disagreement"), (true, Level::Info, "backend.disagreement_over")]
    {
        let what = Disagreement::FailingReadiness;
        let told = told(EventKind::Disagreement { backend: backend(), what, over, why: "so".into() });
        assert_eq!((told.0, told.1), (level, name));
        assert!(told.3.contains("what=failing_readiness"), "{}", told.3);
    }
}

#[test]
fn a_hold_is_loud_at_both_ends() {
    for (held, level, name) in [(true, Level::Error, "upstream.held"), (false, Level::Warn, "upstream.hold_over")] {
        let told = told(EventKind::PoolHeld { upstream: "orders".into(), held, why: "2 of 3 fell".into() });
        assert_eq!((told.0, told.1), (level, name));
    }
}
