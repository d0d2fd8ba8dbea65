//! Who needs the board, and when? A timer for every backend and every upstream, and a note of those that an input touched.
//!
//! With it a call costs what it concerns, not what there is: one probe's answer among ten thousand backends looks at one of them.
//! Places are positions: when members are regrouped, the agenda is begun anew.

use super::place::{Place, Position};
use crate::base::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a timer is for. In this order, those of one moment come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// An upstream's look at the evidence of traffic.
    Look(Position),
    Member(Place),
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    timers: BTreeSet<(Timestamp, Timer)>,
    times: BTreeMap<Timer, Timestamp>,
    touched: BTreeSet<Place>,
}

impl Agenda {
    /// This member must be looked at before the current call ends.
    pub(super) fn touch(&mut self, place: Place) {
        self.touched.insert(place);
    }

    /// When this member needs the board next by itself; replaces what was said before.
    pub(super) fn wake(&mut self, place: Place, at: Option<Timestamp>) {
        self.set(Timer::Member(place), at);
    }

    pub(super) fn look_at(&mut self, upstream: Position, at: Option<Timestamp>) {
        self.set(Timer::Look(upstream), at);
    }

    fn set(&mut self, timer: Timer, at: Option<Timestamp>) {
        let before = self.times.get(&timer).copied();
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.timers.remove(&(before, timer));
            self.times.remove(&timer);
        }
        if let Some(at) = at {
            self.timers.insert((at, timer));
            self.times.insert(timer, at);
        }
    }

    /// The next timer.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Notes the members whose time has come as touched; returns the upstreams whose time has come.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Position> {
        let mut upstreams = Vec::new();
        while let Some((_, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.set(timer, None);
            match timer {
                Timer::Member(place) => drop(self.touched.insert(place)),
                Timer::Look(upstream) => upstreams.push(upstream),
            }
        }
        upstreams
    }

    /// The touched members, in order of their places.
    pub(super) fn take_touched(&mut self) -> BTreeSet<Place> {
        std::mem::take(&mut self.touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::desk::place::Seat;

    const fn member(upstream: usize, seat: usize) -> Place {
        Place { upstream: Position::new(upstream), seat: Seat::new(seat) }
    }

    #[test]
    fn a_timer_fires_once_and_the_latest_word_counts() {
        let mut agenda = Agenda::default();
        let s = Timestamp::from_secs;
        agenda.wake(member(0, 0), Some(s(1)));
        agenda.wake(member(0, 1), Some(s(2)));
        agenda.wake(member(0, 0), Some(s(3)));
        agenda.look_at(Position::new(4), Some(s(2)));
        assert_eq!(agenda.next(), Some(s(2)));
        assert_eq!(agenda.expire(s(2)), [Position::new(4)]);
        agenda.touch(member(0, 7));
        agenda.touch(member(0, 1));
        assert_eq!(Vec::from_iter(agenda.take_touched()), [member(0, 1), member(0, 7)]);
        assert_eq!(agenda.next(), Some(s(3)));
        agenda.wake(member(0, 0), None);
        assert_eq!(agenda.next(), None);
    }
}
