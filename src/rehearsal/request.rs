//! Where does each request stand? Their places are used again, so that a request allocates nothing.

use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::endpoint::Lease;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::snapshot::Pool;
use std::sync::Arc;

/// Names a request; the place may be another's by the time that something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: u32,
    generation: u32,
}

#[derive(Debug, Default)]
pub(super) struct Request {
    generation: u32,
    /// Its place among the loads.
    pub load: usize,
    pub client: u64,
    pub idempotent: bool,
    pub began: Timestamp,
    /// The position of its upstream in the plan that it began with, and the pool once it has seen it.
    pub upstream: usize,
    pub pool: Option<Arc<Pool>>,
    pub tried: Vec<BackendKey>,
    pub lease: Option<Lease>,
    /// The attempt that is under way: since when, and how it will end.
    pub attempt: Option<Attempt>,
    /// It waits: why, and until when.
    pub waits: Option<(Wait, Timestamp)>,
    /// It is counted in its upstream's circuit_breaker.
    pub entered: bool,
    pub queued: bool,
    /// An attempt has failed.
    pub failed_once: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub began: Timestamp,
    pub end: AttemptEnd,
    pub out_of_time: bool,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A first verdict.
    Verdict,
    /// Room at its upstream.
    Room,
    /// Somebody eligible.
    Somebody,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    slots: Vec<Request>,
    free: Vec<u32>,
    /// Those that wait, in the order of their coming.
    pub waiting: Vec<Ticket>,
}

impl Requests {
    pub(super) fn begin(&mut self) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Request::default());
            (self.slots.len() - 1) as u32
        });
        Ticket { slot, generation: self.slots.get(slot as usize).map_or(0, |request| request.generation) }
    }

    /// `None`: it is over.
    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Request> {
        self.slots.get_mut(ticket.slot as usize).filter(|request| request.generation == ticket.generation)
    }

    pub(super) fn end(&mut self, ticket: Ticket) {
        if let Some(request) = self.get(ticket) {
            request.generation = request.generation.wrapping_add(1);
            request.pool = None;
            request.lease = None;
            request.attempt = None;
            request.waits = None;
            request.tried.clear();
            (request.entered, request.queued, request.failed_once) = (false, false, false);
            self.free.push(ticket.slot);
        }
    }

    /// Something else is due than what was announced: what was is void. Returns the new name.
    pub(super) fn renew(&mut self, ticket: Ticket) -> Option<Ticket> {
        let request = self.get(ticket)?;
        request.generation = request.generation.wrapping_add(1);
        Some(Ticket { generation: request.generation, ..ticket })
    }

    /// The requests under way at a backend.
    pub(super) fn at(&self, key: BackendKey) -> Vec<Ticket> {
        let here = |request: &Request| request.lease.as_ref().is_some_and(|lease| lease.member.key == key);
        let all = self.slots.iter().enumerate().filter(|(_, request)| request.attempt.is_some() && here(request));
        all.map(|(slot, request)| Ticket { slot: slot as u32, generation: request.generation }).collect()
    }
}
