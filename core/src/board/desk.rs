//! What do all upstreams of a board share? The pen and the paper: numbers that only grow, the seed, the agenda, the probes in
//! flight, and what is to go out.

use super::agenda::Agenda;
use super::contract::{Output, ProbeJob, ProbeTicket};
use super::queue::Queue;
use crate::base::identity::{BackendId, BackendKey};
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::event::{Event, EventKind, Run};
use crate::plan::ProbeKind;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(super) struct Desk {
    seed: u64,
    pub outputs: VecDeque<Output>,
    pub agenda: Agenda,
    /// Backends whose probe is due.
    pub queue: Queue,
    /// How many probes may be in flight.
    pub concurrency: usize,
    in_flight: BTreeMap<ProbeTicket, (BackendKey, ProbeKind)>,
    run: Run,
    next_event: u64,
    next_ticket: u64,
}

impl Desk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            outputs: VecDeque::new(),
            agenda: Agenda::default(),
            queue: Queue::default(),
            concurrency: 1,
            in_flight: BTreeMap::new(),
            run: Run::of(seed),
            next_event: 1,
            next_ticket: 1,
        }
    }

    /// A backend's own randomness: nobody else's comings and goings shift its jitter.
    pub(super) fn stream(&self, backend: &BackendId) -> Rng {
        Rng::of(self.seed, &backend.to_string())
    }

    /// Reports an event and returns it, for the history.
    pub(super) fn report(&mut self, kind: EventKind, now: Timestamp) -> Event {
        let event = Event { run: self.run, id: self.next_event, at: now, kind };
        self.next_event += 1;
        self.outputs.push_back(Output::Report(event.clone()));
        event
    }

    pub(super) fn may_probe(&self) -> bool {
        self.in_flight.len() < self.concurrency
    }

    pub(super) fn probe(
        &mut self,
        backend: (BackendKey, ProbeKind),
        job: impl FnOnce(ProbeTicket) -> ProbeJob,
    ) -> ProbeTicket {
        let ticket = ProbeTicket(self.next_ticket);
        self.next_ticket += 1;
        self.in_flight.insert(ticket, backend);
        self.outputs.push_back(Output::Probe(job(ticket)));
        ticket
    }

    pub(super) fn cancel(&mut self, ticket: ProbeTicket) {
        self.in_flight.remove(&ticket);
        self.outputs.push_back(Output::CancelProbe(ticket));
    }

    /// Whose probe ended, and which? `None` for a ticket that nobody awaits any more.
    pub(super) fn ended(&mut self, ticket: ProbeTicket) -> Option<(BackendKey, ProbeKind)> {
        self.in_flight.remove(&ticket)
    }
}
