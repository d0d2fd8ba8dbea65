//! Where does each request stand? Their places are used again, so that a request allocates nothing.

use super::clients::Sent;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
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

/// A request under way.
#[derive(Debug)]
pub(super) struct Request {
    /// How many came before it.
    number: u64,
    /// Its place among the loads.
    pub load: usize,
    pub client: u64,
    pub idempotent: bool,
    /// Everything that is drawn for it.
    pub rng: Rng,
    pub began: Timestamp,
    /// As it was seen last.
    pub pool: Arc<Pool>,
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
    slots: Vec<Slot>,
    free: Vec<u32>,
    begun: u64,
    /// Those that wait, in the order of their coming.
    pub waiting: Vec<Ticket>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    request: Option<Request>,
}

impl Requests {
    pub(super) fn begin(&mut self, sent: Sent, now: Timestamp, pool: Arc<Pool>) -> Ticket {
        let Sent { load, client, idempotent, rng } = sent;
        let request = Request {
            number: self.begun,
            load,
            client,
            idempotent,
            rng,
            began: now,
            pool,
            tried: Vec::new(),
            lease: None,
            attempt: None,
            waits: None,
            entered: false,
            queued: false,
            failed_once: false,
        };
        self.begun += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let generation = self.slots.get_mut(slot as usize).map_or(0, |slot| {
            slot.request = Some(request);
            slot.generation
        });
        Ticket { slot, generation }
    }

    /// `None`: it is over.
    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Request> {
        self.slot(ticket)?.request.as_mut()
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        self.slots.get_mut(ticket.slot as usize).filter(|slot| slot.generation == ticket.generation)
    }

    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Request> {
        let slot = self.slot(ticket)?;
        slot.generation = slot.generation.wrapping_add(1);
        let request = slot.request.take();
        self.free.push(ticket.slot);
        request
    }

    /// Something else is due than what was announced: what was is void. Returns the new name.
    pub(super) fn renew(&mut self, ticket: Ticket) -> Option<Ticket> {
        let slot = self.slot(ticket)?;
        slot.generation = slot.generation.wrapping_add(1);
        Some(Ticket { generation: slot.generation, ..ticket })
    }

    /// The requests under way at a backend, in the order of their coming.
    pub(super) fn at(&self, key: BackendKey) -> Vec<Ticket> {
        let mut here: Vec<(u64, Ticket)> = Vec::new();
        for (place, Slot { generation, request }) in self.slots.iter().enumerate() {
            let Some(request) = request.as_ref().filter(|request| request.attempt.is_some()) else { continue };
            if request.lease.as_ref().is_some_and(|lease| lease.member.key == key) {
                here.push((request.number, Ticket { slot: place as u32, generation: *generation }));
            }
        }
        here.sort_by_key(|(number, _)| *number);
        here.into_iter().map(|(_, ticket)| ticket).collect()
    }
}
