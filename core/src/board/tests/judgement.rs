//! Holds, alarms, and probes that traffic spares.

use super::*;
use crate::health::event::Disagreement;
use crate::traffic::snapshot::Emptiness;

fn refused(_: &BackendId) -> ReadingResult {
    ReadingResult::ConnectFailed("connection refused".to_owned())
}

fn holds(rig: &Rig) -> Vec<bool> {
    let held = |event: &EventKind| match event {
        EventKind::PoolHeld { held, .. } => Some(*held),
        _ => None,
    };
    rig.events.iter().filter_map(held).collect()
}

fn serves(rig: &Rig) -> bool {
    rig.snapshot.as_ref().unwrap().pools[0].emptiness == Emptiness::Serving
}

fn held_pool() -> Rig {
    let mut plan = upstream(vec![backends(3)], Some(tcp_probe()));
    plan.hold_correlated_failures = Duration::from_secs(20);
    let mut rig = Rig::new(plan, s(0));
    rig.run(s(5), connected);
    rig
}

#[test]
fn most_of_a_pool_that_falls_together_is_held_for_its_time_and_once() {
    let mut rig = held_pool();
    rig.run(s(12), refused);
    assert_eq!((rig.cause(1), serves(&rig), holds(&rig)), (Cause::Down, true, vec![true]));
    rig.run(s(60), refused);
    assert_eq!((rig.cause(1), serves(&rig), holds(&rig)), (Cause::Down, false, vec![true, false]));
    rig.run(s(70), connected);
    assert!(serves(&rig));
    rig.run(s(80), refused);
    assert_eq!((serves(&rig), holds(&rig)), (true, vec![true, false, true]), "it was well in between");
}

#[test]
fn a_hold_ends_when_most_are_well_again() {
    let mut rig = held_pool();
    rig.run(s(12), refused);
    rig.run(s(16), connected);
    assert_eq!((serves(&rig), holds(&rig)), (true, vec![true, false]));
}

#[test]
fn a_backend_that_falls_for_reasons_of_its_own_is_not_held() {
    let mut rig = held_pool();
    let differently = |id: &BackendId| match id.address == address(1) {
        true => refused(id),
        false => ReadingResult::TlsFailed("the certificate is over".to_owned()),
    };
    let two_ways = |id: &BackendId| if id.address == address(3) { connected(id) } else { differently(id) };
    rig.run(s(12), two_ways);
    assert_eq!((rig.cause(1), rig.cause(2), holds(&rig)), (Cause::Down, Cause::Down, vec![]));
}

fn disagreements(rig: &Rig) -> Vec<(Disagreement, bool)> {
    let told = |event: &EventKind| match event {
        EventKind::Disagreement { what, over, .. } => Some((*what, *over)),
        _ => None,
    };
    rig.events.iter().filter_map(told).collect()
}

#[test]
fn probes_that_pass_while_traffic_fails_are_told_once_and_until_traffic_succeeds() {
    let mut rig = Rig::new(upstream(vec![backends(3)], Some(tcp_probe())), s(0));
    rig.run(s(5), connected);
    rig.traffic(1, &[RESET; 5], false, s(5));
    rig.run(s(20), connected);
    assert_eq!(disagreements(&rig), [(Disagreement::LyingReadiness, false)]);
    let report = &rig.board.report(s(20))[0].backends[0];
    assert!(report.notes.iter().any(|note| note.starts_with("lying_readiness: ")), "{:?}", report.notes);
    rig.traffic(1, &[Outcome::Success], true, s(20));
    rig.run(s(22), connected);
    assert_eq!(disagreements(&rig).len(), 1, "one answer is no evidence");
    rig.traffic(1, &[Outcome::Success; 20], false, s(22));
    rig.run(s(24), connected);
    assert_eq!(disagreements(&rig)[1..], [(Disagreement::LyingReadiness, true)]);
}

#[test]
fn probes_that_fail_while_traffic_succeeds_are_told_and_a_dead_backend_is_not() {
    let plan = UpstreamPlan {
        when_none_eligible: WhenNoneEligible::FailOpen,
        ..upstream(vec![backends(1)], Some(tcp_probe()))
    };
    for (outcome, told) in [(Outcome::Success, vec![(Disagreement::FailingReadiness, false)]), (RESET, vec![])] {
        let mut rig = Rig::new(plan.clone(), s(0));
        rig.run(s(5), connected);
        for second in 5..12 {
            rig.traffic(1, &[outcome], false, s(second));
            rig.run(s(second + 1), refused);
        }
        assert_eq!(disagreements(&rig), told, "{outcome:?}");
        rig.run(s(16), connected);
        assert_eq!(disagreements(&rig).len(), told.len() * 2, "it is over");
    }
}

#[test]
fn traffic_that_succeeds_spares_probes_and_a_failure_calls_one_at_once() {
    let probe = ProbePlan { stretch_to: Duration::from_secs(8), ..tcp_probe() };
    let mut rig = Rig::new(upstream(vec![backends(3)], Some(probe)), s(0));
    let distance = |rig: &Rig, now| {
        let report = &rig.board.report(now)[0].backends[0];
        report.next_probe.unwrap().since(report.last_probe.as_ref().unwrap().at)
    };
    for second in 1..40 {
        rig.run(s(second), connected);
        rig.traffic(1, &[Outcome::Success; 3], false, s(second));
    }
    assert_eq!(distance(&rig, s(39)), Duration::from_secs(8));
    rig.traffic(1, &[RESET], false, s(39));
    let next = rig.board.report(s(39))[0].backends[0].next_probe;
    assert!(next.is_none_or(|next| next <= s(39) + Duration::from_millis(500)), "{next:?}");
    for second in 40..60 {
        rig.run(s(second), connected);
        rig.traffic(1, &[Outcome::Success; 3], false, s(second));
    }
    assert!(distance(&rig, s(59)) > Duration::from_secs(2));
    rig.run(s(70), connected);
    assert_eq!(distance(&rig, s(70)), Duration::from_secs(2), "nobody asks it any more");
}
