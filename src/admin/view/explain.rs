//! `/upstreams/…/explain`: one backend's standing with its rule, its evidence, what is in force, and what would have to happen.

mod page;
mod text;

pub use text::text;

use super::moment::{Moment, moment};
use super::probes::{Probe, last_probe};
use super::upstreams::{self, Backend};
use super::{Now, millis};
use crate::admin::traffic::Recent;
use pulsegate_core::board::Explanation;
use pulsegate_core::plan::{Detector, PassivePlan, ProbeCheck, ProbePlan};
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Document {
    pub timestamp: String,
    pub upstream: String,
    pub rule: Rule,
    /// If from now on everything passes and nothing is asked sooner than planned. `backend.earliest_return` is the bound that holds
    /// whatever happens.
    pub return_on_schedule: Option<Moment>,
    /// All of it must happen.
    pub to_return: Vec<String>,
    /// Any of it suffices.
    pub to_leave: Vec<String>,
    pub remarks: Vec<String>,
    /// Newest first.
    pub probes: Vec<Probe>,
    pub probe_under_way_ms: Option<u64>,
    pub traffic: Traffic,
    pub pool: Pool,
    pub in_force: InForce,
    pub backend: Backend,
}

#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    pub name: &'static str,
    pub says: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Traffic {
    pub failures_in_a_row: u32,
    pub successes_in_window: u32,
    pub failures_in_window: u32,
    /// Of these, so many were no statuses: connections refused, broken, too slow.
    pub hard_failures_in_window: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Pool {
    pub backends: usize,
    pub eligible: usize,
    pub counted: u32,
    pub fit: u32,
    pub must_stay_fit: u32,
    pub median_failed_share_of_peers: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    pub readiness: Option<Readiness>,
    pub passive: Passive,
}

#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    pub check: String,
    pub period_ms: u64,
    pub fast_period_ms: u64,
    pub timeout_ms: u64,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    pub startup_grace_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Passive {
    pub enabled: bool,
    pub consecutive_failures: u32,
    pub failure_ratio: f64,
    pub minimum_outcomes: u32,
    pub failure_outlier: f64,
    pub latency_outlier_factor: f64,
    pub latency_outlier_gap_ms: u64,
    /// What ejects; the other detectors only say what they would have done.
    pub enforced: Vec<&'static str>,
    pub window_ms: u64,
    pub base_ejection_ms: u64,
    pub max_ejection_ms: u64,
    pub minimum_fit: f64,
}

pub fn document(explanation: &Explanation, recent: &Recent, now: Now) -> Document {
    let Explanation { pool, traffic, .. } = explanation;
    Document {
        timestamp: now.date(now.at),
        upstream: explanation.backend.id.upstream.to_string(),
        rule: Rule { name: explanation.rule.word(), says: explanation.rule_says.clone() },
        return_on_schedule: explanation.on_schedule.map(|at| moment(at, now)),
        to_return: explanation.to_return.clone(),
        to_leave: explanation.to_leave.clone(),
        remarks: explanation.remarks.clone(),
        probes: explanation.probes.iter().rev().map(|probe| last_probe(probe, now)).collect(),
        probe_under_way_ms: explanation.probe_under_way.map(|at| now.ms_since(at)),
        traffic: Traffic {
            failures_in_a_row: traffic.streak,
            successes_in_window: traffic.window.successes,
            failures_in_window: traffic.window.failures,
            hard_failures_in_window: traffic.hard_failures,
        },
        pool: Pool {
            backends: pool.backends,
            eligible: pool.eligible,
            counted: pool.counted,
            fit: pool.fit,
            must_stay_fit: pool.floor,
            median_failed_share_of_peers: pool.median_failed_share,
        },
        in_force: InForce {
            readiness: explanation.upstream.readiness.as_ref().map(readiness),
            passive: passive(&explanation.upstream.passive),
        },
        backend: upstreams::backend(&explanation.backend, recent, now),
    }
}

fn readiness(probe: &ProbePlan) -> Readiness {
    Readiness {
        check: check(probe),
        period_ms: millis(probe.period),
        fast_period_ms: millis(probe.fast_period),
        timeout_ms: millis(probe.timeout),
        success_threshold: probe.success_threshold,
        failure_threshold: probe.failure_threshold,
        startup_grace_ms: millis(probe.startup_grace),
    }
}

/// "GET /ready", "a TCP connection", with the probe's own port.
fn check(probe: &ProbePlan) -> String {
    let what = match &probe.kind {
        ProbeCheck::Tcp => "a TCP connection".to_owned(),
        ProbeCheck::Http(check) => format!("{} {}", check.method, check.path),
        ProbeCheck::Grpc(check) if check.service.is_empty() => "the gRPC health of the whole server".to_owned(),
        ProbeCheck::Grpc(check) => format!("the gRPC health of {}", check.service),
    };
    probe.port.map_or(what.clone(), |port| format!("{what} at port {port}"))
}

fn passive(plan: &PassivePlan) -> Passive {
    Passive {
        enabled: plan.enabled,
        consecutive_failures: plan.consecutive_failures,
        failure_ratio: plan.failure_ratio,
        minimum_outcomes: plan.minimum_outcomes,
        failure_outlier: plan.failure_outlier,
        latency_outlier_factor: plan.latency_outlier.factor,
        latency_outlier_gap_ms: millis(plan.latency_outlier.gap),
        enforced: Detector::ALL.into_iter().filter(|one| plan.enforce.of(*one)).map(Detector::word).collect(),
        window_ms: millis(plan.window),
        base_ejection_ms: millis(plan.base_ejection),
        max_ejection_ms: millis(plan.max_ejection),
        minimum_fit: plan.minimum_fit,
    }
}
