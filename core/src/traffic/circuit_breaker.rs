//! How many requests may be under way at once, and how many may wait for a turn? The counts of one upstream, and the decision who enters.
//!
//! Atomics, since it stands on the path of a request; where no limit is set, nobody comes here. The invariant: whoever entered
//! leaves exactly once, so both counts end at zero.
//!
//! Whoever finds others waiting waits behind them: a queue that newcomers may pass serves the impatient first.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The counts of one upstream.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    inside: AtomicU32,
    waiting: AtomicU32,
}

impl CircuitBreaker {
    /// Enters, where fewer than `limit` are inside; 0 = no limit.
    pub fn enter(&self, limit: u32) -> bool {
        below(&self.inside, limit)
    }

    pub fn leave(&self) {
        self.inside.fetch_sub(1, Relaxed);
    }

    /// Takes a place in the queue, where fewer than `length` wait.
    pub fn join(&self, length: u32) -> bool {
        length > 0 && below(&self.waiting, length)
    }

    pub fn quit(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    pub fn inside(&self) -> u32 {
        self.inside.load(Relaxed)
    }

    pub fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }
}

/// Adds one, where the count stays within `limit`; 0 = no limit.
pub(super) fn below(count: &AtomicU32, limit: u32) -> bool {
    let more = |now: u32| (limit == 0 || now < limit).then(|| now.saturating_add(1));
    count.fetch_update(Relaxed, Relaxed, more).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_enter_as_may_and_no_more() {
        let circuit_breaker = CircuitBreaker::default();
        assert!(circuit_breaker.enter(2) && circuit_breaker.enter(2) && !circuit_breaker.enter(2));
        circuit_breaker.leave();
        assert!(circuit_breaker.enter(2));
        assert!((0..100).all(|_| circuit_breaker.enter(0)), "0 is no limit");
    }

    #[test]
    fn the_queue_is_bounded_and_may_be_none() {
        let circuit_breaker = CircuitBreaker::default();
        assert!(!circuit_breaker.join(0));
        assert!(circuit_breaker.join(1) && !circuit_breaker.join(1));
        circuit_breaker.quit();
        assert!(circuit_breaker.join(1));
    }
}
