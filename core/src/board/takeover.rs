//! What does a board leave to the one that comes after it, and how does it go on from the one before?

use super::Board;
use super::handover::Handover;
use super::member::succession;
use crate::base::time::Timestamp;

impl Board {
    /// Everything that the board of another process needs to go on from here.
    pub fn handover(&self, now: Timestamp) -> Handover {
        let members = self.upstreams.iter().flat_map(|upstream| upstream.members().iter());
        let known = members.map(|member| succession::known(member, now));
        Handover {
            backends: known.chain(self.retired.known(now)).collect(),
            sources: self.upstreams.iter().flat_map(|upstream| upstream.known_sources()).collect(),
        }
    }

    /// Takes over what another board knew. Whoever is no member here is remembered like one that has left.
    pub(super) fn take_over(&mut self, handover: &Handover, now: Timestamp) {
        if self.plan.is_none() {
            self.inherited_sources.clone_from(&handover.sources);
        }
        let started = self.started;
        for known in &handover.backends {
            match self.places.get(&known.id.key()).copied() {
                Some(_) if known.left.is_some() => {}
                Some(place) => {
                    self.at(place, now, |upstream, seat, turn| upstream.catch_up(seat, known, started, turn));
                }
                None => self.retired.learn(known, now),
            }
        }
        self.retired.forget_old(now);
    }
}
