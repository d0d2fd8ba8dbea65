//! What do all upstreams of a board share? The pen and the paper: numbers that only grow, randomness, and what is to go out.

use super::contract::{Output, ProbeJob, ProbeTicket};
use crate::domain::event::{Event, EventKind};
use crate::domain::rng::Rng;
use crate::domain::time::Timestamp;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Desk {
    pub rng: Rng,
    pub outputs: VecDeque<Output>,
    /// What the last snapshot said of the first round.
    pub first_round_published: bool,
    next_event: u64,
    next_ticket: u64,
}

impl Desk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            outputs: VecDeque::new(),
            first_round_published: false,
            next_event: 1,
            next_ticket: 1,
        }
    }

    /// Reports an event and returns it, for the history.
    pub(super) fn report(&mut self, kind: EventKind, now: Timestamp) -> Event {
        let event = Event { id: self.next_event, at: now, kind };
        self.next_event += 1;
        self.outputs.push_back(Output::Report(event.clone()));
        event
    }

    pub(super) fn probe(&mut self, job: impl FnOnce(ProbeTicket) -> ProbeJob) -> ProbeTicket {
        let ticket = ProbeTicket(self.next_ticket);
        self.next_ticket += 1;
        self.outputs.push_back(Output::Probe(job(ticket)));
        ticket
    }

    pub(super) fn cancel(&mut self, ticket: ProbeTicket) {
        self.outputs.push_back(Output::CancelProbe(ticket));
    }
}
