//! What does live traffic write down about a backend? The only atomics of the domain.
//!
//! Data paths call [`Cell::record`] after each attempt; the board reads the evidence and decides. A [`Hint`] says "look now";
//! it may be lost, since the board looks at every cell that has fresh evidence at its own deadlines too.

use super::identity::BackendKey;
use super::outcome::Outcome;
use super::plan::PassivePlan;
use super::time::Timestamp;
use std::time::Duration;

/// "Look at this backend now": sent over a bounded, lossy channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    pub backend: BackendKey,
    pub kind: HintKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// The passive evidence may suffice for an ejection.
    Trip,
    /// A failure or a soft failure: pull the next probe to now.
    Suspect,
    /// The trial request ended.
    TrialEnded { passed: bool },
    /// The backend's response asked for a drain.
    DrainAsked,
}

/// One attempt, as recorded.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub outcome: Outcome,
    /// From the attempt's start to the response head (or its end without one).
    pub latency: Duration,
    /// A hash of the client's address.
    pub client: u64,
    pub trial: bool,
    pub now: Timestamp,
}

/// Per backend identity, shared by every snapshot: in-flight, streak, window, latency, trial token, totals.
#[derive(Debug, Default)]
pub struct Cell {}

impl Cell {
    pub fn new() -> Self {
        todo!()
    }

    pub fn begin(&self) {
        todo!()
    }

    pub fn end(&self) {
        todo!()
    }

    /// Requests in flight, plus soft failures of the last 10 s (they stay in the load figure).
    pub fn load(&self, _now: Timestamp) -> u32 {
        todo!()
    }

    pub fn in_flight(&self) -> u32 {
        todo!()
    }

    /// Peak-EWMA latency, decayed to `now`.
    pub fn latency_ewma(&self, _now: Timestamp) -> Duration {
        todo!()
    }

    /// Writes one outcome down; says what the board should look at, if anything.
    pub fn record(&self, _record: Record, _plan: &PassivePlan) -> Option<HintKind> {
        todo!()
    }

    /// Claims the one trial request; true for exactly one caller per armed trial.
    pub fn claim_trial(&self) -> bool {
        todo!()
    }
}
