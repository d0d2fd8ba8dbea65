//! What does live traffic write down about a backend? The only atomics of the domain.
//!
//! Data paths call [`Cell::record`] after each attempt; the board reads the evidence and decides. A [`Nudge`] says "look now";
//! it may be lost, since the board looks at every cell that has fresh evidence at its own deadlines too.

use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::health::latency::{Ever, Histogram, Latencies};
use crate::health::peer_test::Spans;
use crate::health::window::{Tally, Window};
use crate::plan::{Detector, PassivePlan};
use crate::traffic::circuit_breaker;
use crate::traffic::outcome::{FailureKind, Outcome};
use crate::traffic::series::Reading;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::time::Duration;

/// "Look at this backend now": sent over a bounded, lossy channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nudge {
    pub backend: BackendKey,
    pub kind: NudgeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NudgeKind {
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

/// What the board reads off a cell when it judges passive evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Failures in a row.
    pub streak: u32,
    /// At least one failure of the streak was not a status (connect, timeout, reset…).
    pub streak_is_hard: bool,
    pub window: Tally,
    /// Failures of the window that were not statuses.
    pub hard_failures: u32,
    /// Requests of at least two client addresses failed lately.
    pub two_clients_failed: bool,
    /// Requests of at least two client addresses were seen lately.
    pub two_clients_seen: bool,
}

/// Per backend identity, shared by every snapshot: in-flight, streak, window, latency, trial token, totals.
///
/// All orderings are relaxed: each figure stands for itself, and the board, which reads several of them, tolerates
/// figures that are a few outcomes apart.
#[derive(Debug, Default)]
pub struct Cell {
    in_flight: AtomicU32,
    streak: AtomicU32,
    streak_is_hard: AtomicBool,
    window: Window,
    hard: Window,
    soft: Window,
    callers: Callers,
    failed_callers: Callers,
    latency: PeakEwma,
    latencies: Latencies,
    /// Of whatever answered, failures included.
    answers: Ever,
    trial: AtomicU8,
    /// A trial request that takes longer has failed; nanoseconds, 0 = it may take what it takes.
    trial_limit: AtomicU64,
    last_success: AtomicU64,
    last_failure: AtomicU64,
    successes: AtomicU64,
    failures: AtomicU64,
    /// Attempts that were neither.
    others: AtomicU64,
    /// Requests that began in an earlier connection epoch than this are cut.
    cut_before: AtomicU32,
    /// Requests whose clients saw them fail here while it was in rotation.
    seen_to_fail: Window,
    /// It is out for failing.
    is_out: AtomicBool,
}

const NO_TRIAL: u8 = 0;
const TRIAL_ARMED: u8 = 1;
const TRIAL_CLAIMED: u8 = 2;

/// How long a soft failure stays in the load figure.
const SOFT_MEMORY: Duration = Duration::from_secs(10);
/// Requests that failed here so long before it went out are a cost of its detection.
const DETECTION: Duration = Duration::from_secs(60);

impl Cell {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// Begins, where fewer than `limit` are in flight; 0 = no limit.
    pub fn begin_within(&self, limit: u32) -> bool {
        circuit_breaker::below(&self.in_flight, limit)
    }

    pub fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Whatever is in flight since before this connection epoch is cut.
    pub fn cut_before(&self, epoch: u32) {
        self.cut_before.store(epoch, Relaxed);
    }

    /// Is a request that began in this connection epoch cut?
    pub fn is_cut(&self, epoch: u32) -> bool {
        epoch < self.cut_before.load(Relaxed)
    }

    /// Requests in flight, plus soft failures of the last 10 s (they stay in the load figure).
    pub fn load(&self, now: Timestamp) -> u32 {
        self.in_flight() + self.soft.tally(now, SOFT_MEMORY).failures
    }

    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Peak-EWMA latency, decayed to `now`.
    pub fn latency_ewma(&self, now: Timestamp) -> Duration {
        self.latency.at(now)
    }

    /// Writes one outcome down; says what the board should look at, if anything.
    pub fn record(&self, record: Record, plan: &PassivePlan) -> Option<NudgeKind> {
        self.callers.saw(record.client, record.now);
        match record.outcome {
            Outcome::Ignored => {
                self.others.fetch_add(1, Relaxed);
                if record.trial {
                    self.arm_trial();
                }
                return None;
            }
            Outcome::SoftFailure => {
                self.others.fetch_add(1, Relaxed);
                self.soft.record(true, record.now, SOFT_MEMORY);
                if record.trial {
                    self.arm_trial();
                }
                return Some(NudgeKind::Suspect);
            }
            Outcome::Success => self.record_success(record, plan),
            Outcome::Failure(kind) => self.record_failure(record, kind, plan),
        }
        let passed = record.outcome == Outcome::Success;
        if record.trial {
            self.trial.store(NO_TRIAL, Relaxed);
            return Some(NudgeKind::TrialEnded { passed: passed && self.fast_enough(record.latency) });
        }
        if passed {
            return None;
        }
        Some(if suffices(&self.evidence(record.now, plan), plan) { NudgeKind::Trip } else { NudgeKind::Suspect })
    }

    fn record_success(&self, record: Record, plan: &PassivePlan) {
        self.streak.store(0, Relaxed);
        self.streak_is_hard.store(false, Relaxed);
        self.window.record(false, record.now, plan.window);
        self.latency.sample(record.latency, record.now);
        self.latencies.record(record.latency, record.now, plan.window);
        self.answers.record(record.latency);
        self.successes.fetch_add(1, Relaxed);
        self.last_success.store(record.now.0.max(1), Relaxed);
    }

    fn record_failure(&self, record: Record, kind: FailureKind, plan: &PassivePlan) {
        self.streak.fetch_add(1, Relaxed);
        self.window.record(true, record.now, plan.window);
        self.failed_callers.saw(record.client, record.now);
        if kind.is_said() {
            self.answers.record(record.latency);
        } else {
            self.streak_is_hard.store(true, Relaxed);
            self.hard.record(true, record.now, plan.window);
        }
        // A failure may be fast; that must not make the backend look attractive.
        if record.latency > self.latency.at(record.now) {
            self.latency.sample(record.latency, record.now);
        }
        self.failures.fetch_add(1, Relaxed);
        self.last_failure.store(record.now.0.max(1), Relaxed);
    }

    /// The passive evidence at `now`.
    pub fn evidence(&self, now: Timestamp, plan: &PassivePlan) -> Evidence {
        Evidence {
            streak: self.streak.load(Relaxed),
            streak_is_hard: self.streak_is_hard.load(Relaxed),
            window: self.window.tally(now, plan.window),
            hard_failures: self.hard.tally(now, plan.window).failures,
            two_clients_failed: self.failed_callers.two_since(now - plan.window),
            two_clients_seen: self.callers.two_since(now - plan.window),
        }
    }

    /// Failures and successes of the newest parts of the window.
    pub fn spans(&self, now: Timestamp, plan: &PassivePlan) -> Spans {
        self.window.spans(now, plan.window)
    }

    /// How long the answers of the newest `slices` fifths of the window took.
    pub fn latencies(&self, slices: u64, now: Timestamp, plan: &PassivePlan) -> Histogram {
        self.latencies.newest(slices, now, plan.window)
    }

    /// Forgets streak and window: after an ejection and after a return.
    pub fn clear_evidence(&self) {
        self.streak.store(0, Relaxed);
        self.streak_is_hard.store(false, Relaxed);
        self.window.clear();
        self.hard.clear();
        self.latencies.clear();
    }

    /// The next trial request must not take longer than this.
    pub fn limit_trial(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.trial_limit.store(nanos, Relaxed);
    }

    fn fast_enough(&self, latency: Duration) -> bool {
        let limit = self.trial_limit.load(Relaxed);
        limit == 0 || latency <= Duration::from_nanos(limit)
    }

    /// Offers the next suitable request as the one that decides.
    pub fn arm_trial(&self) {
        self.trial.store(TRIAL_ARMED, Relaxed);
    }

    pub fn disarm_trial(&self) {
        self.trial.store(NO_TRIAL, Relaxed);
    }

    /// Claims the one trial request; true for exactly one caller per armed trial.
    pub fn claim_trial(&self) -> bool {
        self.trial.compare_exchange(TRIAL_ARMED, TRIAL_CLAIMED, Relaxed, Relaxed).is_ok()
    }

    /// Has traffic succeeded after `since`?
    pub fn succeeded_after(&self, since: Timestamp) -> bool {
        self.last_success.load(Relaxed) > since.0
    }

    /// Has traffic failed after `since`?
    pub fn failed_after(&self, since: Timestamp) -> bool {
        self.last_failure.load(Relaxed) > since.0
    }

    /// A client saw its request fail here. True: it is out by now, and this was a cost of its detection; else it may become one.
    pub fn saw_failure(&self, now: Timestamp) -> bool {
        let is_out = self.is_out.load(Relaxed);
        if !is_out {
            self.seen_to_fail.record(true, now, DETECTION);
        }
        is_out
    }

    /// It is out for failing from now on, or is not. Where it goes out: the failures that clients have seen lately, each told once.
    pub fn mark_out(&self, out: bool, now: Timestamp) -> u32 {
        let goes = out && !self.is_out.load(Relaxed);
        self.is_out.store(out, Relaxed);
        if !goes {
            return 0;
        }
        let seen = self.seen_to_fail.tally(now, DETECTION).failures;
        self.seen_to_fail.clear();
        seen
    }

    /// Successes and failures since the process started.
    pub fn totals(&self) -> (u64, u64) {
        (self.successes.load(Relaxed), self.failures.load(Relaxed))
    }

    /// Everything since the process started, for those who look at the difference of two.
    pub fn reading(&self) -> Reading {
        let (successes, failures) = self.totals();
        Reading { successes, failures, others: self.others.load(Relaxed), answers: self.answers.read() }
    }
}

/// May this evidence eject? The board judges peers, clients and the cap; this is what makes it look.
pub fn suffices(evidence: &Evidence, plan: &PassivePlan) -> bool {
    let absolute = [Detector::ConsecutiveFailures, Detector::FailureRatio];
    absolute.into_iter().any(|detector| suffices_for(detector, evidence, plan))
}

/// Does it suffice for this detector? Never for those that need the peers.
pub fn suffices_for(detector: Detector, evidence: &Evidence, plan: &PassivePlan) -> bool {
    plan.detects(detector)
        && match detector {
            Detector::ConsecutiveFailures => evidence.streak >= plan.consecutive_failures,
            Detector::FailureRatio => {
                evidence.window.total() >= plan.minimum_outcomes && evidence.window.failed_share() >= plan.failure_ratio
            }
            Detector::FailureOutlier | Detector::LatencyOutlier => false,
        }
}

impl Evidence {
    /// Failures that were not statuses, of all outcomes.
    pub fn hard_share(&self) -> f64 {
        f64::from(self.hard_failures) / f64::from(self.window.total().max(1))
    }

    /// Failed for two clients, where there are two.
    pub fn two_clients(&self) -> bool {
        !self.two_clients_seen || self.two_clients_failed
    }

    /// Not the doing of one client: of several, or more than half of it no mere status.
    pub fn is_of_several_clients(&self) -> bool {
        self.two_clients() || self.hard_failures * 2 > self.window.failures
    }
}

/// The last two distinct client addresses, each with the time it was last seen: enough to tell one client from several.
#[derive(Debug, Default)]
struct Callers {
    hashes: [AtomicU64; 2],
    seen: [AtomicU64; 2],
}

impl Callers {
    fn saw(&self, client: u64, now: Timestamp) {
        let [first, second] = &self.hashes;
        let [first_seen, second_seen] = &self.seen;
        let (hash, seen) = if first.load(Relaxed) == client {
            (first, first_seen)
        } else if second.load(Relaxed) == client || second_seen.load(Relaxed) <= first_seen.load(Relaxed) {
            (second, second_seen)
        } else {
            (first, first_seen)
        };
        hash.store(client, Relaxed);
        seen.store(now.0.max(1), Relaxed);
    }

    /// The hashes are compared too: two threads that meet one new client at once may write it down twice.
    fn two_since(&self, since: Timestamp) -> bool {
        let [first, second] = &self.hashes;
        first.load(Relaxed) != second.load(Relaxed) && self.seen.iter().all(|seen| seen.load(Relaxed) > since.0)
    }
}

/// Latency that jumps up at once and sinks slowly (time constant 10 s), after Finagle's peak EWMA.
#[derive(Debug, Default)]
struct PeakEwma {
    nanos: AtomicU64,
    updated: AtomicU64,
}

impl PeakEwma {
    const TIME_CONSTANT: f64 = 10e9;

    fn sample(&self, latency: Duration, now: Timestamp) {
        let sample = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX) as f64;
        let before = self.nanos.load(Relaxed) as f64;
        let weight = self.decay(now);
        let after = if sample > before { sample } else { before * weight + sample * (1.0 - weight) };
        self.nanos.store(after as u64, Relaxed);
        self.updated.store(now.0, Relaxed);
    }

    fn at(&self, now: Timestamp) -> Duration {
        Duration::from_nanos((self.nanos.load(Relaxed) as f64 * self.decay(now)) as u64)
    }

    fn decay(&self, now: Timestamp) -> f64 {
        let age = now.since(Timestamp(self.updated.load(Relaxed)));
        (-(age.as_nanos() as f64) / Self::TIME_CONSTANT).exp()
    }
}
