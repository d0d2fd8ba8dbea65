//! What do requests get to see? A new snapshot whenever something in it changed; pools that did not change stay as they are.

use super::Board;
use super::contract::Output;
use super::desk::Desk;
use super::member::Member;
use super::upstream::Upstream;
use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use crate::plan::WhenNoneEligible;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::ledger::{self, out_for_failing};
use crate::traffic::load_balancing::Balancer;
use crate::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::sync::Arc;

/// What an upstream published last.
#[derive(Debug, Default)]
pub(super) struct Published {
    pool: Option<Arc<Pool>>,
    /// Who was eligible when somebody last was.
    last_good: Vec<BackendKey>,
    pub empty: bool,
    /// Somebody was eligible once.
    served: bool,
}

impl Board {
    /// Publishes if anything changed since the last time.
    pub(super) fn publish(&mut self) {
        let Some(plan) = &self.plan else { return };
        if !self.unpublished.frame && !self.upstreams.iter().any(|upstream| upstream.dirty) {
            return;
        }
        self.unpublished.frame = false;
        self.generation += 1;
        let (desk, now) = (&mut self.desk, self.unpublished.now);
        let pools = self.upstreams.iter_mut().map(|upstream| upstream.pool(desk, now)).collect();
        self.desk.outputs.push_back(Output::Publish(Arc::new(Snapshot {
            generation: self.generation,
            plan: Arc::clone(plan),
            pools,
            first_round_done: self.first_round_done,
        })));
    }
}

impl Upstream {
    fn pool(&mut self, desk: &mut Desk, now: Timestamp) -> Arc<Pool> {
        if let Some(pool) = self.published.pool.as_ref().filter(|_| !self.dirty) {
            return Arc::clone(pool);
        }
        self.dirty = false;
        self.watch_correlated(desk, now);
        let serving = self.serving();
        let emptiness = self.emptiness(&serving, now);
        self.tell_emptiness(emptiness, desk, now);
        self.book_detections(now);
        let members: Arc<[Arc<Endpoint>]> = self.members.iter_mut().map(Member::picture).collect();
        let trials: Vec<usize> = self.positions(|member| member.standing.cause == Cause::Trial);
        let previous = self.published.pool.as_ref().map(|pool| &pool.balancer);
        let balancer = Balancer::prepare(&self.plan.balance, &members, &serving, &trials, previous);
        let pool = Arc::new(Pool {
            upstream: Arc::clone(&self.plan),
            members,
            balancer,
            budget: Arc::clone(&self.budget),
            circuit_breaker: Arc::clone(&self.circuit_breaker),
            ledger: Arc::clone(&self.ledger),
            share_out: self.share_out(&serving),
            emptiness,
        });
        self.published.pool = Some(Arc::clone(&pool));
        pool
    }

    /// What clients saw fail at backends that have gone out since the last publication.
    fn book_detections(&self, now: Timestamp) {
        let seen = |member: &Member| member.cell.mark_out(out_for_failing(member.standing.cause), now);
        self.ledger.detected(self.members.iter().map(|member| u64::from(seen(member))).sum());
    }

    /// The share of the weight that is out for failing; see [`ledger::share_out`]. Backups take what the others would have taken.
    fn share_out(&self, serving: &[(usize, f64)]) -> u32 {
        let primaries = || self.members.iter().filter(|member| !member.backup);
        let out = primaries().filter(|member| out_for_failing(member.standing.cause)).map(|member| member.weight());
        let serves = |index: usize| {
            self.members.get(index).is_some_and(|member| !member.backup && member.standing.cause.eligible())
        };
        let in_rotation = serving.iter().filter(|(index, _)| serves(*index)).map(|(_, weight)| *weight).sum();
        ledger::share_out(out.map(f64::from).sum(), in_rotation)
    }

    /// Who may be picked, with the weight in force: the first tier that has somebody, or the wider set where the plan says so.
    fn serving(&mut self) -> Vec<(usize, f64)> {
        // Who has no weight takes nothing, so it must not keep the backups out either.
        let serves = |member: &Member| member.standing.cause.eligible() && member.weight() > 0;
        let primaries = self.positions(|member| serves(member) && !member.backup);
        let backups = self.positions(|member| serves(member) && member.backup);
        let eligible = if primaries.is_empty() { backups } else { primaries };
        let held = self.positions(|member| self.correlated.holds(member) && member.weight() > 0 && !member.backup);
        let backups_serve = eligible.first().is_some_and(|index| self.members[*index].backup);
        if !held.is_empty() && !backups_serve {
            let mut all = [eligible, held].concat();
            all.sort_unstable();
            return self.weighted(&all);
        }
        let panicking = self.panics(eligible.len());
        if !eligible.is_empty() && !panicking {
            self.published.last_good =
                eligible.iter().filter_map(|index| self.members.get(*index)).map(|m| m.key).collect();
            return self.weighted(&eligible);
        }
        let wider = match self.plan.when_none_eligible {
            WhenNoneEligible::FailClosed if eligible.is_empty() => Vec::new(),
            WhenNoneEligible::LastKnownGood => {
                let good = std::mem::take(&mut self.published.last_good);
                let wider = self.positions(|member| good.contains(&member.key) && unfit_but_usable(member));
                self.published.last_good = good;
                wider
            }
            WhenNoneEligible::FailClosed | WhenNoneEligible::FailOpen => self.positions(unfit_but_usable),
        };
        let mut all: Vec<usize> = eligible.into_iter().chain(wider).collect();
        all.sort_unstable();
        self.weighted(&all)
    }

    /// Fewer are eligible than the panic threshold wants: then being picky would bury the few that are left.
    fn panics(&self, eligible: usize) -> bool {
        let pool = self.members.iter().filter(|member| member.counts()).count();
        self.plan.panic_threshold > 0.0 && pool > 0 && (eligible as f64) < self.plan.panic_threshold * pool as f64
    }

    /// Weight × share; a ramp is skipped when over half of the pool ramps, since nobody would carry the load then.
    fn weighted(&self, positions: &[usize]) -> Vec<(usize, f64)> {
        let ramps = |member: &&Member| {
            matches!(member.standing.cause, Cause::Ramping | Cause::Degraded) && member.ramp_since.is_some()
        };
        let skip_ramps = self.members.iter().filter(ramps).count() * 2 > self.members.len();
        let share = |member: &Member| match member.standing.cause {
            Cause::Ramping if skip_ramps => 1.0,
            Cause::Degraded if skip_ramps => member.degraded_share(),
            cause if cause.eligible() => member.standing.share,
            _ => 1.0,
        };
        let weight = |member: &Member| f64::from(member.weight()) * share(member);
        positions
            .iter()
            .filter_map(|index| self.members.get(*index).map(|member| (*index, weight(member))))
            .filter(|(_, weight)| *weight > 0.0)
            .collect()
    }

    fn emptiness(&self, serving: &[(usize, f64)], now: Timestamp) -> Emptiness {
        if !serving.is_empty() {
            return Emptiness::Serving;
        }
        if self.members.is_empty() {
            // A name or a file that has not answered yet is awaited like a first probe.
            return if self.sources.all_answered() { Emptiness::NoMembers } else { Emptiness::AllUnchecked };
        }
        if self.members.iter().all(|member| member.standing.cause == Cause::Unchecked) {
            return Emptiness::AllUnchecked;
        }
        let earliest = self.members.iter().filter_map(|member| member.standing.earliest_return).min();
        Emptiness::NobodyEligible { earliest_return: earliest.map(|at| at.max(now)) }
    }

    fn tell_emptiness(&mut self, emptiness: Emptiness, desk: &mut Desk, now: Timestamp) {
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
            desk.report(EventKind::PoolEmpty { upstream: self.plan.name.clone(), empty }, now);
            self.look_for_somebody(desk, now);
        }
    }

    /// While nobody serves, everybody is probed at the fast period, in turns, and whoever passes is asked again soon: the first that is well
    /// again ends the outage.
    fn look_for_somebody(&mut self, desk: &mut Desk, now: Timestamp) {
        let places = self.members.len();
        for index in 0..places {
            let Some(check) = &mut self.members[index].check else { continue };
            check.await_it(self.published.empty);
            if self.published.empty {
                check.take_turns(index, places, now);
                self.plan_member(index, desk, now);
            }
        }
    }

    fn awaits_verdicts(&self) -> bool {
        !self.sources.all_answered() || self.members.iter().any(is_awaited)
    }

    fn positions(&self, wanted: impl Fn(&Member) -> bool) -> Vec<usize> {
        self.members.iter().enumerate().filter(|(_, member)| wanted(member)).map(|(index, _)| index).collect()
    }
}

/// It has no verdict that says anything yet.
fn is_awaited(member: &Member) -> bool {
    matches!(member.standing.cause, Cause::Unchecked | Cause::Starting)
}

/// May `fail_open` and its kin choose it? Never the forced down, the drained, the unchecked or the starting, and never another service.
fn unfit_but_usable(member: &Member) -> bool {
    let causes = [Cause::NotAlive, Cause::Down, Cause::NotReady, Cause::Ejected, Cause::Trial];
    causes.contains(&member.standing.cause) && !member.stranger()
}
