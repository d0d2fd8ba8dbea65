//! What goes into the board, and what comes out? The words of its interface; no logic.

use super::handover::Handover;
use super::orders::Given;
use crate::base::identity::{Address, BackendId};
use crate::base::time::Timestamp;
use crate::health::document::Document;
use crate::health::event::{Event, Remembered};
use crate::health::order::{Order, Steer};
use crate::health::reading::{Reading, Steps};
use crate::health::standing::Standing;
use crate::plan::{Plan, ProbeKind, ProbePlan, UpstreamPlan};
use crate::traffic::cell::Nudge;
use crate::traffic::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// What the board is told.
#[allow(clippy::large_enum_variant, reason = "the largest is by far the most frequent: what a probe read")]
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
    Nudge(Nudge),
    /// What the board of the process before knew: before the first plan, and once more when that process has stopped serving.
    TakeOver(Arc<Handover>),
}

/// A backend as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Found {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

/// The greatest weight, configured or ordered.
pub const WEIGHT_AT_MOST: u32 = 65_535;

/// An operator's word about one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    pub backend: BackendId,
    pub what: Steer,
    pub by: Arc<str>,
    /// More than nothing. `None`: until it is taken back.
    pub lasts: Option<Duration>,
    pub reason: Option<Arc<str>>,
}

/// Why the board did not do what an operator wanted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NoUpstream {
        known: Vec<Arc<str>>,
    },
    NoBackend {
        known: Vec<Address>,
    },
    /// It is not drained but under another order.
    AnotherOrder {
        order: Order,
        by: Arc<str>,
    },
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
    /// A probe's answer was weighed.
    Probed {
        upstream: Arc<str>,
        kind: ProbeKind,
        /// See [`crate::health::reading::Verdict::word`].
        result: &'static str,
        took: Duration,
    },
    Report(Event),
}

/// One probe to run. The answer is [`Input::ProbeDone`] with the same ticket.
#[derive(Clone, Debug)]
pub struct ProbeJob {
    pub ticket: ProbeTicket,
    pub kind: ProbeKind,
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
    /// In force: the ordered one, else the configured.
    pub weight: u32,
    pub configured_weight: u32,
    pub backup: bool,
    pub order: Option<Given<Order>>,
    pub weight_order: Option<Given<u32>>,
    pub standing: Standing,
    pub since: Timestamp,
    /// Why it has this standing: a sentence.
    pub why: String,
    /// The active counter as (value, threshold): passes out of `success_threshold` while down, `failure_threshold` left while up.
    pub counter: (u32, u32),
    pub last_probe: Option<LastProbe>,
    pub next_probe: Option<Timestamp>,
    /// Startup and liveness, where they are configured.
    pub other_probes: Vec<OtherProbe>,
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
    /// What else is worth knowing of it now: sentences.
    pub notes: Vec<String>,
    /// Newest last, bounded.
    pub history: Vec<Remembered>,
}

/// What the admin API shows of a probe other than readiness.
#[derive(Clone, Debug)]
pub struct OtherProbe {
    pub kind: ProbeKind,
    pub passes: bool,
    /// Startup: failures in a row of the threshold. Liveness: as the counter of readiness.
    pub counter: (u32, u32),
    pub last: Option<LastProbe>,
    pub next: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct LastProbe {
    pub at: Timestamp,
    pub took: Duration,
    pub passed: bool,
    pub status: Option<u16>,
    pub text: String,
    pub steps: Steps,
    /// What the body said, where it was read as a document.
    pub document: Option<Document>,
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
