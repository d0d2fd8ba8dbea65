//! What do the pages read? The board's reports, the snapshot and the clock, behind one trait: the control task's handle in the
//! gateway, literal reports in tests.

use crate::control::{Clock, Handle};
use crate::domain::board::UpstreamReport;
use crate::domain::snapshot::Snapshot;
use std::fmt::Debug;
use std::sync::Arc;

#[async_trait::async_trait]
pub trait Source: Debug + Send + Sync + 'static {
    async fn reports(&self) -> Vec<UpstreamReport>;
    fn snapshot(&self) -> Arc<Snapshot>;
    fn clock(&self) -> Clock;
}

#[async_trait::async_trait]
impl Source for Handle {
    async fn reports(&self) -> Vec<UpstreamReport> {
        self.report().await
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&Handle::snapshot(self))
    }

    fn clock(&self) -> Clock {
        Handle::clock(self)
    }
}
