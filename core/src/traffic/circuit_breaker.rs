//! How many requests may be under way at once, and how many may wait for a turn? The counts of one upstream, and the decision who enters.
//!
//! Where no limit is set, nobody comes here. The invariant: whoever entered leaves exactly once, so both counts end at zero.
//!
//! Whoever finds others waiting waits behind them: a queue that newcomers may pass serves the impatient first.

use crate::traffic::occupancy::Occupancy;

/// The counts of one upstream.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    inside: Occupancy,
    waiting: Occupancy,
}

impl CircuitBreaker {
    /// Enters, where fewer than `limit` are inside; 0 = no limit.
    pub fn enter(&self, limit: u32) -> bool {
        self.inside.take_within(limit)
    }

    pub fn leave(&self) {
        self.inside.give_back();
    }

    /// Takes a place in the queue, where fewer than `length` wait.
    pub fn join(&self, length: u32) -> bool {
        length > 0 && self.waiting.take_within(length)
    }

    pub fn quit(&self) {
        self.waiting.give_back();
    }

    pub fn inside(&self) -> u32 {
        self.inside.taken()
    }

    pub fn waiting(&self) -> u32 {
        self.waiting.taken()
    }
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

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32 as Witness, Ordering::Relaxed};

    /// One may be inside and one may wait. A client that finds no place joins the queue, and goes.
    fn visit(breaker: &CircuitBreaker, inside: &Witness, waiting: &Witness) {
        if breaker.enter(1) {
            assert_eq!(inside.fetch_add(1, Relaxed), 0, "two are inside where one may be");
            breaker.leave();
            inside.fetch_sub(1, Relaxed);
        } else if breaker.join(1) {
            assert_eq!(waiting.fetch_add(1, Relaxed), 0, "two wait in a queue for one");
            breaker.quit();
            waiting.fetch_sub(1, Relaxed);
        }
    }

    /// The witnesses count outside of loom's sight, as in `occupancy`.
    #[test]
    fn neither_count_passes_its_limit_and_both_end_at_zero() {
        loom::model(|| {
            let shared = Arc::new((CircuitBreaker::default(), Witness::new(0), Witness::new(0)));
            let clients = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || visit(&shared.0, &shared.1, &shared.2))
            });
            visit(&shared.0, &shared.1, &shared.2);
            for client in clients {
                client.join().unwrap();
            }
            assert_eq!((shared.0.inside(), shared.0.waiting()), (0, 0));
        });
    }
}
