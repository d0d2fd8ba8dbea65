//! Does a takeover from 0.1.0 keep what that one knew? The farewell of its released binary, recorded while its backends stood in every
//! standing there is, and what it said of them at that moment.

use super::messages::Message;
use super::{alerts, health};
use pulsegate_core::alert::Alerts;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, Board, Input, WEIGHT_AT_MOST};
use pulsegate_core::plan::Plan;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const FAREWELL: &str = include_str!("../../../tests/data/takeover/0.1.0.json");
const CONFIGURATION: &str = include_str!("../../../tests/data/takeover/0.1.0.yaml");

/// The clock of the process that takes over: it knows nothing of that of the other.
const NOW: Timestamp = Timestamp::from_secs(500 * 86_400);

/// Health and alerts, as they came over the socket.
fn farewell() -> (Value, Value) {
    match serde_json::from_str(FAREWELL).unwrap() {
        Message::Farewell { health, alerts } => (health, alerts),
        other => panic!("{other:?}"),
    }
}

fn plan(configuration: &str) -> Arc<Plan> {
    let loaded = crate::config::load_text(configuration, Path::new("/")).unwrap();
    Arc::new(loaded.plan)
}

/// A board of today that has taken the recorded farewell over.
fn heir(configuration: &str) -> Board {
    heir_of(farewell().0, configuration)
}

fn heir_of(health: Value, configuration: &str) -> Board {
    let handover = Arc::new(health::read(health).unwrap());
    let mut board = Board::new(7, NOW);
    board.handle(Input::TakeOver(handover), NOW);
    board.handle(Input::Reconfigure(plan(configuration)), NOW);
    board
}

fn backends(board: &Board) -> Vec<BackendReport> {
    board.report(NOW).into_iter().flat_map(|upstream| upstream.backends).collect()
}

fn of(backends: &[BackendReport], address: &str) -> BackendReport {
    backends.iter().find(|backend| backend.id.address.to_string() == address).unwrap().clone()
}

/// The part of a document about one backend.
fn recorded(address: &str) -> Value {
    let (health, _) = farewell();
    let is_it = |backend: &&Value| backend["address"]["socket"] == address;
    health["backends"].as_array().unwrap().iter().find(is_it).unwrap().clone()
}

fn nanos(value: &Value) -> Duration {
    Duration::from_nanos(value.as_u64().unwrap_or_else(|| panic!("{value} is no time")))
}

/// What 0.1.0 said of each backend on its admin listener right before: standing, why, counter, weight and the share of it.
const SAID: &str = r#"
flaky 127.0.0.21:8000 ejected | its trial request failed | 40/40 1 of 0 %
flaky 127.0.0.22:8000 trial | its ejection time is over; one request decides | 40/40 1 of 0 %
flaky 127.0.0.23:8000 ejected | 5 failures in a row (limit 5); its ejection time is over, and a passing probe is awaited | 31/40 1 of 0 %
flaky 127.0.0.24:8000 down | its probes failed: answered 500; 9 of 30 passes that bring it back | 9/30 1 of 0 %
flaky 127.0.0.25:8000 up | its probes pass | 40/40 1 of 100 %
found 127.0.0.71:8000 up | its probes pass | 3/3 3 of 100 %
found 127.0.0.72:8000 draining | it asked for a drain by its response header | 3/3 1 of 0 %
life 127.0.0.51:8000 up | its probes pass | 3/3 1 of 100 %
life 127.0.0.52:8000 down | it did not start within 10 s: answered 503 | 0/0 1 of 0 %
life 127.0.0.53:8000 starting | it has not passed its startup probe yet: answered 503 | 0/0 1 of 0 %
life 127.0.0.54:8000 unchecked | waits for its first probe | 0/0 1 of 0 %
life 127.0.0.55:8000 not_alive | its liveness probe fails: answered 500 | 3/3 1 of 0 %
probed 127.0.0.11:8000 up | its probes pass | 3/3 1 of 100 %
probed 127.0.0.12:8000 down | its probes fail: answered 500: broken | 0/2 1 of 0 %
probed 127.0.0.13:8000 not_ready | its probes fail: answered 503: later | 0/2 1 of 0 %
probed 127.0.0.14:8000 degraded | it is degraded: DEGRADED | 3/3 1 of 30 %
probed 127.0.0.15:8000 draining | it asked for a drain by its readiness document: answered 503: OUT_OF_SERVICE | 0/0 1 of 0 %
probed 127.0.0.16:8000 ramping | its probes pass | 3/3 1 of 10 %
probed 127.0.0.17:8000 down | its probes fail: answers as "billing", expected "orders": the address was recycled? | 0/2 1 of 0 %
probed 127.0.0.18:8000 down | its probes fail: cannot connect to 127.0.0.18:8000: Connection refused | 0/2 1 of 0 %
probed 127.0.0.19:8000 up | its probes pass | 3/3 1 of 100 %
probed unix:/run/app/web.sock not_ready | its probes fail: connected, but no complete answer within 1s | 0/2 2 of 0 %
steered 127.0.0.41:8000 drained | drained by loopback: a new disk | 3/3 1 of 0 %
steered 127.0.0.42:8000 drained | drained by loopback | 3/3 1 of 0 %
steered 127.0.0.43:8000 forced_up | forced up by loopback: its probe is wrong | 0/2 1 of 100 %
steered 127.0.0.44:8000 forced_down | forced down by loopback | 3/3 1 of 0 %
steered 127.0.0.45:8000 up | its probes pass | 3/3 7 of 100 %
steered 127.0.0.46:8000 drained | drained by loopback | 3/3 0 of 0 %
unprobed 127.0.0.31:8000 draining | it asked for a drain by its response header | 0/0 1 of 0 %
unprobed 127.0.0.32:8000 ejected | 5 failures in a row (limit 5) | 0/0 1 of 0 %
unprobed 127.0.0.33:8000 up | it has no readiness probe | 0/0 1 of 100 %
"#;

#[test]
fn the_record_has_every_standing() {
    for cause in pulsegate_core::health::standing::Cause::ALL {
        assert!(SAID.contains(&format!(" {cause} | ")), "{cause}");
    }
}

#[test]
fn every_standing_is_kept_with_its_reason_its_counter_its_weight_and_its_share() {
    let said = |backend: &BackendReport| {
        let BackendReport { id, standing, why, counter: (value, threshold), weight, .. } = backend;
        format!(
            "{} {} {} | {why} | {value}/{threshold} {weight} of {:.0} %",
            id.upstream,
            id.address,
            standing.cause,
            standing.share * 100.0
        )
    };
    let mut said: Vec<String> = backends(&heir(CONFIGURATION)).iter().map(said).collect();
    said.sort();
    assert_eq!(said, SAID.trim().lines().collect::<Vec<_>>());
}

#[test]
fn every_ejection_goes_on_for_what_is_left_of_it() {
    let backends = backends(&heir(CONFIGURATION));
    for (address, nth) in
        [("127.0.0.21:8000", 2), ("127.0.0.22:8000", 1), ("127.0.0.23:8000", 1), ("127.0.0.32:8000", 1)]
    {
        let out = &recorded(address)["passive"]["out"];
        let ejection = of(&backends, address).ejection.unwrap();
        assert_eq!(ejection.nth, nth, "{address}");
        assert_eq!(ejection.earliest_return, NOW + nanos(&out["remaining"]), "{address}");
        assert_eq!(ejection.earliest_return.since(ejection.since), nanos(&out["length"]), "{address}");
    }
}

#[test]
fn every_order_stays_with_its_author_its_reason_and_its_end() {
    let backends = backends(&heir(CONFIGURATION));
    for address in [41, 42, 43, 44, 45, 46].map(|last| format!("127.0.0.{last}:8000")) {
        let (backend, orders) = (of(&backends, &address), &recorded(&address)["orders"]);
        let standing = backend.order.as_ref();
        let of_weight = backend.weight_order.as_ref();
        let (at, until) = (standing.map(|order| order.at), standing.map(|order| order.until));
        let (weighed, weighs) = (of_weight.map(|order| order.at), of_weight.map(|order| order.until));
        for (at, until, order) in [(at, until, &orders["standing"]), (weighed, weighs, &orders["weight"])] {
            assert_eq!(at.is_some(), !order.is_null(), "{address}");
            let Some((at, until)) = at.zip(until) else { continue };
            assert_eq!(NOW.since(at), nanos(&order["ago"]), "{address}");
            let left = order["remaining"].as_u64().map(|left| NOW + Duration::from_nanos(left));
            assert_eq!(until, left, "{address}");
        }
        assert_eq!(of_weight.map(|order| u64::from(order.what)), orders["weight"]["what"].as_u64(), "{address}");
    }
}

/// In the order of the backends: that of a document has no meaning.
fn sorted(mut health: Value) -> Value {
    let backends = health["backends"].as_array_mut().unwrap();
    backends.sort_by_key(|backend| format!("{} {}", backend["upstream"], backend["address"]));
    health
}

#[test]
fn a_recorded_farewell_is_written_as_it_was_read() {
    let (recorded_health, recorded_alerts) = farewell();
    assert_eq!(health::write(health::read(recorded_health.clone()).unwrap()), recorded_health);
    assert_eq!(alerts::write(&alerts::read(recorded_alerts.clone())), recorded_alerts);
}

#[test]
fn a_board_that_takes_over_hands_on_what_it_was_told() {
    let handed_on = health::write(heir(CONFIGURATION).handover(NOW));
    let (handed_on, recorded) = (sorted(handed_on), sorted(farewell().0));
    for (after, before) in
        handed_on["backends"].as_array().unwrap().iter().zip(recorded["backends"].as_array().unwrap())
    {
        assert_eq!(after, before);
    }
    assert_eq!(handed_on, recorded);
}

#[test]
fn backends_that_had_left_are_remembered_when_they_return() {
    let returned = CONFIGURATION.replace(
        "      - \"127.0.0.11:8000\"\n",
        "      - \"127.0.0.11:8000\"\n      - \"127.0.0.61:8000\"\n      - \"127.0.0.62:8000\"\n",
    );
    let backends = backends(&heir(&returned));
    let (ejected, drained) = (of(&backends, "127.0.0.61:8000"), of(&backends, "127.0.0.62:8000"));
    assert_eq!((ejected.standing.cause.word(), drained.standing.cause.word()), ("ejected", "drained"));
    let remaining = nanos(&recorded("127.0.0.61:8000")["passive"]["out"]["remaining"]);
    assert_eq!(ejected.ejection.unwrap().earliest_return, NOW + remaining);
}

#[test]
fn numbers_out_of_bounds_are_brought_into_them() {
    let (mut strange, _) = farewell();
    for backend in strange["backends"].as_array_mut().unwrap() {
        if let Some(Value::Array(counter)) = backend.pointer_mut("/check/counter") {
            *counter = [4_000_000_000_u32, 0, u32::MAX].map(Value::from).to_vec();
        }
        if let Some(weight) = backend.pointer_mut("/orders/weight/what") {
            *weight = 4_000_000_000_u32.into();
        }
    }
    let backends = backends(&heir_of(strange, CONFIGURATION));
    assert_eq!(of(&backends, "127.0.0.45:8000").weight, WEIGHT_AT_MOST);
    assert_eq!(of(&backends, "127.0.0.12:8000").counter, (3, 3), "up, under the thresholds of this plan");
}

#[test]
fn alerts_that_receivers_were_told_are_not_told_again() {
    let plan = plan(CONFIGURATION);
    let upstreams: Vec<Arc<str>> = plan.upstreams.iter().map(|upstream| upstream.name.clone()).collect();
    let mut machine = Alerts::new(plan.alerts.clone(), &upstreams);
    machine.import(alerts::read(farewell().1), &plan.receivers(), NOW);
    assert_eq!(alerts::write(&machine.export(NOW)), farewell().1);
}
