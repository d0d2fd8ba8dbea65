//! What does the admin API show of an upstream and its backends?

use super::probe::LastProbe;
use super::steering::Given;
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::health::event::Remembered;
use crate::health::order::Order;
use crate::health::standing::Standing;
use crate::plan::ProbeKind;
use std::sync::Arc;

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
