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
}
