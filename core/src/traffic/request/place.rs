//! What does a request hold of its upstream, and who is told when it gives it back? Each of these counts once, from the moment that it is
//! had to the moment that it is dropped, whatever becomes of the request.

use crate::base::time::Timestamp;
use crate::traffic::endpoint::Lease;
use crate::traffic::snapshot::Pool;
use std::sync::Arc;

/// Wakes whoever waits longest for room at one upstream.
pub trait Bell {
    fn ring(&self);
}

/// Rings when it is dropped.
#[derive(Debug)]
struct Ring<B: Bell>(B);

impl<B: Bell> Drop for Ring<B> {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// One of the requests that an upstream may have at once.
#[derive(Debug)]
pub(super) struct Entered<B: Bell> {
    pool: Arc<Pool>,
    bell: B,
}

impl<B: Bell> Entered<B> {
    /// `None`: it has as many as it may have.
    pub(super) fn within(limit: u32, pool: &Arc<Pool>, bell: impl FnOnce() -> B) -> Option<Self> {
        pool.circuit_breaker.enter(limit).then(|| Self { pool: Arc::clone(pool), bell: bell() })
    }
}

impl<B: Bell> Drop for Entered<B> {
    fn drop(&mut self) {
        self.pool.circuit_breaker.leave();
        self.bell.ring();
    }
}

/// A place in the queue. Its deadline is that of its beginning: no later look at the queue moves it.
#[derive(Debug)]
pub(super) struct Queued {
    pool: Arc<Pool>,
    until: Timestamp,
}

impl Queued {
    /// `None`: the queue is full, or there is none.
    pub(super) fn behind_others(pool: &Arc<Pool>, until: Timestamp) -> Option<Self> {
        let joined = pool.circuit_breaker.join(pool.upstream.limits.queue);
        joined.then(|| Self { pool: Arc::clone(pool), until })
    }

    pub(super) fn until(&self) -> Timestamp {
        self.until
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.pool.circuit_breaker.quit();
    }
}

/// A place at a backend. Its parts are given up in this order: whoever is woken finds the place free.
#[derive(Debug)]
pub(super) struct Place<B: Bell> {
    lease: Lease,
    /// The board knows how it ended.
    told: bool,
    _next: Option<Ring<B>>,
}

impl<B: Bell> Place<B> {
    /// `bell`: where somebody may wait for this place.
    pub(super) fn new(lease: Lease, bell: Option<B>) -> Self {
        Self { lease, told: false, _next: bell.map(Ring) }
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(super) fn tell(&mut self) {
        self.told = true;
    }
}

impl<B: Bell> Drop for Place<B> {
    fn drop(&mut self) {
        // A trial of which nobody hears is offered to the next request: else its backend would wait for it for ever.
        if self.lease.trial && !self.told {
            self.lease.member.cell.arm_trial();
        }
    }
}
