//! What does a board leave to the one that comes after it, and how does it go on from the one before?

use super::Board;
use super::member::succession::{self, BackendState};
use super::upstream::sources::SourceState;
use crate::base::time::Timestamp;

/// What one board tells the next.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Handover {
    pub backends: Vec<BackendState>,
    pub sources: Vec<SourceState>,
}

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
