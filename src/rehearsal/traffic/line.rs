//! Who waits, and who of them looks again? In the order of their coming.

use super::requests::Requests;
use crate::rehearsal::ticket::Ticket;
use pulsegate_core::traffic::request::Awaited;
use pulsegate_core::traffic::snapshot::{Pool, Snapshot};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Line(Vec<Ticket>);

impl Line {
    pub(super) fn join(&mut self, ticket: Ticket) {
        self.0.push(ticket);
    }

    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.0.retain(|one| *one != ticket);
    }

    /// Whoever waits longest for room at this upstream leaves the line, to look again.
    pub(super) fn first_for_room(&mut self, upstream: &str, requests: &mut Requests) -> Option<Ticket> {
        let waits = |ticket: &Ticket| {
            requests.get(*ticket).is_some_and(|one| {
                let for_room = one.waits.is_some_and(|wait| wait.why == Awaited::Room);
                for_room && one.machine.upstream().is_some_and(|own| **own == *upstream)
            })
        };
        let first = self.0.iter().position(waits)?;
        Some(self.0.remove(first))
    }

    /// Those leave the line whose pool is shown otherwise than `before`: only they can find anything new.
    pub(super) fn changed(&mut self, before: &Snapshot, after: &Snapshot, requests: &mut Requests) -> Vec<Ticket> {
        let (mut changed, mut others) = (Vec::new(), Vec::new());
        for ticket in self.0.drain(..) {
            let Some(upstream) = requests.get(ticket).and_then(|one| one.machine.upstream()) else { continue };
            let same = match (pool(before, upstream), pool(after, upstream)) {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after),
                _ => false,
            };
            if same { others.push(ticket) } else { changed.push(ticket) }
        }
        self.0 = others;
        changed
    }
}

fn pool<'s>(snapshot: &'s Snapshot, upstream: &str) -> Option<&'s Arc<Pool>> {
    snapshot.pools.iter().find(|pool| *pool.upstream.name == *upstream)
}
