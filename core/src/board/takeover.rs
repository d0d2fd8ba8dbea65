//! What does a board leave to the one that comes after it, and how does it go on from the one before?
//!
//! Twice: before its first plan, and once more when the other process has stopped serving.

use super::Board;
use super::handover::Handover;
use super::member::succession;
use crate::base::time::Timestamp;

impl Board {
    /// Everything that the board of another process needs to go on from here.
    pub fn handover(&self, now: Timestamp) -> Handover {
        let members = self.upstreams.iter().flat_map(|upstream| upstream.members().iter());
        let states = members.map(|member| succession::export(member, now));
        Handover {
            backends: states.chain(self.retired.export(now)).collect(),
            sources: self.upstreams.iter().flat_map(|upstream| upstream.export_sources()).collect(),
        }
    }

    /// Takes over what another board knew. Whoever is no member here is remembered like one that has left.
    pub(super) fn take_over(&mut self, handover: &Handover, now: Timestamp) {
        if self.plan.is_none() {
            self.inherited_sources.clone_from(&handover.sources);
        }
        let started = self.started;
        for state in &handover.backends {
            match self.places.get(&state.id.key()).copied() {
                Some(_) if state.left.is_some() => {}
                Some(place) => {
                    self.at(place, now, |upstream, seat, turn| upstream.catch_up(seat, state, started, turn));
                }
                None => self.retired.import(state, now),
            }
        }
        self.retired.forget_old(now);
    }
}
