//! What is in force on the benches' board: one upstream of static backends, judged by its traffic alone.

use pulsegate_core::base::identity::BackendId;
use pulsegate_core::plan::route_table::RouteTable;
use pulsegate_core::plan::{
    AdminPlan, BalancePlan, BudgetPlan, LoggingPlan, MetricsPlan, OnDown, PassivePlan, Plan, Policy, ProbingPlan,
    Protocol, ReloadPlan, ShutdownPlan, SlowStartPlan, SourcePlan, StartPlan, StaticBackend, UpgradePlan,
    UpstreamLimits, UpstreamPlan, WhenNoneEligible,
};
use std::sync::Arc;
use std::time::Duration;

pub fn of_one_upstream(backends: &[BackendId]) -> Plan {
    Plan {
        listeners: Vec::new(),
        routes: Vec::new(),
        table: RouteTable::default(),
        upstreams: vec![Arc::new(upstream(backends))],
        admin: AdminPlan::default(),
        logging: LoggingPlan::default(),
        metrics: MetricsPlan::default(),
        tracing: None,
        shutdown: ShutdownPlan { delay: Duration::ZERO, grace: Duration::ZERO },
        probing: ProbingPlan { concurrency: 512 },
        start: StartPlan { wait: Duration::from_secs(5) },
        reload: ReloadPlan { watch: false },
        webhooks: Vec::new(),
        smtp: Vec::new(),
        alerts: Arc::default(),
        upgrade: UpgradePlan { directory: None, timeout: Duration::ZERO },
        record: None,
        threads: 1,
    }
}

fn upstream(backends: &[BackendId]) -> UpstreamPlan {
    let backend = |id: &BackendId| StaticBackend { address: id.address.clone(), weight: 1, backup: false };
    UpstreamPlan {
        name: "pool".into(),
        sources: vec![SourcePlan::Static(backends.iter().map(backend).collect())],
        protocol: Protocol::Http1,
        send_proxy_protocol: None,
        tls: None,
        startup: None,
        readiness: None,
        liveness: None,
        passive: PassivePlan::default(),
        slow_start: SlowStartPlan { duration: Duration::from_secs(10), initial_share: 0.1 },
        balance: BalancePlan { policy: Policy::LeastRequest, sticky: None },
        limits: UpstreamLimits::default(),
        budget: BudgetPlan { ratio: 0.2, ttl: Duration::from_secs(10), min_per_second: 10 },
        when_none_eligible: WhenNoneEligible::FailClosed,
        panic_threshold: 0.0,
        hold_correlated_failures: Duration::ZERO,
        idle_timeout: Duration::from_secs(60),
        drain_header: None,
        drain_keeps_sessions: false,
        on_down: OnDown::default(),
    }
}
