//! What do all upstreams of a board share? The pen and the paper: numbers that only grow, the seed, the agenda, the probes in
//! flight, and what is to go out.

mod agenda;
pub(super) mod place;
mod queue;
pub(super) mod turn;

use super::contract::output::Output;
use super::contract::probe::{ProbeJob, ProbeTicket};
use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::health::event::{Event, EventKind, Run};
use crate::plan::ProbeKind;
use agenda::Agenda;
use place::{Place, Position};
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Desk {
    seed: u64,
    outputs: VecDeque<Output>,
    agenda: Agenda,
    /// Backends whose probe is due.
    queue: Queue,
    /// How many probes may be in flight.
    concurrency: usize,
    in_flight: BTreeMap<ProbeTicket, (BackendKey, ProbeKind)>,
    /// The upstreams of which the last snapshot is not true any more.
    stale: BTreeSet<Arc<str>>,
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
            stale: BTreeSet::new(),
            run: Run::of(seed),
            next_event: 1,
            next_ticket: 1,
        }
    }

    /// Reports an event and returns it, for the history.
    pub(super) fn report(&mut self, kind: EventKind, now: Timestamp) -> Event {
        let event = Event { run: self.run, id: self.next_event, at: now, kind };
        self.next_event += 1;
        self.outputs.push_back(Output::Report(event.clone()));
        event
    }

    pub(super) fn put_out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Nothing is to go out.
    pub(super) fn is_clear(&self) -> bool {
        self.outputs.is_empty()
    }

    /// The upstreams that must be published anew; from here on they count as published.
    pub(super) fn take_stale(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.stale)
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// The upstreams whose traffic is to be looked at.
    pub(super) fn looks_due(&mut self, now: Timestamp) -> Vec<Position> {
        self.agenda.expire(now)
    }

    /// The members that must be looked at: an input touched them, or their time has come.
    pub(super) fn take_touched(&mut self) -> BTreeSet<Place> {
        self.agenda.take_touched()
    }

    /// Members were regrouped: what was noted by place says nothing any more.
    pub(super) fn forget_places(&mut self) {
        self.agenda = Agenda::default();
    }

    pub(super) fn limit_probes(&mut self, concurrency: usize) {
        self.concurrency = concurrency.max(1);
    }

    /// Whose probe may start now, and which?
    pub(super) fn next_probe(&mut self) -> Option<(BackendKey, ProbeKind)> {
        if self.in_flight.len() < self.concurrency { self.queue.pop() } else { None }
    }

    fn probe(&mut self, backend: (BackendKey, ProbeKind), job: impl FnOnce(ProbeTicket) -> ProbeJob) -> ProbeTicket {
        let ticket = ProbeTicket(self.next_ticket);
        self.next_ticket += 1;
        self.in_flight.insert(ticket, backend);
        self.outputs.push_back(Output::Probe(job(ticket)));
        ticket
    }

    fn cancel(&mut self, ticket: ProbeTicket) {
        self.in_flight.remove(&ticket);
        self.outputs.push_back(Output::CancelProbe(ticket));
    }

    /// Whose probe ended, and which? `None` for a ticket that nobody awaits any more.
    pub(super) fn ended(&mut self, ticket: ProbeTicket) -> Option<(BackendKey, ProbeKind)> {
        self.in_flight.remove(&ticket)
    }
}
