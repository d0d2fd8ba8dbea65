//! What does a request see? One immutable picture of the plan and of every pool.
//!
//! The board publishes it; a request loads it once per attempt and decides on it alone. The only things in it that change are
//! the atomics of the [`Cell`]s.

use crate::traffic::endpoint::Endpoint;

use crate::base::time::Timestamp;
use crate::health::standing::Cause;
use crate::plan::{Plan, UpstreamPlan};

use crate::traffic::circuit_breaker::CircuitBreaker;
use crate::traffic::ledger::Ledger;
use crate::traffic::load_balancing::{Balancer, Pick, PickInput};
use crate::traffic::retry_budget::RetryBudget;
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
    pub members: Arc<[Arc<Endpoint>]>,
    /// Prepared over the eligible members of the serving tier (or the wider set of `when_none_eligible` / panic).
    pub balancer: Balancer,
    /// Survives publications and reloads.
    pub budget: Arc<RetryBudget>,
    /// Survives publications and reloads.
    pub circuit_breaker: Arc<CircuitBreaker>,
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
        let draining = |member: &&Arc<Endpoint>| {
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
