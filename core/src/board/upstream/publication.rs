//! What do requests get to see of this upstream? A new picture whenever something in it changed, and what is said of an outage.

use super::correlated_failures::CorrelatedFailures;
use super::group::Group;
use super::serving::{Serving, serving};
use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::board::desk::turn::Turn;
use crate::board::member::{Member, probed};
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use crate::plan::UpstreamPlan;
use crate::traffic::circuit_breaker::CircuitBreaker;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::ledger::{self, Ledger, out_for_failing};
use crate::traffic::load_balancing::Balancer;
use crate::traffic::retry_budget::RetryBudget;
use crate::traffic::snapshot::{Emptiness, Pool};
use std::sync::Arc;

/// What an upstream published last, and what lasts beyond each publication.
#[derive(Debug)]
pub(super) struct Publication {
    pool: Option<Arc<Pool>>,
    /// Who was eligible when somebody last was.
    last_good: Vec<BackendKey>,
    empty: bool,
    /// Somebody was eligible once.
    served: bool,
    budget: Arc<RetryBudget>,
    circuit_breaker: Arc<CircuitBreaker>,
    ledger: Arc<Ledger>,
}

impl Publication {
    pub(super) fn new(plan: &UpstreamPlan) -> Self {
        Self {
            pool: None,
            last_good: Vec::new(),
            empty: false,
            served: false,
            budget: Arc::new(RetryBudget::new(plan.budget)),
            circuit_breaker: Arc::default(),
            ledger: Arc::default(),
        }
    }

    pub(super) fn redefine(&mut self, before: &UpstreamPlan, plan: &UpstreamPlan) {
        if before.budget != plan.budget {
            self.budget = Arc::new(RetryBudget::new(plan.budget));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.empty
    }

    /// The picture that was published last.
    pub(super) fn last(&self) -> Option<&Arc<Pool>> {
        self.pool.as_ref()
    }

    /// A new picture. `sources_answered`: every source has said which backends there are.
    pub(super) fn renew(
        &mut self,
        group: &mut Group,
        correlated: &CorrelatedFailures,
        sources_answered: bool,
        turn: &mut Turn<'_>,
    ) -> Arc<Pool> {
        let serving = serving(group, correlated, &mut self.last_good);
        let emptiness = emptiness(group, sources_answered, &serving, turn.now);
        self.tell_emptiness(group, sources_answered, emptiness, turn);
        self.book_detections(group, turn.now);
        let pool = Arc::new(self.portray(group, &serving, emptiness));
        self.pool = Some(Arc::clone(&pool));
        pool
    }

    fn portray(&self, group: &mut Group, serving: &Serving, emptiness: Emptiness) -> Pool {
        let members: Arc<[Arc<Endpoint>]> = group.members.iter_mut().map(Member::picture).collect();
        let trials = group.members.those(|member| member.cause() == Cause::Trial);
        let trials: Vec<usize> = trials.into_iter().map(|seat| seat.index()).collect();
        let weights: Vec<(usize, f64)> = serving.iter().map(|(seat, weight)| (seat.index(), *weight)).collect();
        let previous = self.pool.as_ref().map(|pool| &pool.balancer);
        Pool {
            upstream: Arc::clone(&group.plan),
            balancer: Balancer::prepare(&group.plan.balance, &members, &weights, &trials, previous),
            members,
            budget: Arc::clone(&self.budget),
            circuit_breaker: Arc::clone(&self.circuit_breaker),
            ledger: Arc::clone(&self.ledger),
            share_out: share_out(group, serving),
            emptiness,
        }
    }

    /// What clients saw fail at backends that have gone out since the last publication.
    fn book_detections(&self, group: &Group, now: Timestamp) {
        let seen = |member: &Member| member.cell().mark_out(out_for_failing(member.cause()), now);
        self.ledger.detected(group.members.iter().map(|member| u64::from(seen(member))).sum());
    }

    fn tell_emptiness(&mut self, group: &mut Group, sources_answered: bool, emptiness: Emptiness, turn: &mut Turn<'_>) {
        self.served |= emptiness == Emptiness::Serving;
        let empty = match emptiness {
            Emptiness::Serving => false,
            // Before the first round is over, a bad verdict that comes first is no outage: the next may be good.
            _ if !self.served && (!sources_answered || awaits_verdicts(group)) => false,
            // Who is awaited anew does not end an outage.
            Emptiness::AllUnchecked => self.empty,
            Emptiness::NobodyEligible { .. } | Emptiness::NoMembers => true,
        };
        if empty != self.empty {
            self.empty = empty;
            turn.report(EventKind::PoolEmpty { upstream: group.plan.name.clone(), empty });
            self.look_for_somebody(group, turn);
        }
    }

    /// While nobody serves, everybody is probed at the fast period, in turns, and whoever passes is asked again soon: the first that is well
    /// again ends the outage.
    fn look_for_somebody(&self, group: &mut Group, turn: &mut Turn<'_>) {
        let places = group.members.len();
        for (place, seat) in group.members.seats().enumerate() {
            let member = &mut group.members[seat];
            if !self.empty {
                probed::stop_awaiting(member);
            } else if probed::await_in_turn(member, (place, places), turn.now) {
                group.wake(seat, turn);
            }
        }
    }
}

/// The share of the weight that is out for failing; see [`ledger::share_out`]. Backups take what the others would have taken.
fn share_out(group: &Group, serving: &Serving) -> u32 {
    let is_out = |member: &&Member| !member.is_backup() && out_for_failing(member.cause());
    let out = group.members.iter().filter(is_out).map(|member| f64::from(member.weight())).sum();
    let serves = |member: &Member| !member.is_backup() && member.cause().eligible();
    let in_rotation = serving.iter().filter(|(seat, _)| serves(&group.members[*seat])).map(|(_, weight)| *weight);
    ledger::share_out(out, in_rotation.sum())
}

fn emptiness(group: &Group, sources_answered: bool, serving: &Serving, now: Timestamp) -> Emptiness {
    if !serving.is_empty() {
        return Emptiness::Serving;
    }
    if group.members.is_empty() {
        // A name or a file that has not answered yet is awaited like a first probe.
        return if sources_answered { Emptiness::NoMembers } else { Emptiness::AllUnchecked };
    }
    if group.members.iter().all(|member| member.cause() == Cause::Unchecked) {
        return Emptiness::AllUnchecked;
    }
    let earliest = group.members.iter().filter_map(|member| member.status().standing().earliest_return).min();
    Emptiness::NobodyEligible { earliest_return: earliest.map(|at| at.max(now)) }
}

/// Somebody has no verdict that says anything yet.
fn awaits_verdicts(group: &Group) -> bool {
    group.members.iter().any(|member| matches!(member.cause(), Cause::Unchecked | Cause::Starting))
}
