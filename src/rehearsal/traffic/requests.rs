//! Where does each request stand? The machine that decides about it, and what is under way for it meanwhile.

use super::bells::Bell;
use super::flight::Flight;
use crate::rehearsal::ticket::Ticket;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::traffic::request::{Asked, Facts, Request, Wait};

/// All that are under way. Their places are used again.
#[derive(Debug, Default)]
pub(super) struct Requests {
    slots: Vec<Slot>,
    free: Vec<u32>,
    begun: u64,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    request: Option<Box<Underway>>,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Underway {
    /// How many came before it.
    number: u64,
    pub machine: Request<Bell>,
    /// Everything that is drawn for it.
    pub rng: Rng,
    pub waits: Option<Wait>,
    /// At the backend that it asks, and at the one that it asks beside.
    pub flights: Vec<Flight>,
    /// The answer that was shown to the machine last.
    pub answer: Option<Flight>,
}

impl Underway {
    /// The flight of this number, if it is still under way.
    pub(super) fn land(&mut self, number: u64) -> Option<Flight> {
        let place = self.flights.iter().position(|flight| flight.number == number)?;
        Some(self.flights.remove(place))
    }

    pub(super) fn asks(&self, number: u64, by: Asked) -> bool {
        self.flights.iter().any(|flight| flight.number == number && flight.by == by)
    }
}

impl Requests {
    pub(super) fn begin(&mut self, facts: Facts, rng: Rng) -> Ticket {
        let (number, machine) = (self.begun, Request::new(facts));
        let request = Box::new(Underway { number, machine, rng, waits: None, flights: Vec::new(), answer: None });
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
    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Underway> {
        self.slot(ticket)?.request.as_deref_mut()
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        self.slots.get_mut(ticket.slot as usize).filter(|slot| slot.generation == ticket.generation)
    }

    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Box<Underway>> {
        let slot = self.slot(ticket)?;
        slot.generation = slot.generation.wrapping_add(1);
        let request = slot.request.take();
        self.free.push(ticket.slot);
        request
    }

    /// The requests under way at a backend, in the order of their coming, and the numbers of their flights.
    pub(super) fn at(&self, backend: BackendKey) -> Vec<(Ticket, u64)> {
        let mut here: Vec<(u64, Ticket, u64)> = Vec::new();
        for (place, Slot { generation, request }) in self.slots.iter().enumerate() {
            let Some(request) = request else { continue };
            let ticket = Ticket { slot: place as u32, generation: *generation };
            let flights = request.flights.iter().filter(|flight| flight.backend() == backend);
            here.extend(flights.map(|flight| (request.number, ticket, flight.number)));
        }
        here.sort_by_key(|(number, _, flight)| (*number, *flight));
        here.into_iter().map(|(_, ticket, flight)| (ticket, flight)).collect()
    }
}
