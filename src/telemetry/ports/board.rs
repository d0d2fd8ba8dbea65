//! What does the board tell? Its events, as log line, counter, notice to a webhook and news for alerts; and how its probes fared.

use crate::clock::{Clock, when};
use crate::control::Reporter;
use crate::telemetry::alert::Alerting;
use crate::telemetry::event::{self, Line};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::scribe::Scribe;
use crate::telemetry::webhook::{Notice, Webhooks};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Input, ProbeJob};
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::plan::ProbeKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

#[derive(Debug)]
pub struct BoardEvents {
    pub(in crate::telemetry) clock: Clock,
    pub(in crate::telemetry) metrics: Arc<Metrics>,
    pub(in crate::telemetry) webhooks: Arc<Webhooks>,
    pub(in crate::telemetry) alerts: Arc<Alerting>,
    /// `None`: nothing is recorded.
    pub(in crate::telemetry) scribe: Option<Arc<dyn Scribe>>,
    /// For whoever listens.
    pub(in crate::telemetry) listeners: broadcast::Sender<Event>,
}

impl BoardEvents {
    fn notice(&self, event: &Event, line: &Line) -> Notice {
        let at = self.clock.wall(event.at);
        Notice::new(event.full_id(), line, (&when::rfc3339(at), when::unix_seconds(at) as i64))
    }
}

impl Reporter for BoardEvents {
    fn report(&self, event: &Event) {
        let (line, tally) = event::tell(event);
        if let Some(tally) = tally {
            self.metrics.events.tally(tally);
        }
        line.emit();
        if let EventKind::NeedsRestart { webhook: Some(name), .. } = &event.kind {
            self.webhooks.tell(name, self.notice(event, &line));
        }
        self.alerts.hear(event);
        if let Some(scribe) = &self.scribe {
            scribe.event(event);
        }
        if self.listeners.receiver_count() > 0 {
            let _ = self.listeners.send(event.clone());
        }
    }

    fn probe_started(&self, late: Duration) {
        self.metrics.probes.started(late);
    }

    fn probed(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.metrics.probes.ended(upstream, kind, result, took);
    }

    fn probe_begins(&self, job: &ProbeJob) {
        if let Some(scribe) = &self.scribe {
            scribe.probe_begins(job);
        }
    }

    fn heard(&self, input: &Input, now: Timestamp) {
        if let Some(scribe) = &self.scribe {
            scribe.heard(input, now);
        }
    }
}
