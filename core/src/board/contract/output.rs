//! What does the board want done?

use super::probe::{ProbeJob, ProbeTicket};
use crate::health::event::Event;
use crate::plan::ProbeKind;
use crate::traffic::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub enum Output {
    Publish(Arc<Snapshot>),
    Probe(ProbeJob),
    CancelProbe(ProbeTicket),
    /// A probe's answer was weighed.
    Probed {
        upstream: Arc<str>,
        kind: ProbeKind,
        /// See [`crate::health::verdict::Verdict::word`].
        result: &'static str,
        took: Duration,
    },
    Report(Event),
}
