//! What is written down of a request? Of each attempt, its outcome in the backend's cell; at the end, what it came to for its client, in
//! the ledger of its upstream. Of a copy, nothing.

use super::facts::Facts;
use super::input::Asked;
use super::performer::{Moment, Performer, Recorded};
use super::place::{Bell, Place};
use crate::base::time::Timestamp;
use crate::traffic::cell::Record;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::ledger::{Ended, Entry, entry};
use crate::traffic::outcome::{AttemptEnd, classify};
use crate::traffic::retry::SLOW_AFTER;
use crate::traffic::snapshot::Pool;
use std::sync::Arc;
use std::time::Duration;

/// An attempt that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub end: &'a AttemptEnd,
    /// To the head of its answer, or to its end without one.
    pub took: Duration,
    pub began: Timestamp,
    pub by: Asked,
    /// The same backend is asked again.
    pub again: bool,
}

/// What the attempt says of its backend.
pub(super) fn record<P: Performer>(
    facts: &Facts,
    place: &mut Place<impl Bell>,
    pool: &Arc<Pool>,
    note: &Note<'_>,
    at: &mut Moment<'_, P>,
) {
    if facts.is_copy() {
        return;
    }
    let (endpoint, trial) = (&place.lease().member, place.lease().trial);
    let outcome = classify(note.end, SLOW_AFTER);
    let record = Record { outcome, latency: note.took, client: facts.client, trial, now: at.now };
    let nudge = endpoint.cell.record(record, &pool.upstream.passive);
    let Note { end, began, by, again, .. } = *note;
    at.performer.recorded(&Recorded { pool, endpoint, record: &record, end, began, by, again, nudge });
    place.tell();
}

/// What the request came to for its client. `retried`: an attempt before the last had failed.
pub(super) fn settle(facts: &Facts, pool: &Pool, endpoint: &Endpoint, end: &AttemptEnd, retried: bool, now: Timestamp) {
    if facts.is_copy() {
        return;
    }
    let outcome = classify(end, SLOW_AFTER);
    let ended = Ended { outcome, retried, in_rotation: endpoint.eligible(), share_out: pool.share_out };
    match entry(&ended) {
        Entry::SeenToFail if endpoint.cell.saw_failure(now) => pool.ledger.detected(1),
        entry => pool.ledger.saved(entry),
    }
}
