//! `/status`: what is this process, and which configuration is in force?

use super::Now;
use crate::admin::{Phase, ReloadState};
use pulsegate_core::traffic::snapshot::Snapshot;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Status<'a> {
    pub version: &'static str,
    pub started: String,
    pub uptime_ms: u64,
    pub phase: &'static str,
    /// Grows with every change of any backend's standing and with every reload.
    pub snapshot_generation: u64,
    /// Every probed backend has had its first verdict.
    pub first_round_done: bool,
    pub listeners: Vec<Listener<'a>>,
    /// Absent before the first reload.
    pub last_reload: Option<Reload<'a>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Listener<'a> {
    pub name: &'a str,
    pub address: String,
    pub tls: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reload<'a> {
    pub at: &'a str,
    /// `false`: it was refused and the configuration before it stays in force.
    pub applied: bool,
    /// Why it was refused.
    pub error: Option<&'a str>,
}

pub fn status<'a>(snapshot: &'a Snapshot, phase: Phase, reload: &'a ReloadState, now: Now) -> Status<'a> {
    let listeners = snapshot.plan.listeners.iter().map(|listener| Listener {
        name: &listener.name,
        address: listener.address.to_string(),
        tls: listener.tls.is_some(),
    });
    Status {
        version: env!("CARGO_PKG_VERSION"),
        started: now.date(now.started),
        uptime_ms: now.ms_since(now.started),
        phase: phase.word(),
        snapshot_generation: snapshot.generation,
        first_round_done: snapshot.first_round_done,
        listeners: listeners.collect(),
        last_reload: reload.at.as_deref().map(|at| Reload {
            at,
            applied: reload.error.is_none(),
            error: reload.error.as_deref(),
        }),
    }
}
