//! What is in force for a pool: where its backends come from, how they are asked, watched, spared and chosen.

use super::{BudgetPlan, Detector, PassivePlan, ProbePlan, Protocol, SourcePlan, UpstreamTls};
use crate::http::{proxy_protocol, response_head};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamPlan {
    pub name: Arc<str>,
    pub sources: Vec<SourcePlan>,
    /// What its backends speak.
    pub protocol: Protocol,
    /// Each connection begins with a PROXY header of this version. Never with HTTP/2, whose connections are shared.
    pub send_proxy_protocol: Option<proxy_protocol::Version>,
    pub tls: Option<UpstreamTls>,
    pub startup: Option<ProbePlan>,
    pub readiness: Option<ProbePlan>,
    pub liveness: Option<ProbePlan>,
    pub passive: PassivePlan,
    pub slow_start: SlowStartPlan,
    pub balance: BalancePlan,
    pub limits: UpstreamLimits,
    pub budget: BudgetPlan,
    pub when_none_eligible: WhenNoneEligible,
    /// 0.0..=1.0: with fewer than this share of the pool eligible, the balancer uses the wider set (see [`WhenNoneEligible`]). 0 = off.
    pub panic_threshold: f64,
    /// Most of the pool that falls together for one reason is held in place for so long; zero = off.
    pub hold_correlated_failures: Duration,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// A response header by which a backend asks to be drained (stripped before the client sees it).
    pub drain_header: Option<(String, String)>,
    pub drain_keeps_sessions: bool,
    pub on_down: OnDown,
}

impl UpstreamPlan {
    /// Without backends and probes.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            sources: Vec::new(),
            protocol: Protocol::default(),
            send_proxy_protocol: None,
            tls: None,
            startup: None,
            readiness: None,
            liveness: None,
            passive: PassivePlan::default(),
            slow_start: SlowStartPlan::default(),
            balance: BalancePlan::default(),
            limits: UpstreamLimits::default(),
            budget: BudgetPlan::default(),
            when_none_eligible: WhenNoneEligible::default(),
            panic_threshold: 0.0,
            hold_correlated_failures: Duration::ZERO,
            idle_timeout: Duration::from_secs(60),
            drain_header: None,
            drain_keeps_sessions: false,
            on_down: OnDown::default(),
        }
    }

    /// Does this detector eject? Those that compare backends never do where requests are spread by what they ask for: then each backend
    /// has traffic of its own, and a difference is no fault.
    pub fn enforces(&self, detector: Detector) -> bool {
        let same_traffic = !matches!(self.balance.policy, Policy::Hash(_));
        self.passive.enforce.of(detector) && (same_traffic || !detector.compares())
    }

    /// Requests that one backend may have at once; 0 = no limit. On HTTP/1 a request has a connection of its own.
    pub fn requests_per_backend(&self) -> u32 {
        let limits = &self.limits;
        match (self.protocol, limits.requests_per_backend, limits.connections_per_backend) {
            (Protocol::Http1, 0, connections) => connections,
            (Protocol::Http1, requests, connections) if connections > 0 => requests.min(connections),
            (_, requests, _) => requests,
        }
    }
}

/// What becomes of a backend's connections when it goes down or is forced down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDown {
    /// Nothing: idle ones are used again when it is back.
    Keep,
    /// Idle ones are not used again: whatever listened there is gone or wrong.
    #[default]
    RetireIdle,
    /// Those with a request in flight are cut as well.
    CloseAll,
}

/// What may be under way to an upstream at once. 0 = no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    pub requests: u32,
    pub requests_per_backend: u32,
    /// HTTP/2: more streams share them. HTTP/1: a request has its own, so the smaller of the two limits counts.
    pub connections_per_backend: u32,
    /// Requests that may wait for a turn; 0 = none.
    pub queue: u32,
    /// How long they may.
    pub queue_timeout: Duration,
    /// The head of an answer.
    pub response_head_bytes: usize,
    /// How long an idempotent request is held while nobody is eligible.
    pub hold: Duration,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            requests: 0,
            requests_per_backend: 0,
            connections_per_backend: 0,
            queue: 0,
            queue_timeout: Duration::from_secs(5),
            response_head_bytes: response_head::DEFAULT,
            hold: Duration::ZERO,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStartPlan {
    /// Zero = off.
    pub duration: Duration,
    /// The share at the beginning (0.1 = 10 %).
    pub initial_share: f64,
}

impl Default for SlowStartPlan {
    fn default() -> Self {
        Self { duration: Duration::from_secs(10), initial_share: 0.1 }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BalancePlan {
    pub policy: Policy,
    /// Set: a cookie binds a client to a backend.
    pub sticky: Option<StickyPlan>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    LeastRequest,
    RoundRobin,
    PeakEwma,
    Random,
    Hash(HashBy),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashBy {
    #[default]
    ClientAddress,
    /// Lower case.
    Header(String),
    Cookie(String),
    Path,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyPlan {
    pub cookie: String,
    /// The key of the hash in the cookie; all gateways in front of one pool share it. `None` = drawn at start.
    pub secret: Option<String>,
    pub ttl: Option<Duration>,
    pub secure: bool,
}

impl Default for StickyPlan {
    fn default() -> Self {
        Self { cookie: "pulsegate".to_owned(), secret: None, ttl: None, secure: false }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenNoneEligible {
    /// 503 with Retry-After.
    #[default]
    FailClosed,
    /// Among all that are down, not ready or ejected.
    FailOpen,
    /// Among those that were eligible last.
    LastKnownGood,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Enforcement;

    /// What backends speak, the limits of requests and of connections: how many requests one may have.
    #[test]
    fn a_request_has_a_connection_of_its_own_on_http1_only() {
        for (protocol, requests, connections, limit) in [
            (Protocol::Http1, 0, 0, 0),
            (Protocol::Http1, 10, 0, 10),
            (Protocol::Http1, 0, 4, 4),
            (Protocol::Http1, 10, 4, 4),
            (Protocol::Http1, 3, 4, 3),
            (Protocol::Http2, 0, 0, 0),
            (Protocol::Http2, 10, 4, 10),
            (Protocol::Http2, 0, 4, 0),
        ] {
            let limits = UpstreamLimits {
                requests_per_backend: requests,
                connections_per_backend: connections,
                ..UpstreamLimits::default()
            };
            let plan = UpstreamPlan { protocol, limits, ..UpstreamPlan::named("pool") };
            assert_eq!(
                plan.requests_per_backend(),
                limit,
                "{protocol:?}: {requests} requests, {connections} connections"
            );
        }
    }

    /// A policy: may those detectors eject that compare backends, and those that do not?
    #[test]
    fn backends_with_traffic_of_their_own_are_not_compared() {
        let all = UpstreamPlan::named("pool");
        for (policy, compares) in [
            (Policy::LeastRequest, true),
            (Policy::RoundRobin, true),
            (Policy::PeakEwma, true),
            (Policy::Random, true),
            (Policy::Hash(HashBy::Path), false),
            (Policy::Hash(HashBy::ClientAddress), false),
        ] {
            let balance = BalancePlan { policy, ..BalancePlan::default() };
            let plan = UpstreamPlan { balance, ..all.clone() };
            let nothing = Detector::ALL.into_iter().fold(Enforcement::default(), |all, one| all.with(one, false));
            let watches =
                UpstreamPlan { passive: PassivePlan { enforce: nothing, ..plan.passive.clone() }, ..plan.clone() };
            for (detector, enforced) in [
                (Detector::ConsecutiveFailures, true),
                (Detector::FailureRatio, true),
                (Detector::FailureOutlier, compares),
                (Detector::LatencyOutlier, compares),
            ] {
                assert_eq!(plan.enforces(detector), enforced, "{detector:?} by {:?}", plan.balance.policy);
                assert!(!watches.enforces(detector), "{detector:?}");
            }
        }
    }
}
