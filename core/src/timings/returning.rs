//! How soon is a backend back that was out?

use super::bounds::Bounds;
use super::{Scene, probing};
use crate::plan::{Detector, PassivePlan, ProbePlan, WhenNoneEligible};
use std::time::Duration;

/// What a backend comes back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Down or not ready, its probes having failed at once; counted from the moment that it is well again.
    Down,
    /// The same, its probes having timed out.
    Silent,
    /// Nobody of the pool serves, and all are well again at one moment: the first that is back.
    Outage,
    /// The same, their probes having timed out.
    SilentOutage,
    /// The first ejection, counted from its beginning, where it is well again when the time is over.
    Ejected,
    /// An ejection as long as they get: the n-th in a row.
    EjectedAgain(u32),
}

impl Way {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Silent => "silent",
            Self::Outage => "outage",
            Self::SilentOutage => "silent_outage",
            Self::Ejected => "ejected",
            Self::EjectedAgain(_) => "ejected_longest",
        }
    }
}

/// How soon it is back.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    pub way: Way,
    pub after: Bounds,
}

pub(super) fn all(scene: &Scene<'_>) -> Vec<Return> {
    let probed = scene.upstream.readiness.iter().flat_map(|plan| by_probes(scene, plan));
    probed.chain(by_time(scene)).map(|(way, after)| Return { way, after }).collect()
}

fn by_probes(scene: &Scene<'_>, plan: &ProbePlan) -> Vec<(Way, Bounds)> {
    let (at_once, pool) = (Duration::ZERO, scene.pool.all);
    let mut ways = Vec::new();
    // Whoever is the only one is nobody's neighbour: while it is out, nobody serves.
    let fails_closed = scene.upstream.when_none_eligible == WhenNoneEligible::FailClosed;
    // A pool that is held in place still serves, so nothing hurries.
    let closed = fails_closed && scene.upstream.hold_correlated_failures.is_zero();
    if pool > 1 || !closed {
        ways.push((Way::Down, probing::recovery(plan, at_once, false)));
        ways.push((Way::Silent, probing::recovery(plan, plan.timeout, true)));
    }
    if closed {
        ways.push((Way::Outage, probing::recovery_of_all(plan, at_once, false, pool)));
        ways.push((Way::SilentOutage, probing::recovery_of_all(plan, plan.timeout, true, pool)));
    }
    ways
}

fn by_time(scene: &Scene<'_>) -> Vec<(Way, Bounds)> {
    let passive = &scene.upstream.passive;
    let ejects = |detector| passive.detects(detector) && passive.enforce.of(detector);
    if !Detector::ALL.into_iter().any(ejects) || !scene.spares_one() || scene.paces().is_empty() {
        return Vec::new();
    }
    let longest = nth_is_longest(passive);
    let mut ways = vec![(Way::Ejected, ejection(scene, passive.base_ejection.min(passive.max_ejection)))];
    if longest > 1 {
        ways.push((Way::EjectedAgain(longest), ejection(scene, passive.max_ejection)));
    }
    ways
}

/// Its time, and what ends it: the next request that may decide, or a probe.
fn ejection(scene: &Scene<'_>, length: Duration) -> Bounds {
    let jitter = scene.upstream.passive.ejection_jitter.clamp(0.0, 1.0);
    let next_request = Duration::try_from_secs_f64(1.0 / scene.load.rate).unwrap_or(Duration::MAX);
    let probe = scene.upstream.readiness.as_ref().map(|plan| plan.fast_period.min(plan.period));
    // Without a request that may decide, it is out for as long again, and then a probe does.
    let decides = scene.routes.iter().any(|route| route.retries.limit > 0);
    let (times, request) = if decides { (1, next_request) } else { (2, Duration::ZERO) };
    let waits = request.max(probe.unwrap_or_default());
    let longest = length.mul_f64(1.0 + jitter).saturating_mul(times);
    Bounds::new(length.mul_f64(1.0 - jitter), longest.saturating_add(waits))
}

fn nth_is_longest(passive: &PassivePlan) -> u32 {
    let steps = passive.max_ejection.as_nanos().div_ceil(passive.base_ejection.as_nanos().max(1));
    u32::try_from(steps).unwrap_or(u32::MAX)
}
