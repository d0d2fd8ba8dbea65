//! How is one backend asked without a gateway? By the same check as the gateway's, once.

use super::check::check;
use crate::clock::Clock;
use crate::tls::ClientConfigs;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::board::{ProbeJob, ProbeTicket};
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::{ProbeKind, UpstreamPlan};
use std::sync::Arc;
use std::time::Duration;

/// The job that the gateway would run for this backend; `None` where the upstream has no readiness probe.
pub fn job(upstream: &Arc<UpstreamPlan>, address: Address) -> Option<ProbeJob> {
    Some(ProbeJob {
        ticket: ProbeTicket(0),
        kind: ProbeKind::Readiness,
        backend: BackendId { upstream: Arc::clone(&upstream.name), address },
        upstream: Arc::clone(upstream),
        probe: Arc::new(upstream.readiness.clone()?),
        late: Duration::ZERO,
    })
}

/// Runs it.
pub async fn ask(job: &ProbeJob, clock: Clock) -> Reading {
    check(job, &ClientConfigs::default(), clock, None).await
}
