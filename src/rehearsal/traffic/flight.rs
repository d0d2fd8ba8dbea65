//! What is under way at a backend for a request, and how will it end?

use crate::rehearsal::behaviour::Landing;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::{Asked, Attempt, Head, Input};

#[derive(Debug)]
pub(super) struct Flight {
    /// One of all flights of a rehearsal.
    pub number: u64,
    pub by: Asked,
    pub attempt: Attempt,
    pub began: Timestamp,
    pub landing: Landing,
}

impl Flight {
    pub(super) fn backend(&self) -> BackendKey {
        self.attempt.endpoint.key
    }

    /// What its end is to the machine.
    pub(super) fn ends(&self, now: Timestamp) -> Input {
        match (&self.landing, self.by) {
            (Landing::Answered { status }, by) => {
                Input::Head(Head { status: *status, after: now.since(self.began), by, replayable: true })
            }
            (Landing::Unanswered(_), Asked::Hedge) => Input::HedgeLost,
            (Landing::Unanswered(ended), Asked::First) => Input::Ended { ended: ended.clone(), replayable: true },
        }
    }
}
