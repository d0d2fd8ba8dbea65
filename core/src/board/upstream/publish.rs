//! What do requests get to see of this upstream? A new picture whenever something in it changed, and what is said of an outage.

use super::Upstream;
use super::correlated_failures::{Change, Stand};
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
pub(super) struct Published {
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

impl Published {
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
}

impl Upstream {
    /// Its picture; the last one unless it is `stale`.
    pub(in crate::board) fn publish(&mut self, stale: bool, turn: &mut Turn<'_>) -> Arc<Pool> {
        if let Some(pool) = self.published.pool.as_ref().filter(|_| !stale) {
            return Arc::clone(pool);
        }
        self.watch_correlated_failures(turn);
        let serving = serving(&self.plan, &self.members, &self.correlated, &mut self.published.last_good);
        let emptiness = self.emptiness(&serving, turn.now);
        self.tell_emptiness(emptiness, turn);
        self.book_detections(turn.now);
        let pool = Arc::new(self.portray(&serving, emptiness));
        self.published.pool = Some(Arc::clone(&pool));
        pool
    }

    fn portray(&mut self, serving: &Serving, emptiness: Emptiness) -> Pool {
        let members: Arc<[Arc<Endpoint>]> = self.members.iter_mut().map(Member::picture).collect();
        let trials = self.members.those(|member| member.cause() == Cause::Trial);
        let trials: Vec<usize> = trials.into_iter().map(|seat| seat.index()).collect();
        let weights: Vec<(usize, f64)> = serving.iter().map(|(seat, weight)| (seat.index(), *weight)).collect();
        let previous = self.published.pool.as_ref().map(|pool| &pool.balancer);
        Pool {
            upstream: Arc::clone(&self.plan),
            balancer: Balancer::prepare(&self.plan.balance, &members, &weights, &trials, previous),
            members,
            budget: Arc::clone(&self.published.budget),
            circuit_breaker: Arc::clone(&self.published.circuit_breaker),
            ledger: Arc::clone(&self.published.ledger),
            share_out: self.share_out(serving),
            emptiness,
        }
    }

    fn watch_correlated_failures(&mut self, turn: &mut Turn<'_>) {
        let time = self.plan.hold_correlated_failures;
        let pool: Vec<Stand> = match time.is_zero() {
            true => Vec::new(),
            false => self.members.iter().map(Stand::of).collect(),
        };
        let (held, why) = match self.correlated.look(&pool, time, turn.now) {
            None => return,
            Some(Change::Begins(hold)) => (true, hold.to_string()),
            Some(Change::Ends(over)) => (false, over.to_string()),
        };
        turn.report(EventKind::PoolHeld { upstream: self.plan.name.clone(), held, why });
        if let Some(until) = self.correlated.until() {
            self.watch.look_by(until);
            turn.look_at(self.watch.look_at());
        }
    }

    /// What clients saw fail at backends that have gone out since the last publication.
    fn book_detections(&self, now: Timestamp) {
        let seen = |member: &Member| member.cell().mark_out(out_for_failing(member.cause()), now);
        self.published.ledger.detected(self.members.iter().map(|member| u64::from(seen(member))).sum());
    }

    /// The share of the weight that is out for failing; see [`ledger::share_out`]. Backups take what the others would have taken.
    fn share_out(&self, serving: &Serving) -> u32 {
        let is_out = |member: &&Member| !member.is_backup() && out_for_failing(member.cause());
        let out = self.members.iter().filter(is_out).map(|member| f64::from(member.weight())).sum();
        let serves = |member: &Member| !member.is_backup() && member.cause().eligible();
        let in_rotation = serving.iter().filter(|(seat, _)| serves(&self.members[*seat])).map(|(_, weight)| *weight);
        ledger::share_out(out, in_rotation.sum())
    }

    fn emptiness(&self, serving: &Serving, now: Timestamp) -> Emptiness {
        if !serving.is_empty() {
            return Emptiness::Serving;
        }
        if self.members.is_empty() {
            // A name or a file that has not answered yet is awaited like a first probe.
            return if self.sources.all_answered() { Emptiness::NoMembers } else { Emptiness::AllUnchecked };
        }
        if self.members.iter().all(|member| member.cause() == Cause::Unchecked) {
            return Emptiness::AllUnchecked;
        }
        let earliest = self.members.iter().filter_map(|member| member.status().standing().earliest_return).min();
        Emptiness::NobodyEligible { earliest_return: earliest.map(|at| at.max(now)) }
    }

    fn tell_emptiness(&mut self, emptiness: Emptiness, turn: &mut Turn<'_>) {
        self.published.served |= emptiness == Emptiness::Serving;
        let empty = match emptiness {
            Emptiness::Serving => false,
            // Before the first round is over, a bad verdict that comes first is no outage: the next may be good.
            _ if !self.published.served && self.awaits_verdicts() => false,
            // Who is awaited anew does not end an outage.
            Emptiness::AllUnchecked => self.published.empty,
            Emptiness::NobodyEligible { .. } | Emptiness::NoMembers => true,
        };
        if empty != self.published.empty {
            self.published.empty = empty;
            turn.report(EventKind::PoolEmpty { upstream: self.plan.name.clone(), empty });
            self.look_for_somebody(turn);
        }
    }

    /// While nobody serves, everybody is probed at the fast period, in turns, and whoever passes is asked again soon: the first that is well
    /// again ends the outage.
    fn look_for_somebody(&mut self, turn: &mut Turn<'_>) {
        let places = self.members.len();
        for (place, seat) in self.members.seats().enumerate() {
            let member = &mut self.members[seat];
            if !self.published.empty {
                probed::stop_awaiting(member);
            } else if probed::await_in_turn(member, (place, places), turn.now) {
                self.wake(seat, turn);
            }
        }
    }

    fn awaits_verdicts(&self) -> bool {
        let awaited = |member: &Member| matches!(member.cause(), Cause::Unchecked | Cause::Starting);
        !self.sources.all_answered() || self.members.iter().any(awaited)
    }
}
