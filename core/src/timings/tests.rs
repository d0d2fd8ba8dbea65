//! The numbers of one configuration, by hand. That the board keeps them, `tests/simulation/timings.rs` shows.

use super::probing::{Failure, detection, recovery, recovery_of_all};
use super::traffic::{Failures, ejection};
use super::*;
use crate::plan::{PassivePlan, ProbePlan};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn probe() -> ProbePlan {
    ProbePlan { immediate: vec![ProbeFailure::Tls], ..ProbePlan::default() }
}

fn passive() -> PassivePlan {
    PassivePlan::default()
}

#[test]
fn by_probes() {
    for (kind, took, pulled, best, worst) in [
        (ProbeFailure::Refused, 0, None, 950, 3_200),
        (ProbeFailure::Refused, 0, Some(20), 950, 1_500),
        (ProbeFailure::Refused, 0, Some(700), 950, 1_700),
        (ProbeFailure::Refused, 0, Some(9_000), 950, 3_200),
        (ProbeFailure::Timeout, 1_000, None, 3_000, 5_200),
        (ProbeFailure::Tls, 0, None, 0, 2_200),
    ] {
        let found = detection(&probe(), Failure { kind, took: ms(took) }, pulled.map(ms));
        assert_eq!(found, Bounds::new(ms(best), ms(worst)), "{kind:?} {pulled:?}");
    }
    assert_eq!(recovery(&probe(), Duration::ZERO, false), Bounds::new(ms(500), ms(2_700)));
    assert_eq!(recovery(&probe(), ms(300), true), Bounds::new(ms(200), ms(2_700)), "the probe on its way passes");
    assert_eq!(recovery_of_all(&probe(), Duration::ZERO, false, 1), Bounds::new(ms(250), ms(800)));
    assert_eq!(recovery_of_all(&probe(), Duration::ZERO, false, 2), Bounds::new(ms(250), ms(1_000)));
}

#[test]
fn by_traffic() {
    let failures =
        |every, after| Failures { every: ms(every), after: Bounds::exactly(ms(after)), at_least: 1, compared: false };
    let streak = PassivePlan { failure_ratio: 0.0, ..passive() };
    let share = PassivePlan { consecutive_failures: 0, ..passive() };
    let off = PassivePlan { enabled: false, ..passive() };
    for (plan, every, after, expected) in [
        (&streak, 20, 0, Some((80, 100))),
        (&streak, 20, 10_000, Some((10_080, 10_100))),
        // Of 46 to 50 outcomes half: 23 (one success has just left) to 25.
        (&share, 200, 0, Some((4_400, 5_000))),
        // Ten buckets hold 10 outcomes at most.
        (&share, 1_000, 0, None),
        (&off, 20, 0, None),
    ] {
        let found = ejection(plan, &failures(every, after)).map(|ejection| ejection.after);
        assert_eq!(found, expected.map(|(best, worst)| Bounds::new(ms(best), ms(worst))), "{every} {after}");
    }
    let sometimes = PassivePlan { minimum_outcomes: 48, ..share };
    assert_eq!(
        ejection(&sometimes, &failures(200, 0)).map(|ejection| ejection.after.worst),
        Some(None),
        "by the phase"
    );
}
