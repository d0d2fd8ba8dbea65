//! `/upstreams`: why is this backend in or out, and when does it come back?
//!
//! Everything that the board knows of a backend, with the sentence of its cause first. The history is told with the same lines as
//! the log, event ids included.

use super::Now;
use super::figures::{Traffic, traffic};
use super::history::{Entry, entry};
use super::moment::{Moment, moment};
use super::probes::{Other, Probe, last_probe, other};
use crate::admin::traffic::Recent;
use pulsegate_core::board::{BackendReport, EjectionReport, Given, UpstreamReport};
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Upstreams {
    pub timestamp: String,
    pub upstreams: Vec<Upstream>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Upstream {
    pub name: String,
    pub eligible: usize,
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    pub address: String,
    pub standing: &'static str,
    pub eligible: bool,
    /// Why it has this standing.
    pub why: String,
    pub since: String,
    pub since_ms: u64,
    /// "2/3"; absent without a readiness probe.
    pub counter: Option<String>,
    pub unprobed: bool,
    /// In force.
    pub weight: u32,
    pub configured_weight: u32,
    pub backup: bool,
    pub order: Option<Order<&'static str>>,
    pub weight_order: Option<Order<u32>>,
    /// The share of its weight that it may use now, 0 to 1.
    pub share: f64,
    pub earliest_return: Option<Moment>,
    pub last_probe: Option<Probe>,
    pub next_probe: Option<Moment>,
    /// Startup and liveness, where there are such.
    pub other_probes: Vec<Other>,
    pub ejection: Option<Ejection>,
    pub in_flight: u32,
    pub outcomes: Outcomes,
    pub traffic: Traffic,
    /// What else is worth knowing of it now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Newest first.
    pub history: Vec<Entry>,
}

/// What an operator ordered, and who, when, until when.
#[derive(Clone, Debug, Serialize)]
pub struct Order<T> {
    pub what: T,
    pub by: String,
    pub at: String,
    /// `null`: until it is taken back.
    pub until: Option<Moment>,
    pub reason: Option<String>,
}

/// The answer to an order.
#[derive(Clone, Debug, Serialize)]
pub struct Steered {
    pub upstream: String,
    pub backend: Backend,
}

#[derive(Clone, Debug, Serialize)]
pub struct Ejection {
    /// The how-manieth in a row.
    pub nth: u32,
    pub since: String,
    pub earliest_return: Moment,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outcomes {
    pub window: Tally,
    pub total: Tally,
    /// Failures in a row.
    pub failures_in_a_row: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Tally {
    pub successes: u64,
    pub failures: u64,
}

pub fn upstreams(reports: &[UpstreamReport], recent: &Recent, now: Now) -> Upstreams {
    let upstreams = reports.iter().map(|report| upstream(report, recent, now)).collect();
    Upstreams { timestamp: now.date(now.at), upstreams }
}

pub fn upstream(report: &UpstreamReport, recent: &Recent, now: Now) -> Upstream {
    let backends: Vec<Backend> = report.backends.iter().map(|report| backend(report, recent, now)).collect();
    let eligible = backends.iter().filter(|backend| backend.eligible).count();
    Upstream { name: report.name.to_string(), eligible, backends }
}

pub fn backend(report: &BackendReport, recent: &Recent, now: Now) -> Backend {
    let standing = report.standing;
    let (value, threshold) = report.counter;
    Backend {
        address: report.id.address.to_string(),
        standing: standing.cause.word(),
        eligible: standing.cause.eligible(),
        why: report.why.clone(),
        since: now.date(report.since),
        since_ms: now.ms_since(report.since),
        counter: (!standing.unprobed).then(|| format!("{value}/{threshold}")),
        unprobed: standing.unprobed,
        weight: report.weight,
        configured_weight: report.configured_weight,
        backup: report.backup,
        order: report.order.as_ref().map(|given| order(given, given.what.word(), now)),
        weight_order: report.weight_order.as_ref().map(|given| order(given, given.what, now)),
        share: standing.share,
        earliest_return: standing.earliest_return.map(|at| moment(at, now)),
        last_probe: report.last_probe.as_ref().map(|probe| last_probe(probe, now)),
        next_probe: report.next_probe.map(|at| moment(at, now)),
        other_probes: report.other_probes.iter().map(|probe| other(probe, now)).collect(),
        ejection: report.ejection.map(|ejection| self::ejection(ejection, now)),
        in_flight: report.in_flight,
        outcomes: outcomes(report),
        traffic: traffic(recent.of(&report.id)),
        history: report.history.iter().rev().map(|remembered| entry(remembered, now)).collect(),
        notes: report.notes.clone(),
    }
}

pub fn steered(report: &BackendReport, recent: &Recent, now: Now) -> Steered {
    Steered { upstream: report.id.upstream.to_string(), backend: backend(report, recent, now) }
}

fn order<W, T>(given: &Given<W>, what: T, now: Now) -> Order<T> {
    Order {
        what,
        by: given.by.to_string(),
        at: now.date(given.at),
        until: given.until.map(|at| moment(at, now)),
        reason: given.reason.as_ref().map(ToString::to_string),
    }
}

fn ejection(ejection: EjectionReport, now: Now) -> Ejection {
    Ejection {
        nth: ejection.nth,
        since: now.date(ejection.since),
        earliest_return: moment(ejection.earliest_return, now),
    }
}

fn outcomes(report: &BackendReport) -> Outcomes {
    Outcomes {
        window: Tally { successes: report.successes.into(), failures: report.failures.into() },
        total: Tally { successes: report.total_successes, failures: report.total_failures },
        failures_in_a_row: report.streak,
    }
}

#[cfg(test)]
mod tests;
