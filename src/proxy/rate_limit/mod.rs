//! Is there a token left? The buckets of all rate limits in force, found by the limit's id.
//!
//! The arithmetic is governor's (GCRA); it reads the process's clock and keeps its state in [`buckets::Buckets`], whose size has a bound. A limit
//! that is the same in a new plan goes on where it was; one that no plan has any more is forgotten at the next sweep.

mod buckets;

use crate::clock::Clock;
use crate::control::Handle;
use arc_swap::ArcSwap;
use buckets::Buckets;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, RateLimiter};
use governor::{NotUntil, Quota};
use pulsegate_core::plan::{LimitBy, Plan, RateLimitPlan};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::sleep;

/// How often buckets that are full again are forgotten.
const SWEEP: Duration = Duration::from_secs(5);

/// Whose token it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'a> {
    Everybody,
    Client(IpAddr),
    Text(&'a [u8]),
}

/// The limits in force.
#[derive(Debug)]
pub(super) struct Limits {
    clock: Ticks,
    /// Keys become numbers under a secret of this process: nobody can choose a key that shares somebody's bucket.
    hasher: RandomState,
    by_id: ArcSwap<HashMap<u64, Arc<Limiter>>>,
}

/// The process's clock, as governor reads it.
#[derive(Clone, Copy, Debug)]
struct Ticks(Clock);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now().0.into()
    }
}

#[derive(Debug)]
enum Limiter {
    /// One bucket: an atomic.
    One(RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>),
    Many(RateLimiter<u64, Buckets, Ticks, NoOpMiddleware<Nanos>>),
}

impl Limits {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock: Ticks(clock), hasher: RandomState::new(), by_id: ArcSwap::default() }
    }

    /// Takes a token, or says how long there is none.
    pub(super) fn take(&self, plan: &RateLimitPlan, key: Key<'_>) -> Result<(), Duration> {
        match self.by_id.load().get(&plan.id) {
            Some(limiter) => limiter.take(self.number(key), self.clock),
            None => self.made(plan).take(self.number(key), self.clock),
        }
    }

    fn number(&self, key: Key<'_>) -> u64 {
        match key {
            Key::Everybody => 0,
            Key::Client(IpAddr::V4(address)) => self.hasher.hash_one((4, address.to_bits())),
            // A customer has a /64 at least, and as many addresses as it likes in there.
            Key::Client(IpAddr::V6(address)) => self.hasher.hash_one((6, (address.to_bits() >> 64) as u64)),
            Key::Text(text) => self.hasher.hash_one((0, text)),
        }
    }

    /// The first request of a limit makes it.
    fn made(&self, plan: &RateLimitPlan) -> Arc<Limiter> {
        let new = Arc::new(Limiter::new(plan, self.clock));
        self.by_id.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(plan.id).or_insert_with(|| Arc::clone(&new));
            known
        });
        self.by_id.load().get(&plan.id).cloned().unwrap_or(new)
    }

    /// Forgets limits that are no more, and in the others what is as good as never seen.
    fn sweep(&self, in_force: impl Fn(u64) -> bool) {
        let known = self.by_id.load();
        if !known.keys().all(|id| in_force(*id)) {
            self.by_id.rcu(|known| {
                let kept = known.iter().filter(|(id, _)| in_force(**id));
                kept.map(|(id, limiter)| (*id, Arc::clone(limiter))).collect::<HashMap<_, _>>()
            });
        }
        for limiter in known.values() {
            if let Limiter::Many(limiter) = &**limiter {
                limiter.retain_recent();
            }
        }
    }
}

fn names(plan: &Plan, id: u64) -> bool {
    let mut limits = plan.routes.iter().filter_map(|route| route.admission.as_ref()?.rate_limit.as_ref());
    limits.any(|limit| limit.id == id)
}

/// For as long as there are limits to look after.
pub(super) async fn sweep(limits: Weak<Limits>, handle: Handle) {
    while let Some(limits) = limits.upgrade() {
        let plan = Arc::clone(&handle.snapshot().plan);
        limits.sweep(|id| names(&plan, id));
        drop(limits);
        sleep(SWEEP).await;
    }
}

impl Limiter {
    fn new(plan: &RateLimitPlan, clock: Ticks) -> Self {
        let burst = NonZeroU32::new(plan.burst).unwrap_or(NonZeroU32::MIN);
        // Never `None`: the interval is never zero.
        let quota = Quota::with_period(plan.interval()).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        match plan.by {
            LimitBy::Route => Self::One(RateLimiter::new(quota, InMemoryState::default(), clock)),
            LimitBy::Client | LimitBy::Header(_) => Self::Many(RateLimiter::new(quota, Buckets::default(), clock)),
        }
    }

    fn take(&self, key: u64, clock: Ticks) -> Result<(), Duration> {
        let taken = match self {
            Self::One(limiter) => limiter.check(),
            Self::Many(limiter) => limiter.check_key(&key),
        };
        taken.map_err(|not_until: NotUntil<Nanos>| not_until.wait_time_from(clock.now()))
    }
}

#[cfg(test)]
mod tests;
