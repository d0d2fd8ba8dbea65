//! How many requests fail until a broken backend is out of rotation?

use super::bounds::Bounds;
use super::traffic::Ejection;
use super::{Fault, Scene, silence};
use crate::plan::RoutePlan;
use std::time::Duration;

/// At most so many requests; `None`: without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Those that may be tried again anywhere.
    pub idempotent: Option<u64>,
    /// All others, which are tried again only where nothing of them was sent.
    pub others: Option<u64>,
    /// Attempts that fail at this backend, whatever comes of their requests.
    pub attempts: Option<u64>,
}

impl Failing {
    const NONE: Self = Self { idempotent: Some(0), others: Some(0), attempts: Some(0) };

    pub(super) fn or_more(self, other: Self) -> Self {
        let more = |one: Option<u64>, other: Option<u64>| one.zip(other).map(|(one, other)| one.max(other));
        Self {
            idempotent: more(self.idempotent, other.idempotent),
            others: more(self.others, other.others),
            attempts: more(self.attempts, other.attempts),
        }
    }
}

/// `every`: from one request of the backend to the next.
pub(super) fn of(
    scene: &Scene<'_>,
    fault: Fault,
    every: Option<Duration>,
    by_probes: Option<Bounds>,
    ejection: Option<Ejection>,
) -> Failing {
    let Some(every) = every.filter(|_| fault != Fault::Unready) else { return Failing::NONE };
    let sent_within = |time: Duration| u64::try_from(time.as_nanos() / every.as_nanos().max(1)).unwrap_or(u64::MAX - 1);
    let until_probed = by_probes.and_then(|bounds| bounds.worst).map(|worst| sent_within(worst) + 1);
    let until_ejected = ejection.and_then(|ejection| {
        let waiting = scene.failures(fault, every)?.after.worst?;
        Some(ejection.failed? + sent_within(waiting))
    });
    let attempts = match (until_probed, until_ejected) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let lasts = match (by_probes.and_then(|b| b.worst), ejection.and_then(|e| e.after.worst)) {
        (Some(one), Some(other)) => one.min(other),
        (one, other) => one.or(other).unwrap_or(Duration::MAX),
    };
    let after_retries = |tried_again: bool, free: bool| match attempts {
        _ if tried_again && free => Some(0),
        Some(attempts) if tried_again => Some(attempts.saturating_sub(affordable(scene, lasts))),
        attempts => attempts,
    };
    let free = fault == Fault::Refused;
    let again = scene.pool.weights.len() > 1 && !scene.routes.is_empty();
    let idempotent = again && scene.routes.iter().all(|route| is_tried_again(route, fault));
    Failing { idempotent: after_retries(idempotent, free), others: after_retries(idempotent && free, free), attempts }
}

/// Does the route try another backend after this fault, in time?
fn is_tried_again(route: &RoutePlan, fault: Fault) -> bool {
    let on = &route.retries.on;
    let named = match fault {
        Fault::Refused => on.connect,
        Fault::Silent => on.timeout && silence(route).is_some(),
        Fault::Unreachable => on.timeout && on.connect && silence(route).is_some(),
        Fault::Lying => on.reset && on.statuses.binary_search(&500).is_ok(),
        Fault::Unready => false,
    };
    named && route.retries.limit > 0
}

/// How many retries the budget has room for within this time.
fn affordable(scene: &Scene<'_>, time: Duration) -> u64 {
    let budget = &scene.upstream.budget;
    let per_second = budget.ratio * scene.load.rate + f64::from(budget.min_per_second);
    (per_second * time.max(budget.ttl).as_secs_f64()) as u64
}
