//! How do one upstream's backends stand together? Probes, ejections with their cap, and the standing of each.
//!
//! Everything that needs the neighbours is here: peers that do better, the least number that must stay fit, who ramps. What a
//! single backend knows is in `member`, how the pool is published in `publish`.

use super::RETIRED_FOR;
use super::check::Check;
use super::contract::{Found, Order, ProbeJob, ProbeTicket, UpstreamReport};
use super::desk::Desk;
use super::member::Member;
use super::publish::Published;
use super::sources::Sources;
use crate::domain::budget::Budget;
use crate::domain::cell::{self, Evidence};
use crate::domain::event::EventKind;
use crate::domain::identity::{BackendId, BackendKey};
use crate::domain::outlier::State;
use crate::domain::plan::{PassivePlan, UpstreamPlan};
use crate::domain::reading::{Reading, ReadingResult, Verdict};
use crate::domain::standing::Cause;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// While failures are in a window, the board looks at least this often: a lost hint costs no more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Upstream {
    pub plan: Arc<UpstreamPlan>,
    pub sources: Sources,
    /// In the order of their addresses.
    pub members: Vec<Member>,
    pub budget: Arc<Budget>,
    pub published: Published,
    /// Something that a snapshot shows has changed.
    pub dirty: bool,
    /// When the evidence of live traffic is looked at next without a hint.
    look_at: Option<Timestamp>,
    /// When this upstream needs the board next, as computed after the last call.
    pub next_deadline: Option<Timestamp>,
}

/// The backends that left lately, by identity.
pub(super) type Retired = BTreeMap<BackendId, (Timestamp, Member)>;

impl Upstream {
    pub(super) fn new(plan: Arc<UpstreamPlan>) -> Self {
        Self {
            sources: Sources::default(),
            members: Vec::new(),
            budget: Arc::new(Budget::new(plan.budget)),
            published: Published::default(),
            dirty: true,
            look_at: None,
            next_deadline: None,
            plan,
        }
    }

    /// A new definition: unchanged identities keep everything that is known about them.
    pub(super) fn redefine(&mut self, plan: Arc<UpstreamPlan>, desk: &mut Desk, now: Timestamp) {
        if self.plan.budget != plan.budget {
            self.budget = Arc::new(Budget::new(plan.budget));
        }
        for member in &mut self.members {
            member.redefine(&plan, desk, now);
        }
        self.dirty = true;
        self.plan = plan;
    }

    /// Brings the members in line with what the sources found. True when somebody joined or left.
    pub(super) fn regroup(&mut self, retired: &mut Retired, desk: &mut Desk, now: Timestamp) -> (usize, usize) {
        let found = self.sources.union();
        let mut old: BTreeMap<BackendId, Member> =
            std::mem::take(&mut self.members).into_iter().map(|member| (member.id.clone(), member)).collect();
        let mut joined = 0;
        for one in &found {
            let id = BackendId { upstream: self.plan.name.clone(), address: one.address.clone() };
            let mut member = match old.remove(&id) {
                Some(member) => member,
                None => {
                    joined += 1;
                    desk.report(EventKind::MemberJoined { backend: id.clone() }, now);
                    self.returning_or_new(id, one, retired, desk, now)
                }
            };
            self.dirty |= (member.weight, member.backup) != (one.weight, one.backup);
            (member.weight, member.backup) = (one.weight, one.backup);
            self.members.push(member);
        }
        let left = old.len();
        for (id, mut member) in old {
            desk.report(EventKind::MemberLeft { backend: id.clone() }, now);
            member.retire(desk);
            retired.insert(id, (now, member));
        }
        self.dirty |= joined + left > 0;
        (joined, left)
    }

    fn returning_or_new(
        &self,
        id: BackendId,
        found: &Found,
        retired: &mut Retired,
        desk: &mut Desk,
        now: Timestamp,
    ) -> Member {
        let remembered = retired.remove(&id).filter(|(left, _)| now.since(*left) < RETIRED_FOR);
        let Some((_, mut member)) = remembered else {
            return Member::new(id, found, &self.plan, now);
        };
        member.redefine(&self.plan, desk, now);
        if let Some(check) = &mut member.check {
            check.pull(now);
        }
        member
    }

    /// It was removed from the plan: everybody leaves.
    pub(super) fn dissolve(self, retired: &mut Retired, desk: &mut Desk, now: Timestamp) {
        for mut member in self.members {
            desk.report(EventKind::MemberLeft { backend: member.id.clone() }, now);
            member.retire(desk);
            retired.insert(member.id.clone(), (now, member));
        }
    }

    pub(super) fn member(&mut self, key: BackendKey) -> Option<usize> {
        self.members.iter().position(|member| member.key == key)
    }

    // ------------------------------------------------------------- probes

    /// Starts the probes that are due, and counts as timeouts those whose answer got lost.
    pub(super) fn run_probes(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        for index in 0..self.members.len() {
            let Some(check) = self.members[index].check.as_ref() else { continue };
            if check.lost(now)
                && let Some(ticket) = check.in_flight()
            {
                desk.cancel(ticket);
                let reading =
                    Reading { result: ReadingResult::TimedOut { connected: false }, took: check.plan.timeout };
                self.probe_done(index, ticket, &reading, ramps, desk, now);
            }
            self.start_probe(index, desk, now);
        }
    }

    fn start_probe(&mut self, index: usize, desk: &mut Desk, now: Timestamp) {
        let upstream = &self.plan;
        let member = &mut self.members[index];
        let Some(check) = member.check.as_mut().filter(|check| check.due(now)) else { return };
        let backend = member.id.clone();
        let probe = Arc::clone(&check.plan);
        let ticket = desk.probe(|ticket| ProbeJob { ticket, backend, upstream: Arc::clone(upstream), probe });
        check.started(ticket, now, &mut desk.rng);
    }

    /// A probe's answer. Unknown tickets (late, cancelled) change nothing.
    pub(super) fn probe_done(
        &mut self,
        index: usize,
        ticket: ProbeTicket,
        reading: &Reading,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        let finished = self.members[index].check.as_mut().and_then(|check| check.finish(ticket, reading));
        let Some(finished) = finished else { return };
        if self.timeouts_are_held(index, &finished.verdict, desk, now) {
            return;
        }
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let Some(check) = member.check.as_mut() else { return };
        check.count(&finished.verdict, now);
        let why = check.explain(&finished.verdict);
        if matches!(finished.verdict, Verdict::Pass { .. }) {
            member.outlier.probe_passed(finished.started, now);
            member.asked_drain = member.asked_drain.filter(|asked| finished.started <= *asked + check.plan.period);
        }
        self.hint(index, &finished.verdict, desk, now);
        self.dirty |= self.members[index].settle(&plan, ramps, &why, desk, now);
    }

    /// Where traffic succeeds, probe timeouts alone take out no more than ejections may: a busy worker is not a dead one.
    fn timeouts_are_held(&mut self, index: usize, verdict: &Verdict, desk: &mut Desk, now: Timestamp) -> bool {
        let Verdict::Fail { kind, why, .. } = verdict else {
            self.members[index].timeouts_held = false;
            return false;
        };
        let member = &self.members[index];
        let serves = member.check.as_ref().is_some_and(|check| {
            check.would_fall_by_timeouts(*kind)
                && check.previous_start().is_some_and(|at| member.cell.succeeded_after(at))
        });
        if !serves || self.may_lose_one(index) {
            return false;
        }
        let why = format!("{why}; but its traffic succeeds, and no more backends may be lost to slow probes alone");
        let member = &mut self.members[index];
        if !std::mem::replace(&mut member.timeouts_held, true) {
            let event = EventKind::TimeoutsHeld { backend: member.id.clone(), why };
            member.report(event, desk, now);
        }
        true
    }

    /// Says a probe's warning or hint, once per text.
    fn hint(&mut self, index: usize, verdict: &Verdict, desk: &mut Desk, now: Timestamp) {
        let member = &mut self.members[index];
        let text = match verdict {
            Verdict::Pass { warning } => warning.clone(),
            Verdict::Fail { why, hint, .. } => hint.as_ref().map(|hint| format!("{why}: {hint}")),
        };
        if member.hinted != text {
            member.hinted.clone_from(&text);
            if let Some(hint) = text {
                let event = EventKind::ProbeHint { backend: member.id.clone(), hint };
                member.report(event, desk, now);
            }
        }
    }

    // ------------------------------------------------------ live traffic

    /// A failure was seen: look at the evidence, and have the probe look at the backend.
    pub(super) fn suspect(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        if let Some(check) = &mut self.members[index].check {
            check.pull(now);
        }
        self.judge_traffic(index, ramps, desk, now);
        self.look_at = Some(self.look_at.unwrap_or(now + LOOK_AGAIN));
    }

    /// Looks at every backend's evidence: what a lost hint would have told.
    pub(super) fn look_around(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        self.look_at = None;
        for index in 0..self.members.len() {
            let evidence = self.evidence(index, now);
            if evidence.window.failures > 0 {
                self.judge_traffic(index, ramps, desk, now);
            }
        }
        // Cells are written without a word to the board, so it keeps looking as long as there is anybody to look at.
        if self.plan.passive.enabled && !self.members.is_empty() {
            self.look_at = Some(now + LOOK_AGAIN);
        }
    }

    fn evidence(&self, index: usize, now: Timestamp) -> Evidence {
        self.members[index].cell.evidence(now, &self.plan.passive)
    }

    fn judge_traffic(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let evidence = self.evidence(index, now);
        // Only a fit backend can lose by it: one that is out by its probes learns nothing new from traffic.
        if !self.members[index].fit()
            || !cell::suffices(&evidence, &self.plan.passive)
            || !self.stands_out(index, &evidence, now)
        {
            return;
        }
        let why = explain_evidence(&evidence, &self.plan.passive);
        if self.may_lose_one(index) {
            self.eject(index, &why, ramps, desk, now);
        } else {
            self.refuse_ejection(index, why, desk, now);
        }
    }

    /// Failures other than statuses speak for themselves. Statuses alone count only against a backend that does worse than the
    /// median of its peers, and only from two clients where there are two: a poison request must not take out half a pool.
    fn stands_out(&self, index: usize, evidence: &Evidence, now: Timestamp) -> bool {
        let streak = cell::streak_suffices(evidence, &self.plan.passive);
        let hard_share = f64::from(evidence.hard_failures) / f64::from(evidence.window.total().max(1));
        let window_is_hard = hard_share >= self.plan.passive.failure_ratio && self.plan.passive.failure_ratio > 0.0;
        if (streak && evidence.streak_is_hard) || (!streak && window_is_hard) {
            return true;
        }
        let clients = !evidence.two_clients_seen || evidence.two_clients_failed;
        clients && evidence.window.failed_share() > self.median_of_peers(index, now)
    }

    /// The median failed share of the others that had traffic; −1 (everybody is worse) where there are none.
    fn median_of_peers(&self, index: usize, now: Timestamp) -> f64 {
        let mut shares: Vec<f64> = (0..self.members.len())
            .filter(|peer| *peer != index)
            .map(|peer| self.evidence(peer, now).window)
            .filter(|window| window.total() > 0)
            .map(|window| window.failed_share())
            .collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied().unwrap_or(-1.0)
    }

    /// Would enough stay fit without this one?
    fn may_lose_one(&self, index: usize) -> bool {
        let (fit, _, floor) = self.fitness();
        !self.members[index].fit() || fit > floor
    }

    /// How many are fit, how many count, how many must stay fit.
    fn fitness(&self) -> (u32, u32, u32) {
        let fit = self.members.iter().filter(|member| member.fit()).count() as u32;
        let pool = self.members.iter().filter(|member| member.counts()).count() as u32;
        (fit, pool, floor(pool, self.plan.passive.minimum_fit))
    }

    fn eject(&mut self, index: usize, why: &str, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let readiness_lies = member.check.as_ref().is_none_or(Check::last_passed);
        let ejection = member.outlier.eject(readiness_lies, &plan.passive, now, &mut desk.rng);
        member.cell.clear_evidence();
        let event = EventKind::Ejected {
            backend: member.id.clone(),
            nth: ejection.nth,
            duration: ejection.length(),
            why: why.to_owned(),
        };
        member.report(event, desk, now);
        self.dirty |= member.settle(&plan, ramps, why, desk, now);
    }

    /// Said once per ejection time, not with every failure.
    fn refuse_ejection(&mut self, index: usize, why: String, desk: &mut Desk, now: Timestamp) {
        let (fit, pool, floor) = self.fitness();
        let quiet = self.plan.passive.base_ejection;
        let member = &mut self.members[index];
        if now >= member.refusal_quiet_until {
            member.refusal_quiet_until = now + quiet;
            let event = EventKind::EjectionRefused { backend: member.id.clone(), fit, pool, floor, why };
            member.report(event, desk, now);
        }
    }

    /// The one request that decides has ended.
    pub(super) fn trial_ended(&mut self, index: usize, passed: bool, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        if !matches!(member.outlier.state, State::Trial { .. }) {
            return;
        }
        if passed {
            member.outlier.trial_passed(now);
            member.cell.clear_evidence();
            self.dirty |= member.settle(&plan, ramps, "its trial request succeeded", desk, now);
        } else {
            self.eject(index, "its trial request failed", ramps, desk, now);
        }
    }

    pub(super) fn drain_asked(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        member.asked_drain = Some(now);
        self.dirty |= member.settle(&plan, ramps, "it asked for a drain by its response header", desk, now);
    }

    pub(super) fn operate(
        &mut self,
        index: usize,
        order: Order,
        by: &str,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        member.order = (order != Order::Release).then_some(order);
        let what = match order {
            Order::Drain => "drained",
            Order::ForceUp => "forced up",
            Order::ForceDown => "forced down",
            Order::Release => "released",
        };
        self.dirty |= member.settle(&plan, ramps, &format!("{what} by {by}"), desk, now);
    }

    // --------------------------------------------------------------- time

    /// Whatever time alone has changed.
    pub(super) fn advance(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        if self.look_at.is_some_and(|at| at <= now) {
            self.look_around(ramps, desk, now);
        }
        let plan = Arc::clone(&self.plan);
        for member in &mut self.members {
            let probed = member.check.is_some();
            let over = member.outlier.deadline().is_some_and(|at| at <= now);
            if over && let (Some(check), Some(at)) = (&mut member.check, member.outlier.deadline()) {
                check.pull_past(at, now);
            }
            let why = if member.outlier.advance(probed, now) {
                member.cell.clear_evidence();
                "its ejection time is over"
            } else if member.end_drain(&plan, now) {
                "it has not asked for a drain again"
            } else {
                "time passed"
            };
            self.dirty |= member.settle(&plan, ramps, why, desk, now);
        }
        self.run_probes(ramps, desk, now);
    }

    pub(super) fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let members = self.members.iter().filter_map(|member| member.deadline(&self.plan, now)).min();
        members.into_iter().chain(self.look_at).min()
    }

    /// Starts looking at cells: after members appeared.
    pub(super) fn begin_looking(&mut self, now: Timestamp) {
        if self.look_at.is_none() && self.plan.passive.enabled && !self.members.is_empty() {
            self.look_at = Some(now + LOOK_AGAIN);
        }
    }

    /// Every member has a verdict, and every source an answer.
    pub(super) fn first_round_done(&self) -> bool {
        self.sources.all_answered() && self.members.iter().all(|member| member.standing.cause != Cause::Unchecked)
    }

    pub(super) fn report(&self, now: Timestamp) -> UpstreamReport {
        UpstreamReport {
            name: self.plan.name.clone(),
            backends: self.members.iter().map(|member| member.show(&self.plan, now)).collect(),
        }
    }
}

/// ⌈pool × share⌉, without floating-point dust (0.5 × 4 must be 2, not 3).
pub(super) fn floor(pool: u32, share: f64) -> u32 {
    (f64::from(pool) * share - 1e-9).ceil().max(0.0) as u32
}

fn explain_evidence(evidence: &Evidence, plan: &PassivePlan) -> String {
    if cell::streak_suffices(evidence, plan) {
        format!("{} failures in a row (limit {})", evidence.streak, plan.consecutive_failures)
    } else {
        format!(
            "{} of {} outcomes failed within {:?} (limit {:.0} %)",
            evidence.window.failures,
            evidence.window.total(),
            plan.window,
            plan.failure_ratio * 100.0
        )
    }
}
