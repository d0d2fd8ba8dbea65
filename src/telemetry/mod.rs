//! Who is told what happened? Log lines, metrics, and the access log, each from one place.
//!
//! An [`event`] becomes log line + metric in one match; a finished request becomes an access-log line + counters in one call.
//! This room decides nothing and never makes traffic wait.

mod access;
mod admin_write;
pub mod alert;
pub mod escape;
pub mod event;
mod exposition;
mod histogram;
mod instruments;
mod lines;
mod logging;
mod metrics;
mod outlets;
mod panics;
mod ports;
mod request;
mod scribe;
pub mod table;
#[cfg(test)]
mod tests;
mod tracing;
mod tries;
pub mod webhook;

pub use access::check as check_access_file;
pub use admin_write::{AdminWrite, WriteResult};
pub use alert::Alerting;
pub use exposition::Format;
pub use instruments::ADMIN;
pub use logging::{
    LEVELS, Verbosity, apply as apply_logging, flush as flush_logging, init as init_logging, order as order_level,
    verbosity,
};
pub use metrics::{OpenConnection, WorkerLoad};
pub use outlets::Change;
pub use ports::{BoardEvents, Life, Operators, Probes, Traffic};
pub use request::{Headers, RequestRecord};
pub use scribe::Scribe;
pub use tracing::check as check_collector;
pub use tries::{Tries, Try};

use crate::clock::{Clock, when};
use metrics::Metrics;
use outlets::Outlets;
use pulsegate_core::plan::AccessPlan;
use std::sync::Arc;
use tokio::sync::broadcast;
use webhook::Webhooks;

/// Events that wait for a listener; of more, it misses the oldest and is told how many.
const LISTENED: usize = 1024;

/// What one process tells, by who has something to tell.
#[derive(Clone, Debug)]
pub struct Telemetry {
    pub traffic: Arc<Traffic>,
    pub probes: Arc<Probes>,
    pub board: Arc<BoardEvents>,
    pub alerts: Arc<Alerting>,
    pub operators: Arc<Operators>,
    pub life: Arc<Life>,
}

impl Telemetry {
    /// Starts the writer of the access log, where there is to be one. The process's logger is set by [`init_logging`]. `scribe`: who writes
    /// everything down.
    pub fn new(access: Option<&AccessPlan>, clock: Clock, scribe: Option<Arc<dyn Scribe>>) -> Self {
        let metrics = Arc::new(Metrics::new(when::unix_seconds(clock.wall(clock.now()))));
        let outlets = Arc::new(Outlets::new(access, clock, (metrics.access.clone(), metrics.tracing.clone())));
        let webhooks = Arc::new(Webhooks::new(metrics.webhook_notices.clone()));
        let alerts = Arc::new(Alerting::new(metrics.alerts.clone(), webhooks.clone()));
        let events = broadcast::Sender::new(LISTENED);
        Self {
            traffic: Arc::new(Traffic {
                clock,
                metrics: metrics.clone(),
                outlets: outlets.clone(),
                scribe: scribe.clone(),
            }),
            probes: Arc::new(Probes { outlets: outlets.clone() }),
            board: Arc::new(BoardEvents {
                clock,
                metrics: metrics.clone(),
                webhooks: webhooks.clone(),
                alerts: alerts.clone(),
                scribe: scribe.clone(),
                listeners: events.clone(),
            }),
            operators: Arc::new(Operators { clock, metrics: metrics.clone(), events }),
            life: Arc::new(Life { clock, metrics, outlets, webhooks, alerts: alerts.clone(), scribe }),
            alerts,
        }
    }
}
