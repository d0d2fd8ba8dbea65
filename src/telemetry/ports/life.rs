//! What does the process tell of itself? What is in force, from its start through its reloads to its end.

use crate::clock::{Clock, when};
use crate::telemetry::alert::Alerting;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::outlets::{Change, Outlets};
use crate::telemetry::scribe::Scribe;
use crate::telemetry::webhook::{Ready, Webhooks};
use pulsegate_core::alert::Input;
use pulsegate_core::plan::Plan;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

#[derive(Debug)]
pub struct Life {
    pub(in crate::telemetry) clock: Clock,
    pub(in crate::telemetry) metrics: Arc<Metrics>,
    pub(in crate::telemetry) outlets: Arc<Outlets>,
    pub(in crate::telemetry) webhooks: Arc<Webhooks>,
    pub(in crate::telemetry) alerts: Arc<Alerting>,
    /// `None`: nothing is recorded.
    pub(in crate::telemetry) scribe: Option<Arc<dyn Scribe>>,
}

impl Life {
    /// The process begins with this plan. Within a runtime, and before anything else is told.
    pub fn begin(&self, plan: &Plan, receivers: Vec<Ready>) {
        self.announce(plan, receivers);
        self.metrics.native_histograms(plan.metrics.native_histograms);
        self.outlets.start_tracing(plan);
    }

    /// Opens what a changed plan asks for; nothing is in force before [`Self::change`].
    ///
    /// # Errors
    /// What cannot be opened, as a sentence.
    pub fn prepare(&self, plan: &Plan) -> Result<Change, String> {
        self.outlets.prepare(plan)
    }

    /// What this plan names can be told and counted, and what it does not name has no series. Before the plan is in force: from then on its
    /// routes and upstreams count, and its receivers are told.
    pub fn announce(&self, plan: &Plan, receivers: Vec<Ready>) {
        self.metrics.in_force(plan);
        self.webhooks.apply(receivers);
    }

    /// The plan is in force.
    pub fn change(&self, plan: &Plan, change: Change) {
        self.metrics.native_histograms(plan.metrics.native_histograms);
        self.outlets.change(change);
    }

    /// A reload was tried; `refused`: why it was not applied.
    pub fn reload(&self, refused: Option<&str>) {
        let now = self.clock.now();
        let at = when::unix_seconds(self.clock.wall(now));
        self.metrics.operations.reload(refused.is_none(), at);
        self.alerts.put(Input::reload(refused, format!("reload-{}", at as u64), now));
    }

    /// The certificates in force: listener, name, end in Unix seconds.
    pub fn certificates(&self, ends: &[(String, String, i64)]) {
        self.metrics.operations.certificates(ends);
    }

    /// Returns when everybody who is to be told was told and everything is written, but after a few seconds at most. For the end of the
    /// process.
    pub async fn flush(&self) {
        self.webhooks.flush(Duration::from_secs(2)).await;
        self.outlets.flush_traces().await;
        let (outlets, scribe) = (self.outlets.clone(), self.scribe.clone());
        let written = spawn_blocking(move || {
            outlets.flush_lines();
            scribe.iter().for_each(|scribe| scribe.flush());
        });
        // A panic in it was told by itself.
        let _ = written.await;
    }
}
