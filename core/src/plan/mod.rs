//! What is in force? The compiled configuration: typed, complete, every default filled in, every reference resolved.
//!
//! The config room compiles YAML into this; everything else reads it. It is immutable: a reload makes a new one.
//!
//! Every default is here and nowhere else: as a type's `Default`, or, where a part of it cannot go without (a name, an address), as what its
//! constructor fills in. The config room takes them from here, and so do the reference and whoever needs a plan to try something.

pub mod access_log;
mod admin;
mod admission;
mod alerts;
mod document;
mod listener;
mod logging;
mod metrics;
mod passive;
mod probe;
mod process;
mod protocol;
mod recognition;
mod route;
pub mod route_table;
mod source;
mod tracing;
mod upstream;
mod webhook;

pub use admin::*;
pub use admission::*;
pub use alerts::*;
pub use document::*;
pub use listener::*;
pub use logging::*;
pub use metrics::*;
pub use passive::*;
pub use probe::*;
pub use process::*;
pub use protocol::*;
pub use recognition::*;
pub use route::*;
pub use source::*;
pub use tracing::*;
pub use upstream::*;
pub use webhook::*;

use crate::plan::route_table::RouteTable;
use std::sync::Arc;

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub listeners: Vec<Arc<ListenerPlan>>,
    pub routes: Vec<RoutePlan>,
    pub table: RouteTable,
    pub upstreams: Vec<Arc<UpstreamPlan>>,
    pub webhooks: Vec<Arc<WebhookPlan>>,
    pub smtp: Vec<Arc<SmtpPlan>>,
    pub alerts: Arc<AlertsPlan>,
    pub admin: AdminPlan,
    pub logging: LoggingPlan,
    pub metrics: MetricsPlan,
    /// `None` = nobody gets traces.
    pub tracing: Option<TracingPlan>,
    pub shutdown: ShutdownPlan,
    pub probing: ProbingPlan,
    pub start: StartPlan,
    pub reload: ReloadPlan,
    pub upgrade: UpgradePlan,
    /// `None` = nothing is recorded.
    pub record: Option<RecordPlan>,
    /// Worker threads of the data path; 0 = one per core.
    pub threads: usize,
}

impl Plan {
    /// Everybody who can be told of alerts, by name.
    pub fn receivers(&self) -> Vec<Arc<str>> {
        let webhooks = self.webhooks.iter().map(|webhook| webhook.name.clone());
        webhooks.chain(self.smtp.iter().map(|smtp| smtp.name.clone())).collect()
    }
}
