//! What do the pages read, and whom do they hand orders to? The board's reports, the snapshot and the clock, behind one trait: the control task's handle in the
//! gateway, literal reports in tests.

use crate::clock::Clock;
use crate::control::{Explained, Handle, Steered};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::board::{Steering, UpstreamReport};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::fmt::Debug;
use std::sync::Arc;

#[async_trait::async_trait]
pub trait Source: Debug + Send + Sync + 'static {
    async fn reports(&self) -> Vec<UpstreamReport>;
    /// `None`: the process is leaving.
    async fn steer(&self, steering: Steering) -> Option<Steered>;
    /// `None`: the process is leaving.
    async fn explain(&self, backend: BackendId) -> Option<Explained>;
    fn snapshot(&self) -> Arc<Snapshot>;
    fn clock(&self) -> Clock;
}

#[async_trait::async_trait]
impl Source for Handle {
    async fn reports(&self) -> Vec<UpstreamReport> {
        self.report().await
    }

    async fn steer(&self, steering: Steering) -> Option<Steered> {
        Handle::steer(self, steering).await
    }

    async fn explain(&self, backend: BackendId) -> Option<Explained> {
        Handle::explain(self, backend).await
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&Handle::snapshot(self))
    }

    fn clock(&self) -> Clock {
        Handle::clock(self)
    }
}
