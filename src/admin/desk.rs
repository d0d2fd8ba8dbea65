//! What do the handlers share? The board's reports, the process's state, and what was made of them lately.

use super::source::Source;
use super::traffic::{Recent, Traffic};
use super::view::Now;
use super::view::health::Health;
use super::{Phase, ReloadState};
use crate::control::Reloader;
use crate::telemetry::Operators;
use pulsegate_core::base::time::Timestamp;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// What the handlers share.
#[derive(Debug)]
pub struct Desk {
    pub source: Arc<dyn Source>,
    pub telemetry: Arc<Operators>,
    pub phase: watch::Receiver<Phase>,
    pub reload: watch::Receiver<ReloadState>,
    pub reloads: Option<Reloader>,
    /// The last answer of `/health` and when it was made. The lock is held while one is made, so that a crowd asks the board once.
    pub last_health: Mutex<Option<(Timestamp, Health)>>,
    pub traffic: Arc<Traffic>,
}

impl Desk {
    pub fn now(&self) -> Now {
        Now::of(self.source.clock())
    }

    /// How the traffic goes.
    pub fn recent(&self) -> Recent {
        self.traffic.recent(&self.source.snapshot(), self.source.clock().now())
    }
}
