//! What is in force on the benches' board: one upstream of static backends, judged by its traffic alone.

use pulsegate_core::base::identity::BackendId;
use pulsegate_core::plan::{Plan, ProbingPlan, SourcePlan, StaticBackend, UpstreamPlan};
use std::sync::Arc;

pub fn of_one_upstream(backends: &[BackendId]) -> Plan {
    let backend = |id: &BackendId| StaticBackend::at(id.address.clone());
    let sources = vec![SourcePlan::Static(backends.iter().map(backend).collect())];
    let upstream = UpstreamPlan { sources, ..UpstreamPlan::named("pool") };
    Plan { upstreams: vec![Arc::new(upstream)], probing: ProbingPlan { concurrency: 512 }, ..Plan::default() }
}
