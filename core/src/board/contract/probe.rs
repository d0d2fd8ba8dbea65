//! Which probe is to run, and what is told of one that has?

use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::health::document::Document;
use crate::health::reading::Steps;
use crate::plan::{ProbeKind, ProbePlan, UpstreamPlan};
use std::sync::Arc;
use std::time::Duration;

/// Names one probe in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProbeTicket(pub u64);

/// One probe to run. The answer is [`crate::board::Input::ProbeDone`] with the same ticket.
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

/// A probe that has ended, and what was made of it.
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
