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
