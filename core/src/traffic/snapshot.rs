//! What does a request see? One immutable picture of the plan and of every pool.
//!
//! The board publishes it; a request loads it once per attempt and decides on it alone. The only things in it that change are
//! the atomics of the [`Cell`]s.

use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::standing::{Cause, Standing};
use crate::plan::{Plan, UpstreamPlan};
use crate::traffic::cell::Cell;
use crate::traffic::circuit_breaker::Gate;
use crate::traffic::ledger::Ledger;
use crate::traffic::load_balancing::{Balancer, Pick, PickInput};
use crate::traffic::retry_budget::Budget;
use std::sync::Arc;

/// The picture. `pools[i]` belongs to `plan.upstreams[i]`.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one per publication.
    pub generation: u64,
    pub plan: Arc<Plan>,
    pub pools: Vec<Arc<Pool>>,
    /// Every member of every probed upstream has had its first verdict.
    pub first_round_done: bool,
}

/// One upstream's members and the balancer over those that are eligible.
#[derive(Debug)]
pub struct Pool {
    pub upstream: Arc<UpstreamPlan>,
    /// In a stable order (by address); drained and down ones included.
    pub members: Arc<[Arc<Member>]>,
    /// Prepared over the eligible members of the serving tier (or the wider set of `when_none_eligible` / panic).
    pub balancer: Balancer,
    /// Survives publications and reloads.
    pub budget: Arc<Budget>,
    /// Survives publications and reloads.
    pub gate: Arc<Gate>,
    /// Survives publications and reloads.
    pub ledger: Arc<Ledger>,
    /// The share of the weight that is out for failing; see [`crate::traffic::ledger::share_out`].
    pub share_out: u32,
    pub emptiness: Emptiness,
}

impl Pool {
    /// Who takes this attempt? The balancer's pick, except that a client whose backend drains may stay with it where the plan says so.
    pub fn pick(&self, input: &PickInput<'_>) -> Option<Pick> {
        let stays = input.sticky.filter(|key| self.upstream.drain_keeps_sessions && !input.tried.contains(key));
        let draining = |member: &&Arc<Member>| {
            let weightless = member.weight == 0 && member.eligible();
            weightless || matches!(member.standing.cause, Cause::Drained | Cause::Draining)
        };
        match stays.and_then(|key| self.balancer.member(key)).filter(draining) {
            Some(member) => Some(Pick { member: Arc::clone(member), trial: false }),
            None => self.balancer.pick(input),
        }
    }
}

/// Why the balancer has nobody, where it has nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// Somebody is eligible (or a fallback set serves).
    Serving,
    /// All members wait for their first probe: a request may wait.
    AllUnchecked,
    /// Nobody: answer 503 with Retry-After from `earliest_return`, where one is known.
    NobodyEligible { earliest_return: Option<Timestamp> },
    /// The upstream has no members at all.
    NoMembers,
}

/// One backend in one publication.
#[derive(Debug)]
pub struct Member {
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

impl Member {
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
    pub member: Arc<Member>,
    /// This is the one request that decides a trial.
    pub trial: bool,
}

impl Lease {
    pub fn new(member: Arc<Member>, trial: bool) -> Self {
        member.cell.begin();
        Self { member, trial }
    }

    /// A place where fewer than `limit` requests are in flight; 0 = no limit.
    pub fn within(limit: u32, member: Arc<Member>, trial: bool) -> Option<Self> {
        member.cell.begin_within(limit).then(|| Self { member, trial })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.member.cell.end();
    }
}
