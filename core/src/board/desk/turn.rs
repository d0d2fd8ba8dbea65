//! What is a step of the board taken with? The desk, the moment, and which upstream it is about: handed down, so that no step can
//! forget one of them.

use super::Desk;
use super::place::{Place, Position, Seat};
use crate::base::identity::{BackendId, BackendKey};
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::board::contract::output::Output;
use crate::board::contract::probe::{ProbeJob, ProbeTicket};
use crate::health::event::{Event, EventKind};
use crate::plan::ProbeKind;
use std::sync::Arc;

pub(in crate::board) struct Turn<'a> {
    desk: &'a mut Desk,
    upstream: Position,
    pub now: Timestamp,
    /// Who comes back takes its traffic up slowly: the first round is over.
    pub ramps: bool,
}

impl<'a> Turn<'a> {
    pub(in crate::board) fn at(desk: &'a mut Desk, upstream: Position, now: Timestamp, ramps: bool) -> Self {
        Self { desk, upstream, now, ramps }
    }

    /// Reports an event and returns it, for the history.
    pub(in crate::board) fn report(&mut self, kind: EventKind) -> Event {
        self.desk.report(kind, self.now)
    }

    /// Something that a snapshot shows of this upstream has changed.
    pub(in crate::board) fn stale(&mut self, upstream: &Arc<str>) {
        if !self.desk.stale.contains(upstream) {
            self.desk.stale.insert(Arc::clone(upstream));
        }
    }

    /// This member must be looked at before the current call ends.
    pub(in crate::board) fn touch(&mut self, seat: Seat) {
        self.desk.agenda.touch(Place { upstream: self.upstream, seat });
    }

    /// When this member needs the board next by itself; replaces what was said before.
    pub(in crate::board) fn wake(&mut self, seat: Seat, at: Option<Timestamp>) {
        self.desk.agenda.wake(Place { upstream: self.upstream, seat }, at);
    }

    /// When the traffic of this upstream is looked at next without a nudge.
    pub(in crate::board) fn look_at(&mut self, at: Option<Timestamp>) {
        self.desk.agenda.look_at(self.upstream, at);
    }

    /// A backend's own randomness: nobody else's comings and goings shift its jitter.
    pub(in crate::board) fn stream(&self, backend: &BackendId) -> Rng {
        Rng::of(self.desk.seed, &backend.to_string())
    }

    /// This probe is due and waits for a place among those in flight.
    pub(in crate::board) fn queue(&mut self, upstream: &Arc<str>, due: (BackendKey, ProbeKind)) {
        self.desk.queue.push(upstream, due);
    }

    pub(in crate::board) fn probe(
        &mut self,
        backend: (BackendKey, ProbeKind),
        job: impl FnOnce(ProbeTicket) -> ProbeJob,
    ) -> ProbeTicket {
        self.desk.probe(backend, job)
    }

    pub(in crate::board) fn cancel(&mut self, ticket: ProbeTicket) {
        self.desk.cancel(ticket);
    }

    pub(in crate::board) fn put_out(&mut self, output: Output) {
        self.desk.outputs.push_back(output);
    }
}
