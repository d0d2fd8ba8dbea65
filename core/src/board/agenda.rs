//! Who needs the board, and when? A timer for every backend and every upstream, and a note of those that an input touched.
//!
//! With it a call costs what it concerns, not what there is: one probe's answer among ten thousand backends looks at one of them.
//! Places are positions: when members are regrouped, the agenda is begun anew.

use crate::base::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// An upstream (its look at the evidence of traffic) or one of its members, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub upstream: usize,
    pub member: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    timers: BTreeSet<(Timestamp, Place)>,
    times: BTreeMap<Place, Timestamp>,
    touched: BTreeSet<Place>,
}

impl Agenda {
    /// This place must be looked at before the current call ends.
    pub(super) fn touch(&mut self, upstream: usize, member: usize) {
        self.touched.insert(Place { upstream, member: Some(member) });
    }

    /// When this place needs the board next by itself; replaces what was said before.
    pub(super) fn set(&mut self, place: Place, at: Option<Timestamp>) {
        let before = self.times.get(&place).copied();
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.timers.remove(&(before, place));
            self.times.remove(&place);
        }
        if let Some(at) = at {
            self.timers.insert((at, place));
            self.times.insert(place, at);
        }
    }

    /// The next timer.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Notes the members whose time has come as touched; returns the upstreams whose time has come.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<usize> {
        let mut upstreams = Vec::new();
        while let Some((_, place)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.set(place, None);
            match place.member {
                Some(_) => drop(self.touched.insert(place)),
                None => upstreams.push(place.upstream),
            }
        }
        upstreams
    }

    /// The touched members, in order of their places.
    pub(super) fn take_touched(&mut self) -> Vec<(usize, usize)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter_map(|place| Some((place.upstream, place.member?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, Place};
    use crate::base::time::Timestamp;

    const fn member(member: usize) -> Place {
        Place { upstream: 0, member: Some(member) }
    }

    #[test]
    fn a_timer_fires_once_and_the_latest_word_counts() {
        let mut agenda = Agenda::default();
        let s = Timestamp::from_secs;
        agenda.set(member(0), Some(s(1)));
        agenda.set(member(1), Some(s(2)));
        agenda.set(member(0), Some(s(3)));
        agenda.set(Place { upstream: 4, member: None }, Some(s(2)));
        assert_eq!(agenda.next(), Some(s(2)));
        assert_eq!(agenda.expire(s(2)), [4]);
        agenda.touch(0, 7);
        agenda.touch(0, 1);
        assert_eq!(agenda.take_touched(), [(0, 1), (0, 7)]);
        assert_eq!(agenda.next(), Some(s(3)));
        agenda.set(member(0), None);
        assert_eq!(agenda.next(), None);
    }
}
