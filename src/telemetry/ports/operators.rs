//! What do operators ask and order? All metrics, the events as they come, and a line in the audit log for whatever they change.

use crate::clock::{Clock, when};
use crate::telemetry::admin_write::{AdminWrite, WriteResult};
use crate::telemetry::event;
use crate::telemetry::exposition::{self, Format};
use crate::telemetry::metrics::{Metrics, readings};
use pulsegate_core::board::UpstreamReport;
use pulsegate_core::health::event::Event;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use tokio::sync::broadcast;

#[derive(Debug)]
pub struct Operators {
    pub(in crate::telemetry) clock: Clock,
    pub(in crate::telemetry) metrics: Arc<Metrics>,
    pub(in crate::telemetry) events: broadcast::Sender<Event>,
}

impl Operators {
    /// Every event from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Somebody wanted to change something over the admin API: counted, and one line in the audit log.
    pub fn admin_write(&self, write: &AdminWrite<'_>) {
        event::admin_write(write).emit();
        self.admin_write_counted(write.action, write.result);
    }

    /// As [`Self::admin_write`] without the line: for those of a flood.
    pub fn admin_write_counted(&self, action: &'static str, result: WriteResult) {
        self.metrics.operations.admin_write(action, result.word());
    }

    /// All metrics, sorted by name, in the format that was asked for.
    pub fn expose(&self, snapshot: &Snapshot, reports: &[UpstreamReport], format: Format) -> Vec<u8> {
        let unix = |at| when::unix_seconds(self.clock.wall(at));
        let addresses = readings::addresses(reports);
        let mut families = self.metrics.gather();
        families.extend(readings::gather(snapshot, reports, &addresses, (unix(self.clock.started()), &unix)));
        exposition::write(families, format)
    }
}
