//! How soon do probes find out, and how soon do they bring a backend back? Bounds for one probe plan; see `health/probe_schedule.rs` and `board/probing`
//! for the rules that they follow from.
//!
//! A backend that is well is taken to answer at once: what it needs to answer comes on top.

use super::bounds::Bounds;
use crate::plan::{ProbeFailure, ProbePlan};
use std::time::Duration;

/// How a probe of a backend fails that something is wrong with.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    pub kind: ProbeFailure,
    /// How long it takes to fail.
    pub took: Duration,
}

/// From the moment that a backend which was well breaks to the verdict. `pulled`: a failure of live traffic pulls the next probe forward
/// this long after that moment, at the latest.
pub fn detection(plan: &ProbePlan, failure: Failure, pulled: Option<Duration>) -> Bounds {
    let failures = if plan.immediate.contains(&failure.kind) { 1 } else { plan.failure_threshold.max(1) };
    let first = Bounds::new(Duration::ZERO, first_probe(plan, pulled));
    let took = Bounds::exactly(failure.took);
    first.then(confirmations(plan, failures - 1, failure.took)).then(took)
}

/// From one timeout that does not count, because the backend's traffic has just succeeded and no more backends may be lost to slow probes
/// alone, to the end of the next, which does.
pub fn held_timeout(plan: &ProbePlan, pulled: Option<Duration>) -> Bounds {
    let shortest = plan.timeout.max(hurried(plan).min(at_least(plan.period, plan)));
    let longest = plan.timeout.max(first_probe(plan, pulled));
    Bounds::new(shortest, longest).then(Bounds::exactly(plan.timeout))
}

/// From the moment that a backend is well again to the verdict. `took`: so long a probe takes that began before that moment; `answers_late`:
/// it may then pass after all.
pub fn recovery(plan: &ProbePlan, took: Duration, answers_late: bool) -> Bounds {
    let first = Bounds::new(Duration::ZERO, took.max(at_most(plan.period, plan)));
    let head_start = if answers_late { took } else { Duration::ZERO };
    let confirmed = confirmations(plan, plan.success_threshold.max(1) - 1, Duration::ZERO);
    Bounds { best: confirmed.best.saturating_sub(head_start), ..first.then(confirmed) }
}

/// The same for the first of a pool of `places` that nobody serves: it is asked at the fast period, in turns, and confirmed sooner.
pub fn recovery_of_all(plan: &ProbePlan, took: Duration, answers_late: bool, places: u32) -> Bounds {
    let fast = hurried(plan);
    // Where the outage has only begun, the last in turn waits for a fast period and its place within the next.
    let turns = fast + fast.mul_f64(1.0 - 1.0 / f64::from(places.max(1)));
    let first = took.max(at_most(fast, plan)).max(turns);
    let confirmations = plan.success_threshold.max(1) - 1;
    let soonest = at_least(fast, plan).min(fast / 2).saturating_mul(confirmations);
    let head_start = if answers_late { took } else { Duration::ZERO };
    Bounds::new(soonest.saturating_sub(head_start), first + (fast / 2).saturating_mul(confirmations))
}

/// From the moment that a backend which was well breaks to the start of the first probe that sees it, at the latest.
fn first_probe(plan: &ProbePlan, pulled: Option<Duration>) -> Duration {
    // Its own traffic may go on succeeding, and keep its probes as far apart as they may be.
    let by_itself = at_most(plan.period, plan).max(plan.stretch_to);
    pulled.map_or(by_itself, |pulled| by_itself.min(pulled.max(hurried(plan))))
}

/// From the first probe that says something else to the start of the last that is needed, `more` probes later. Each takes `took`.
fn confirmations(plan: &ProbePlan, more: u32, took: Duration) -> Bounds {
    let Some(further) = more.checked_sub(1) else { return Bounds::exactly(Duration::ZERO) };
    let fast = hurried(plan);
    // The first was drawn at the period and is pulled forward when its result is known; the others are drawn at the fast period.
    let first = took.max(fast.min(at_least(plan.period, plan)));
    let others = took.max(at_least(fast, plan)).saturating_mul(further);
    Bounds::new(first + others, took.max(fast).saturating_mul(more))
}

fn hurried(plan: &ProbePlan) -> Duration {
    plan.fast_period.min(plan.period)
}

fn at_least(period: Duration, plan: &ProbePlan) -> Duration {
    period.mul_f64(1.0 - plan.jitter.clamp(0.0, 1.0))
}

fn at_most(period: Duration, plan: &ProbePlan) -> Duration {
    period.mul_f64(1.0 + plan.jitter.clamp(0.0, 1.0))
}
