//! What do probes tell while they are on the wire? Their traces. What they came to, the board tells.

use crate::telemetry::outlets::Outlets;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::http::trace::Trace;
use std::sync::Arc;

#[derive(Debug)]
pub struct Probes {
    pub(in crate::telemetry) outlets: Arc<Outlets>,
}

impl Probes {
    /// The trace of a probe that is about to be sent; `None`: it is not traced.
    pub fn trace(&self) -> Option<Trace> {
        self.outlets.tracer.get()?.as_ref()?.begin_probe()
    }

    /// It has ended.
    pub fn traced(&self, trace: &Trace, job: &ProbeJob, reading: &Reading, began: Timestamp) {
        if let Some(tracer) = self.outlets.tracer.get().as_deref().and_then(Option::as_ref) {
            tracer.record_probe(trace, job, reading, began);
        }
    }
}
