//! Requests in the storm: they come at random, wait, are tried and hedged, end in every way, are cancelled, and see publications in
//! between. Each is decided by the real machine; what it holds is compared with a naive count after every step.
//!
//! They live in a world of their own: the pools are those that the board publishes, but the cells, the limits and the randomness are
//! theirs, so that the storm on the board is the same with them and without them.

mod one;
mod world;

use one::One;
use pulsegate_core::base::rng::{Rng, mix};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::Input;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use world::World;

/// Requests that live at once, at most.
const CROWD: usize = 12;

/// All requests of one storm.
pub struct Crowd {
    rng: Rng,
    world: World,
    live: Vec<One>,
}

impl Crowd {
    /// `seed`: of the storm; nothing of its dice is used up.
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(mix(!seed)), world: World::default(), live: Vec::new() }
    }

    /// A moment passes: what is due happens, and one thing more.
    pub fn go_on(&mut self, published: Option<&Arc<Snapshot>>, now: Timestamp) {
        if published.is_some_and(|published| self.world.publish(published, &mut self.rng)) {
            self.tell_all(|one| one.waits().then_some(Input::Changed), now);
        }
        self.tell_all(|one| one.is_due(now).then_some(Input::Woken), now);
        assert!(!self.live.iter().any(|one| one.is_due(now)), "a request waits beyond its deadline");
        self.happen(now);
        self.check();
    }

    /// The storm is over: whoever is left is cancelled.
    pub fn end(&mut self) {
        while let Some(one) = self.live.pop() {
            drop(one);
            self.check();
        }
    }

    fn happen(&mut self, now: Timestamp) {
        let which = self.rng.below(self.live.len() as u32) as usize;
        match self.rng.below(10) {
            0..=2 if self.live.len() < CROWD => self.arrive(now),
            // Its task is dropped: nothing is told to anybody.
            3 if !self.live.is_empty() => drop(self.live.remove(which)),
            _ => {
                let input = self.live.get(which).map(|one| one.something(&mut self.rng, now));
                self.tell(which, input, now);
            }
        }
        self.wake(now);
    }

    fn arrive(&mut self, now: Timestamp) {
        let Some(facts) = self.world.facts(&mut self.rng, now) else { return };
        self.live.push(One::new(facts));
        self.tell(self.live.len() - 1, Some(Input::Begun), now);
    }

    fn tell(&mut self, which: usize, input: Option<Input>, now: Timestamp) {
        let (Some(one), Some(input)) = (self.live.get_mut(which), input) else { return };
        one.tell(&input, &mut self.world, &mut self.rng, now);
        let over = one.is_over();
        let copy = if over { one.copied(now, &mut self.rng) } else { None };
        self.check();
        if over {
            drop(self.live.remove(which));
            if let Some(facts) = copy {
                self.live.push(One::new(facts));
                self.tell(self.live.len() - 1, Some(Input::Begun), now);
            }
        }
    }

    fn tell_all(&mut self, input: impl Fn(&One) -> Option<Input>, now: Timestamp) {
        for which in (0..self.live.len()).rev() {
            let input = self.live.get(which).and_then(&input);
            self.tell(which, input, now);
            self.check();
        }
    }

    /// For each place that was given back, whoever waits longest for it looks again.
    fn wake(&mut self, now: Timestamp) {
        while let Some(upstream) = self.world.rung() {
            self.check();
            let first = self.live.iter().position(|one| one.waits_for_room_at(&upstream));
            if let Some(first) = first {
                self.tell(first, Some(Input::Changed), now);
            }
        }
    }

    /// What is counted is what there is.
    fn check(&self) {
        for (name, upstream) in self.world.upstreams() {
            let here = || self.live.iter().filter(|one| one.upstream() == Some(name));
            for (key, cell) in &upstream.cells {
                let leases = self.live.iter().flat_map(One::leases).filter(|lease| lease.backend == *key).count();
                assert_eq!(cell.in_flight() as usize, leases, "{name}: in flight at {key:?}");
            }
            let waiting = here().filter(|one| one.is_queued()).count();
            assert_eq!(upstream.breaker.waiting() as usize, waiting, "{name}: in the queue");
            // A bell is handed out for each request inside, and for each place at a backend that has a limit.
            let limited = here().flat_map(One::leases).filter(|lease| lease.limited).count();
            let inside = upstream.bells.out() - limited;
            assert_eq!(upstream.breaker.inside() as usize, inside, "{name}: under way");
        }
    }
}
