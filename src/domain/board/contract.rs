//! What goes into the board, and what comes out? The words of its interface; no logic.

use super::handover::Handover;
use crate::domain::cell::Hint;
use crate::domain::event::Event;
use crate::domain::identity::{Address, BackendId};
use crate::domain::plan::{Plan, ProbePlan, UpstreamPlan};
use crate::domain::reading::Reading;
use crate::domain::snapshot::Snapshot;
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What the board is told.
#[derive(Clone, Debug)]
pub enum Input {
    Reconfigure(Arc<Plan>),
    /// A source answered. `source` is the index into the upstream's `sources`. An empty or failed answer keeps the last set.
    Discovered {
        upstream: Arc<str>,
        source: usize,
        answer: Result<Vec<Found>, String>,
    },
    ProbeDone {
        ticket: ProbeTicket,
        reading: Reading,
    },
    Hint(Hint),
    Operate {
        backend: BackendId,
        order: Order,
        by: String,
    },
    /// What the board of the process before knew: before the first plan, and once more when that process has stopped serving.
    TakeOver(Arc<Handover>),
}

/// A backend as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

/// An operator's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Drain,
    ForceUp,
    ForceDown,
    /// Takes drain and force back.
    Release,
}

/// Names one probe in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProbeTicket(pub u64);

/// What the board wants done.
#[derive(Debug)]
pub enum Output {
    Publish(Arc<Snapshot>),
    Probe(ProbeJob),
    CancelProbe(ProbeTicket),
    Report(Event),
}

/// One probe to run. The answer is [`Input::ProbeDone`] with the same ticket.
#[derive(Clone, Debug)]
pub struct ProbeJob {
    pub ticket: ProbeTicket,
    pub backend: BackendId,
    pub upstream: Arc<UpstreamPlan>,
    pub probe: Arc<ProbePlan>,
    /// How long after it was due it starts: the control task's lag, and the wait for a place among the probes in flight.
    pub late: Duration,
}

/// What the admin API shows of one backend.
#[derive(Clone, Debug)]
pub struct BackendReport {
    pub id: BackendId,
    pub weight: u32,
    pub backup: bool,
    pub standing: Standing,
    pub since: Timestamp,
    /// Why it has this standing: a sentence.
    pub why: String,
    /// The active counter as (value, threshold): passes out of `success_threshold` while down, `failure_threshold` left while up.
    pub counter: (u32, u32),
    pub last_probe: Option<LastProbe>,
    pub next_probe: Option<Timestamp>,
    pub ejection: Option<EjectionReport>,
    pub in_flight: u32,
    /// In the passive window.
    pub successes: u32,
    pub failures: u32,
    /// Failures in a row.
    pub streak: u32,
    /// Since the process started.
    pub total_successes: u64,
    pub total_failures: u64,
    /// Newest last, bounded.
    pub history: Vec<Event>,
}

#[derive(Clone, Debug)]
pub struct LastProbe {
    pub at: Timestamp,
    pub took: Duration,
    pub passed: bool,
    pub status: Option<u16>,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EjectionReport {
    pub since: Timestamp,
    pub earliest_return: Timestamp,
    pub nth: u32,
}

/// What the admin API shows of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamReport {
    pub name: Arc<str>,
    pub backends: Vec<BackendReport>,
}
