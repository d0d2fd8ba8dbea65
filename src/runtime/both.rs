//! Who hears what the board reports, where somebody else wants to hear it too? Both.

use crate::control::Reporter;
use crate::telemetry::BoardEvents;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Input, ProbeJob};
use pulsegate_core::health::event::Event;
use pulsegate_core::plan::ProbeKind;
use std::sync::Arc;
use std::time::Duration;

/// Tells two reporters.
pub(super) struct Both(pub Arc<BoardEvents>, pub Arc<dyn Reporter>);

impl Reporter for Both {
    fn report(&self, event: &Event) {
        self.0.report(event);
        self.1.report(event);
    }

    fn probe_started(&self, late: Duration) {
        self.0.probe_started(late);
        self.1.probe_started(late);
    }

    fn probe_begins(&self, job: &ProbeJob) {
        self.0.probe_begins(job);
        self.1.probe_begins(job);
    }

    fn probed(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.0.probed(upstream, kind, result, took);
        self.1.probed(upstream, kind, result, took);
    }

    fn heard(&self, input: &Input, now: Timestamp) {
        self.0.heard(input, now);
        self.1.heard(input, now);
    }
}
