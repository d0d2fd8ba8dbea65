//! What happened that somebody should know? The one event type.
//!
//! The board reports events; telemetry turns each into a log line, a metric and a history entry in one match. Later work
//! (alerts, webhooks, the event stream) extends this type and makes no second one.

use super::board::Steer;
use super::identity::BackendId;
use super::standing::Cause;
use super::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// One event. `id` grows by one per event of a process and is the same in the log line, the history and every answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: u64,
    pub at: Timestamp,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The standing of a backend changed. `why` is a sentence for people: what was seen, and the rule that decided.
    Transition {
        backend: BackendId,
        from: Cause,
        to: Cause,
        counter: (u32, u32),
        why: String,
        earliest_return: Option<Timestamp>,
    },
    /// Passive evidence ejected it for `duration` (the `nth` time in a row).
    Ejected {
        backend: BackendId,
        nth: u32,
        duration: Duration,
        why: String,
    },
    /// Passive evidence would have ejected it, but the cap held: `fit` of `pool` are left, `floor` must stay.
    EjectionRefused {
        backend: BackendId,
        fit: u32,
        pool: u32,
        floor: u32,
        why: String,
    },
    /// Probe timeouts alone would have taken out more than the ejection cap while traffic succeeds.
    TimeoutsHeld {
        backend: BackendId,
        why: String,
    },
    /// A probe passed with a warning, or failed in a way that looks like misconfiguration. Said once per change of text.
    ProbeHint {
        backend: BackendId,
        hint: String,
    },
    /// Its readiness document holds a kind of secret (`what`: "a password in a URL") that whoever may ask it can read. Once per kind.
    DocumentLeaks {
        backend: BackendId,
        what: String,
    },
    /// An operator's order was taken.
    Steered {
        backend: BackendId,
        what: Steer,
        by: Arc<str>,
        /// `None`: until it is taken back.
        lasts: Option<Duration>,
        reason: Option<Arc<str>>,
    },
    /// The time of the order `what` is over.
    OrderOver {
        backend: BackendId,
        what: Steer,
        by: Arc<str>,
    },
    MemberJoined {
        backend: BackendId,
    },
    MemberLeft {
        backend: BackendId,
    },
    /// Discovery failed or answered nothing; the last set stays.
    DiscoveryKept {
        upstream: Arc<str>,
        source: String,
        why: String,
    },
    /// Nobody is eligible in this upstream (`true`), or somebody is again (`false`).
    PoolEmpty {
        upstream: Arc<str>,
        empty: bool,
    },
    /// Every member of every upstream has its first verdict.
    FirstRoundDone {
        took: Duration,
    },
    /// A new plan is in force.
    Reconfigured {
        added: usize,
        removed: usize,
        changed: usize,
    },
}
