//! When is a backend probed next? An independent timer per backend, jittered, fast while a change is pending.

use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::plan::ProbePlan;
use std::time::Duration;

/// The moment of the next probe after one that started at `started`.
pub fn next(plan: &ProbePlan, pending: bool, started: Timestamp, rng: &mut Rng) -> Timestamp {
    let period = if pending { plan.fast_period.min(plan.period) } else { plan.period };
    started + jittered(period, plan.jitter, rng)
}

/// The moment of the second probe ever: a random phase within one period, so that a fleet that starts together does not probe
/// together.
pub fn phase(plan: &ProbePlan, started: Timestamp, rng: &mut Rng) -> Timestamp {
    started + plan.fast_period.min(plan.period).max(plan.period.mul_f64(rng.unit()))
}

/// The least time between the starts of two probes of one backend: a fast period with its jitter, or half of one, as a pass is
/// confirmed while nobody of the pool serves.
pub fn least_gap(plan: &ProbePlan) -> Duration {
    plan.fast_period.min(plan.period).mul_f64((1.0 - plan.jitter).clamp(0.0, 0.5))
}

/// The moment of a probe that is pulled forward: now, but at least one fast period after the last one started.
pub fn pulled(plan: &ProbePlan, last_started: Option<Timestamp>, now: Timestamp) -> Timestamp {
    last_started.map_or(now, |last| now.max(last + plan.fast_period))
}

/// `duration` ± up to `share` of itself.
pub fn jittered(duration: Duration, share: f64, rng: &mut Rng) -> Duration {
    let factor = 1.0 + share.clamp(0.0, 1.0) * (2.0 * rng.unit() - 1.0);
    duration.mul_f64(factor.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: Timestamp = Timestamp::from_secs(100);

    fn plan(period: u64, fast_period: u64, jitter: f64) -> ProbePlan {
        let millis = Duration::from_millis;
        ProbePlan { period: millis(period), fast_period: millis(fast_period), jitter, ..ProbePlan::default() }
    }

    fn millis(at: Timestamp) -> u128 {
        at.since(STARTED).as_millis()
    }

    /// Period, fast period and jitter; whether a change is pending: the next probe is due between these milliseconds.
    #[test]
    fn the_next_probe_is_a_period_away_and_a_fast_one_while_a_change_is_pending() {
        for (period, fast, jitter, pending, least, most) in [
            (2_000, 500, 0.0, false, 2_000, 2_000),
            (2_000, 500, 0.0, true, 500, 500),
            // A fast period that is longer than the period is none.
            (2_000, 5_000, 0.0, true, 2_000, 2_000),
            (2_000, 500, 0.1, false, 1_800, 2_200),
            (2_000, 500, 0.1, true, 450, 550),
            (2_000, 500, 1.0, false, 0, 4_000),
        ] {
            let plan = plan(period, fast, jitter);
            let mut rng = Rng::new(1);
            let due: Vec<u128> = (0..1000).map(|_| millis(next(&plan, pending, STARTED, &mut rng))).collect();
            let (first, last) = (*due.iter().min().unwrap(), *due.iter().max().unwrap());
            assert!(least <= first && last <= most, "{period}/{fast} ± {jitter}: {first} to {last}");
            // And all of that room is used.
            let unused = (first - least).max(most - last);
            assert!(unused * 50 <= most - least, "{period}/{fast} ± {jitter}: {first} to {last}");
        }
    }

    /// Period and fast period: the second probe ever is due between these milliseconds, and anywhere between them.
    #[test]
    fn a_fleet_that_starts_together_does_not_probe_together() {
        for (period, fast, least, most) in
            [(2_000, 500, 500, 2_000), (2_000, 0, 0, 2_000), (2_000, 2_000, 2_000, 2_000), (2_000, 9_000, 2_000, 2_000)]
        {
            let plan = plan(period, fast, 0.1);
            let mut rng = Rng::new(1);
            let due: Vec<u128> = (0..2000).map(|_| millis(phase(&plan, STARTED, &mut rng))).collect();
            assert!(due.iter().all(|at| (least..=most).contains(at)), "{period}/{fast}");
            let quarter = |nth: u128| due.iter().filter(|at| **at * 4 / 2_001 == nth).count();
            let evenly = (0..4).all(|nth| (400..600).contains(&quarter(nth)));
            assert_eq!(evenly, least < most, "{period}/{fast}");
        }
    }

    /// Period, fast period, jitter: no two probes of one backend start closer than so many milliseconds.
    #[test]
    fn two_probes_are_at_least_half_a_fast_period_apart_less_the_jitter() {
        for (period, fast, jitter, gap) in [
            (2_000, 500, 0.0, 250),
            (2_000, 500, 0.1, 250),
            (2_000, 500, 0.5, 250),
            (2_000, 500, 0.8, 100),
            (2_000, 500, 1.0, 0),
            (2_000, 500, 7.0, 0),
            (400, 500, 0.1, 200),
            (2_000, 0, 0.1, 0),
        ] {
            let plan = plan(period, fast, jitter);
            assert_eq!(least_gap(&plan), Duration::from_millis(gap), "{period}/{fast} ± {jitter}");
            let mut rng = Rng::new(1);
            for pending in [true, false] {
                let due = (0..1000).map(|_| next(&plan, pending, STARTED, &mut rng).since(STARTED)).min();
                assert!(due.unwrap() >= least_gap(&plan), "{period}/{fast} ± {jitter}: {due:?}");
            }
        }
    }

    /// When the last one started, and what time it is, in milliseconds of a fast period of 500: when the pulled one is due.
    #[test]
    fn a_probe_that_is_pulled_forward_comes_now_unless_the_last_is_too_fresh() {
        for (last, now, due) in [
            (None, 0, 0),
            (Some(0), 0, 500),
            (Some(0), 499, 500),
            (Some(0), 500, 500),
            (Some(0), 501, 501),
            (Some(0), 9_000, 9_000),
        ] {
            let at = |millis| STARTED + Duration::from_millis(millis);
            assert_eq!(pulled(&plan(2_000, 500, 0.1), last.map(at), at(now)), at(due), "{last:?} {now}");
        }
    }

    /// The share of the jitter: a second lies between these milliseconds.
    #[test]
    fn jitter_goes_both_ways_and_never_before_the_start() {
        for (share, least, most) in
            [(0.0, 1_000, 1_000), (0.25, 750, 1_250), (1.0, 0, 2_000), (3.0, 0, 2_000), (-1.0, 1_000, 1_000)]
        {
            let mut rng = Rng::new(1);
            let spans: Vec<u128> =
                (0..4000).map(|_| jittered(Duration::from_secs(1), share, &mut rng).as_millis()).collect();
            assert!(spans.iter().all(|span| (least..=most).contains(span)), "± {share}");
            let mean = spans.iter().sum::<u128>() / 4000;
            assert!((970..=1_030).contains(&mean), "± {share}: {mean} ms on average");
        }
        assert_eq!(jittered(Duration::ZERO, 0.5, &mut Rng::new(1)), Duration::ZERO);
    }
}
