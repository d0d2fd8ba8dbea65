//! How much traffic may a backend take that has just come back? A linear ramp of its share.

use crate::base::time::Timestamp;
use crate::plan::SlowStartPlan;
use std::time::Duration;

/// Steps of a ramp: the board publishes at each, so that weights grow without a publication per request.
const STEPS: u32 = 10;

/// The share of the weight at `now`, for a ramp that began at `since`; 1.0 once it is over.
pub fn share(plan: &SlowStartPlan, since: Timestamp, now: Timestamp) -> f64 {
    let age = now.since(since);
    if age >= plan.duration {
        return 1.0;
    }
    // In whole steps: between two of them nothing changes, so nothing is published.
    let done = f64::from(steps_taken(plan, age)) / f64::from(STEPS);
    (plan.initial_share + (1.0 - plan.initial_share) * done).clamp(0.0, 1.0)
}

/// When the share should be published next, or `None` when the ramp is over.
pub fn next_step(plan: &SlowStartPlan, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let next = since + step(plan).saturating_mul(steps_taken(plan, now.since(since)) + 1);
    (now.since(since) < plan.duration).then(|| next.min(since + plan.duration))
}

fn steps_taken(plan: &SlowStartPlan, age: Duration) -> u32 {
    let step = step(plan);
    u32::try_from(age.as_nanos() / step.as_nanos()).unwrap_or(STEPS).min(STEPS)
}

fn step(plan: &SlowStartPlan) -> Duration {
    (plan.duration / STEPS).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: SlowStartPlan = SlowStartPlan { duration: Duration::from_secs(10), initial_share: 0.1 };

    #[test]
    fn grows_from_the_initial_share_in_ten_steps() {
        let since = Timestamp::from_secs(100);
        for (at, expected) in
            [(100_000, 0.1), (100_999, 0.1), (105_000, 0.55), (105_999, 0.55), (110_000, 1.0), (500_000, 1.0)]
        {
            assert!((share(&PLAN, since, Timestamp::from_millis(at)) - expected).abs() < 1e-9, "at {at}");
        }
    }

    #[test]
    fn steps_lead_to_the_end_and_stop_there() {
        let since = Timestamp::from_secs(100);
        assert_eq!(next_step(&PLAN, since, since), Some(Timestamp::from_secs(101)));
        assert_eq!(next_step(&PLAN, since, Timestamp::from_millis(109_500)), Some(Timestamp::from_secs(110)));
        assert_eq!(next_step(&PLAN, since, Timestamp::from_secs(110)), None);
    }

    #[test]
    fn a_duration_of_zero_is_no_ramp() {
        let off = SlowStartPlan { duration: Duration::ZERO, initial_share: 0.1 };
        assert_eq!(share(&off, Timestamp::from_secs(1), Timestamp::from_secs(1)), 1.0);
        assert_eq!(next_step(&off, Timestamp::from_secs(1), Timestamp::from_secs(1)), None);
    }

    /// A duration in milliseconds and an initial share; so many milliseconds after the begin: what share.
    #[test]
    fn a_ramp_is_within_its_bounds_whatever_its_length() {
        for (duration, initial, after, expected) in [
            (10_000, 0.0, 0, 0.0),
            (10_000, 0.0, 9_999, 0.9),
            (10_000, 1.0, 0, 1.0),
            (10_000, 1.0, 5_000, 1.0),
            // Shares that no configuration allows stay within what a share can be.
            (10_000, -1.0, 0, 0.0),
            (10_000, 7.0, 0, 1.0),
            // Steps of at least a millisecond: a short ramp has fewer.
            (5, 0.0, 0, 0.0),
            (5, 0.0, 4, 0.4),
            (5, 0.0, 5, 1.0),
            (1, 0.0, 0, 0.0),
            (1, 0.0, 1, 1.0),
        ] {
            let plan = SlowStartPlan { duration: Duration::from_millis(duration), initial_share: initial };
            let since = Timestamp::from_secs(100);
            let found = share(&plan, since, since + Duration::from_millis(after));
            assert!((found - expected).abs() < 1e-9, "{duration} ms from {initial}, after {after}: {found}");
        }
    }

    /// Whoever looks at each step, and only then, sees every share, each greater than the one before, and the whole at the end.
    #[test]
    fn steps_are_the_moments_at_which_the_share_grows() {
        for micros in [1_000, 5_000, 5_500, 10_000, 15_000, 999_999, 10_000_000, 86_400_000_000] {
            let plan = SlowStartPlan { duration: Duration::from_micros(micros), initial_share: 0.1 };
            let since = Timestamp::from_secs(100);
            let (mut now, mut before, mut looks) = (since, share(&plan, since, since), 0);
            assert!((before - 0.1).abs() < 1e-9, "{micros}");
            while let Some(next) = next_step(&plan, since, now) {
                assert!(next > now, "{micros}: {next:?} is not after {now:?}");
                assert_eq!(
                    share(&plan, since, Timestamp(next.0 - 1)),
                    before,
                    "{micros}: nothing changes between steps"
                );
                (now, looks) = (next, looks + 1);
                let grown = share(&plan, since, now);
                assert!(grown > before, "{micros}: {grown} at {now:?}");
                before = grown;
            }
            assert_eq!((before, now.since(since)), (1.0, plan.duration), "{micros}");
            assert!(looks <= STEPS, "{micros}: {looks} publications");
        }
    }

    #[test]
    fn a_ramp_that_begins_later_than_now_stands_at_its_begin() {
        let since = Timestamp::from_secs(100);
        let now = Timestamp::from_secs(90);
        assert!((share(&PLAN, since, now) - 0.1).abs() < 1e-9);
        assert_eq!(next_step(&PLAN, since, now), Some(Timestamp::from_secs(101)));
    }
}
