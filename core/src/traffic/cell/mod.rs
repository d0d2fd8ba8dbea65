//! What does live traffic write down about a backend? A cell of counters, in parts: one for each question that is asked of them.
//!
//! Data paths call [`Cell::record`] after each attempt; the board reads the evidence and decides. A [`Nudge`] says "look now";
//! it may be lost, since the board looks at every cell that has fresh evidence at its own deadlines too.

mod clients;
mod detection;
mod load;
mod outcomes;
mod peak_ewma;
mod totals;
mod trial;

#[cfg(test)]
mod tests;

pub use outcomes::Evidence;

use crate::base::identity::BackendKey;
use crate::base::sync::{AtomicBool, AtomicU32, Relaxed};
use crate::base::time::Timestamp;
use crate::health::latency::Histogram;
use crate::health::peer_test::Spans;
use crate::plan::PassivePlan;
use crate::traffic::outcome::{FailureKind, Outcome};
use crate::traffic::series::Reading;
use detection::Detection;
use load::Load;
use outcomes::Outcomes;
use std::time::Duration;
use totals::Totals;
use trial::TrialToken;

/// "Look at this backend now": sent over a bounded, lossy channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nudge {
    pub backend: BackendKey,
    pub kind: NudgeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NudgeKind {
    /// A failure or a soft failure: the evidence may suffice for an ejection, and a probe should look.
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

/// Per backend identity, shared by every snapshot.
#[derive(Debug, Default)]
pub struct Cell {
    load: Load,
    outcomes: Outcomes,
    trial: TrialToken,
    totals: Totals,
    detection: Detection,
    /// Requests that began in an earlier connection epoch than this are cut.
    cut_before: AtomicU32,
    /// Its last answer was HTTP/1.0.
    http10: AtomicBool,
}

impl Cell {
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins, where fewer than `limit` are in flight; 0 = no limit.
    pub fn begin_within(&self, limit: u32) -> bool {
        self.load.begin_within(limit)
    }

    pub fn end(&self) {
        self.load.end();
    }

    /// Whatever is in flight since before this connection epoch is cut.
    pub fn cut_before(&self, epoch: u32) {
        self.cut_before.store(epoch, Relaxed);
    }

    /// Is a request that began in this connection epoch cut?
    pub fn is_cut(&self, epoch: u32) -> bool {
        epoch < self.cut_before.load(Relaxed)
    }

    /// It has answered in HTTP/1.0, or in a later version.
    pub fn answered_in_http10(&self, http10: bool) {
        // Read first: as a rule nothing changes, and whoever only reads shares the line with others.
        if self.http10.load(Relaxed) != http10 {
            self.http10.store(http10, Relaxed);
        }
    }

    /// Its last answer was HTTP/1.0.
    pub fn speaks_http10(&self) -> bool {
        self.http10.load(Relaxed)
    }

    /// Requests in flight, plus soft failures of the last 10 s (they stay in the load figure).
    pub fn load(&self, now: Timestamp) -> u32 {
        self.load.at(now)
    }

    pub fn in_flight(&self) -> u32 {
        self.load.in_flight()
    }

    /// Peak-EWMA latency, decayed to `now`.
    pub fn latency_ewma(&self, now: Timestamp) -> Duration {
        self.load.latency(now)
    }

    /// Writes one outcome down; says what the board should look at, if anything.
    pub fn record(&self, record: Record, plan: &PassivePlan) -> Option<NudgeKind> {
        self.outcomes.saw(record.client, record.now);
        match record.outcome {
            Outcome::Ignored | Outcome::SoftFailure => self.record_no_verdict(record),
            Outcome::Success => self.record_success(record, plan),
            Outcome::Failure(kind) => self.record_failure(record, kind, plan),
        }
    }

    fn record_no_verdict(&self, record: Record) -> Option<NudgeKind> {
        self.totals.other();
        if record.trial {
            self.trial.offer_again();
        }
        let soft = record.outcome == Outcome::SoftFailure;
        if soft {
            self.load.failed_softly(record.now);
        }
        soft.then_some(NudgeKind::Suspect)
    }

    fn record_success(&self, record: Record, plan: &PassivePlan) -> Option<NudgeKind> {
        self.outcomes.succeeded(record.latency, record.now, plan.window);
        self.load.answered(record.latency, record.now);
        self.totals.answered(record.latency);
        self.totals.succeeded(record.now);
        record.trial.then(|| NudgeKind::TrialEnded { passed: self.trial.end(record.latency) })
    }

    fn record_failure(&self, record: Record, kind: FailureKind, plan: &PassivePlan) -> Option<NudgeKind> {
        self.outcomes.failed(!kind.is_said(), record.client, record.now, plan.window);
        self.load.failed(record.latency, record.now);
        if kind.is_said() {
            self.totals.answered(record.latency);
        }
        self.totals.failed(record.now);
        if record.trial {
            self.trial.end(record.latency);
            return Some(NudgeKind::TrialEnded { passed: false });
        }
        Some(NudgeKind::Suspect)
    }

    /// The passive evidence at `now`.
    pub fn evidence(&self, now: Timestamp, plan: &PassivePlan) -> Evidence {
        self.outcomes.evidence(now, plan.window)
    }

    /// Failures and successes of the newest parts of the window.
    pub fn spans(&self, now: Timestamp, plan: &PassivePlan) -> Spans {
        self.outcomes.spans(now, plan.window)
    }

    /// How long the answers of the newest `slices` fifths of the window took.
    pub fn latencies(&self, slices: u64, now: Timestamp, plan: &PassivePlan) -> Histogram {
        self.outcomes.latencies(slices, now, plan.window)
    }

    /// Forgets streak and window: after an ejection and after a return.
    pub fn clear_evidence(&self) {
        self.outcomes.clear();
    }

    /// The next trial request must not take longer than this.
    pub fn limit_trial(&self, limit: Option<Duration>) {
        self.trial.limit(limit);
    }

    /// Offers the next suitable request as the one that decides.
    pub fn arm_trial(&self) {
        self.trial.arm();
    }

    pub fn disarm_trial(&self) {
        self.trial.disarm();
    }

    /// Claims the one trial request; true for exactly one caller per armed trial.
    pub fn claim_trial(&self) -> bool {
        self.trial.claim()
    }

    /// Whoever claimed it does not decide after all: the next request may.
    pub fn offer_trial_again(&self) {
        self.trial.offer_again();
    }

    /// Has traffic succeeded after `since`?
    pub fn succeeded_after(&self, since: Timestamp) -> bool {
        self.totals.succeeded_after(since)
    }

    /// Has traffic failed after `since`?
    pub fn failed_after(&self, since: Timestamp) -> bool {
        self.totals.failed_after(since)
    }

    /// A client saw its request fail here. True: it is out by now, and this was a cost of its detection; else it may become one.
    pub fn saw_failure(&self, now: Timestamp) -> bool {
        self.detection.saw_failure(now)
    }

    /// It is out for failing from now on, or is not. Where it goes out: the failures that clients have seen lately, each told once.
    pub fn mark_out(&self, out: bool, now: Timestamp) -> u32 {
        self.detection.mark_out(out, now)
    }

    /// Successes and failures since the process started.
    pub fn totals(&self) -> (u64, u64) {
        self.totals.counts()
    }

    /// Everything since the process started, for those who look at the difference of two.
    pub fn reading(&self) -> Reading {
        self.totals.reading()
    }
}
