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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::identity::{Address, BackendId, BackendKey};
    use crate::health::standing::Standing;
    use crate::plan::{BalancePlan, BudgetPlan, StickyPlan};
    use crate::traffic::cell::Cell;

    /// The one to whom the client is bound, and another that takes whatever is picked.
    fn pool(bound: (Cause, u32), drain_keeps_sessions: bool, serves: bool) -> Pool {
        let balance = BalancePlan { sticky: Some(StickyPlan::default()), ..BalancePlan::default() };
        let upstream = UpstreamPlan { balance, drain_keeps_sessions, ..UpstreamPlan::named("pool") };
        let members: Arc<[Arc<Endpoint>]> = [endpoint(1, bound), endpoint(2, (Cause::Up, 1))].into();
        let mut serving = if serves { vec![(1, 1.0)] } else { Vec::new() };
        if bound.0.eligible() && bound.1 > 0 {
            serving.insert(0, (0, f64::from(bound.1)));
        }
        Pool {
            balancer: Balancer::prepare(&upstream.balance, &members, &serving, &[], None),
            budget: Arc::new(RetryBudget::new(BudgetPlan::default())),
            circuit_breaker: Arc::default(),
            ledger: Arc::default(),
            share_out: 0,
            emptiness: Emptiness::Serving,
            upstream: Arc::new(upstream),
            members,
        }
    }

    fn endpoint(port: u16, (cause, weight): (Cause, u32)) -> Arc<Endpoint> {
        let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, 0, 0, 1], port).into()) };
        Arc::new(Endpoint {
            key: id.key(),
            id,
            weight,
            backup: false,
            standing: Standing { cause, share: 1.0, earliest_return: None, unprobed: false },
            since: Timestamp::ZERO,
            connection_epoch: 0,
            stranger: false,
            cell: Arc::new(Cell::new()),
        })
    }

    fn picked(pool: &Pool, bound: bool, tried: bool) -> Option<u16> {
        let key = pool.members[0].key;
        let tried: &[BackendKey] = if tried { &[key] } else { &[] };
        let sticky = bound.then_some(key);
        let input = PickInput {
            tried,
            now: Timestamp::ZERO,
            random: 1,
            hash: None,
            sticky,
            trial_allowed: false,
            last_chance: false,
        };
        let pick = pool.pick(&input)?;
        assert!(!pick.trial);
        match &pick.member.id.address {
            Address::Socket(address) => Some(address.port()),
            Address::Unix(_) => None,
        }
    }

    /// Where the backend stands to which the client is bound: does the client stay there, where drains keep their sessions and where not?
    #[test]
    fn a_client_stays_with_a_backend_that_drains_where_the_plan_says_so() {
        for cause in Cause::ALL {
            for weight in [0, 1] {
                let serves = cause.eligible() && weight > 0;
                let drains = matches!(cause, Cause::Drained | Cause::Draining) || cause.eligible() && weight == 0;
                for keeps in [true, false] {
                    let expected = if serves || keeps && drains { 1 } else { 2 };
                    let found = picked(&pool((cause, weight), keeps, true), true, false);
                    assert_eq!(
                        found,
                        Some(expected),
                        "{cause} of weight {weight}, drains keep their sessions: {keeps}"
                    );
                }
            }
        }
    }

    /// It drains and keeps its sessions: the client's cookie names it, the request has tried it, another serves. Who takes the request?
    #[test]
    fn a_backend_that_drains_takes_its_own_clients_and_each_request_once() {
        for (bound, tried, another, expected) in [
            (true, false, true, Some(1)),
            (true, false, false, Some(1)),
            (true, true, true, Some(2)),
            (true, true, false, None),
            (false, false, true, Some(2)),
            (false, false, false, None),
        ] {
            let found = picked(&pool((Cause::Draining, 1), true, another), bound, tried);
            assert_eq!(found, expected, "bound: {bound}, tried: {tried}, another serves: {another}");
        }
    }
}
