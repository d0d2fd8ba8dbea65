//! Who may be asked? One backend as a publication shows it, and the place in it that a request holds. (Envoy: host; Kubernetes: endpoint.)

use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::standing::{Cause, Standing};
use crate::traffic::cell::Cell;
use std::sync::Arc;

/// One backend in one publication.
#[derive(Debug)]
pub struct Endpoint {
    pub id: BackendId,
    pub key: BackendKey,
    /// In force: the one that an operator ordered, else the configured or discovered.
    pub weight: u32,
    pub backup: bool,
    pub standing: Standing,
    /// When `standing` ramps: the start of the ramp. The board republishes as it grows.
    pub since: Timestamp,
    /// Grows whenever idle connections to this backend must not be used again (it was not alive, down, forced down or
    /// restarted, where `on_down` says so, or removed).
    pub connection_epoch: u32,
    /// Another service answers there: nobody is to choose it, whatever else holds.
    pub stranger: bool,
    /// Shared by all publications of this identity.
    pub cell: Arc<Cell>,
}

impl Endpoint {
    pub fn eligible(&self) -> bool {
        self.standing.cause.eligible()
    }

    pub fn on_trial(&self) -> bool {
        self.standing.cause == Cause::Trial
    }
}

/// Holds one place in a backend's in-flight count; gives it back when dropped.
#[derive(Debug)]
pub struct Lease {
    pub member: Arc<Endpoint>,
    /// This is the one request that decides a trial.
    pub trial: bool,
}

impl Lease {
    pub fn new(member: Arc<Endpoint>, trial: bool) -> Self {
        member.cell.begin();
        Self { member, trial }
    }

    /// A place where fewer than `limit` requests are in flight; 0 = no limit. A trial that finds none is offered to the next request.
    pub fn within(limit: u32, member: Arc<Endpoint>, trial: bool) -> Option<Self> {
        if member.cell.begin_within(limit) {
            return Some(Self { member, trial });
        }
        if trial {
            member.cell.arm_trial();
        }
        None
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.member.cell.end();
    }
}
