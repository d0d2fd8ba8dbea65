//! How many hold a place now? A count with a limit: requests at one backend, inside an upstream, or waiting for a turn there.
//!
//! Atomic, since it stands on the path of a request. The invariant: whoever took a place gives it back exactly once, so the count never
//! passes its limit and ends at zero.

use crate::base::sync::{AtomicU32, Relaxed};

/// Places that are taken.
#[derive(Debug, Default)]
pub(super) struct Occupancy(AtomicU32);

impl Occupancy {
    /// Takes one, where fewer than `limit` are taken; 0 = no limit.
    pub(super) fn take_within(&self, limit: u32) -> bool {
        let more = |taken: u32| (limit == 0 || taken < limit).then(|| taken.saturating_add(1));
        self.0.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    pub(super) fn give_back(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    pub(super) fn taken(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken already, the limit: is there one more place?
    #[test]
    fn a_place_is_free_below_the_limit_and_zero_is_none() {
        for (taken, limit, free) in
            [(0, 1, true), (1, 1, false), (2, 1, false), (1, 2, true), (2, 2, false), (0, 0, true), (1000, 0, true)]
        {
            let occupancy = Occupancy::default();
            (0..taken).for_each(|_| assert!(occupancy.take_within(0)));
            assert_eq!(occupancy.take_within(limit), free, "{taken} of {limit}");
            assert_eq!(occupancy.taken(), taken + u32::from(free), "{taken} of {limit}");
        }
    }

    #[test]
    fn a_place_that_is_given_back_is_free_again() {
        let occupancy = Occupancy::default();
        assert!(occupancy.take_within(1) && !occupancy.take_within(1));
        occupancy.give_back();
        assert_eq!(occupancy.taken(), 0);
        assert!(occupancy.take_within(1));
    }
}

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32 as Witness;

    /// Three ask for two places, and whoever has one gives it back. The witness counts outside of loom's sight, which changes threads only
    /// before an operation on an atomic of its own: so it is always exact.
    #[test]
    fn places_are_never_more_than_the_limit_and_none_is_left_taken() {
        loom::model(|| {
            let shared = Arc::new((Occupancy::default(), Witness::new(0)));
            let ask = |shared: Arc<(Occupancy, Witness)>| {
                let (occupancy, holders) = &*shared;
                if occupancy.take_within(2) {
                    assert!(holders.fetch_add(1, Relaxed) < 2, "more than two hold a place");
                    occupancy.give_back();
                    holders.fetch_sub(1, Relaxed);
                }
            };
            let others = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || ask(shared))
            });
            ask(Arc::clone(&shared));
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(shared.0.taken(), 0);
        });
    }
}
