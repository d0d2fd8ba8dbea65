//! How do one upstream's backends stand together? Probes, ejections with their cap, and the standing of each.
//!
//! Everything that needs the neighbours is here: peers that do better, the least number that must stay fit, who ramps. What a
//! single backend knows is in `member`, how the pool is published in `publish`.

use super::RETIRED_FOR;
use super::agenda::Place;
use super::contract::{BackendReport, Found, Output, ProbeJob, ProbeTicket, Refused, Steering, UpstreamReport};
use super::desk::Desk;
use super::handover::BackendState;
use super::lifecycle::Seen;
use super::member::Member;
use super::passive::LOOK_AGAIN;
use super::publish::Published;
use super::sources::Sources;
use super::why::Occasion;
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::board::correlated_failures::CorrelatedFailures;
use crate::board::detectors::Survey;
use crate::health::event::EventKind;
use crate::health::order::Steer;
use crate::health::reading::{Reading, ReadingResult, Verdict};
use crate::health::standing::Cause;
use crate::plan::{ProbeKind, UpstreamPlan};
use crate::traffic::circuit_breaker::CircuitBreaker;
use crate::traffic::ledger::Ledger;
use crate::traffic::retry_budget::RetryBudget;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Upstream {
    pub plan: Arc<UpstreamPlan>,
    /// Its place in the plan.
    pub position: usize,
    pub sources: Sources,
    /// In the order of their addresses.
    pub members: Vec<Member>,
    pub budget: Arc<RetryBudget>,
    pub circuit_breaker: Arc<CircuitBreaker>,
    pub ledger: Arc<Ledger>,
    pub published: Published,
    /// Something that a snapshot shows has changed.
    pub dirty: bool,
    /// When the evidence of live traffic is looked at next without a hint.
    pub look_at: Option<Timestamp>,
    /// Members before this one have a verdict: how far the first round has come.
    judged: usize,
    /// The failed shares of its backends as read at a moment; see `passive`.
    pub shares: Option<(Timestamp, Vec<f64>)>,
    pub survey: Survey,
    pub correlated: CorrelatedFailures,
}

/// The backends that left lately, by identity, and when.
pub(super) type Retired = BTreeMap<BackendId, (Timestamp, Former)>;

/// A backend that is remembered.
#[derive(Debug)]
pub(super) enum Former {
    Member(Box<Member>),
    /// It was handed over at this moment, and is no member (yet).
    Known(Box<BackendState>, Timestamp),
}

impl Upstream {
    pub(super) fn new(plan: Arc<UpstreamPlan>) -> Self {
        Self {
            position: 0,
            sources: Sources::default(),
            members: Vec::new(),
            budget: Arc::new(RetryBudget::new(plan.budget)),
            circuit_breaker: Arc::default(),
            ledger: Arc::default(),
            published: Published::default(),
            dirty: true,
            look_at: None,
            judged: 0,
            shares: None,
            survey: Survey::default(),
            correlated: CorrelatedFailures::default(),
            plan,
        }
    }

    /// A new definition: unchanged identities keep everything that is known about them.
    pub(super) fn redefine(&mut self, plan: Arc<UpstreamPlan>, desk: &mut Desk, now: Timestamp) {
        if self.plan.budget != plan.budget {
            self.budget = Arc::new(RetryBudget::new(plan.budget));
        }
        for member in &mut self.members {
            member.redefine(&plan, desk, now);
        }
        self.dirty = true;
        self.plan = plan;
    }

    /// Brings the members in line with what the sources found. True when somebody joined or left.
    pub(super) fn regroup(&mut self, retired: &mut Retired, desk: &mut Desk, now: Timestamp) -> (usize, usize) {
        self.judged = 0;
        self.shares = None;
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
            let before = (member.weight(), member.backup);
            (member.configured_weight, member.backup) = (one.weight, one.backup);
            self.dirty |= before != (member.weight(), member.backup);
            self.members.push(member);
        }
        let left = old.len();
        for (id, mut member) in old {
            desk.report(EventKind::MemberLeft { backend: id.clone() }, now);
            member.retire(desk);
            retired.insert(id, (now, Former::Member(Box::new(member))));
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
        let mut member = match remembered {
            None => return Member::new(id, found, &self.plan, now),
            Some((_, Former::Known(state, taken))) => {
                let mut member = Member::new(id, found, &self.plan, now);
                member.import(*state, taken);
                for kind in ProbeKind::ALL {
                    if let Some(check) = member.check_mut(kind) {
                        check.release(now);
                    }
                }
                return member;
            }
            Some((_, Former::Member(member))) => *member,
        };
        member.redefine(&self.plan, desk, now);
        for kind in ProbeKind::ALL {
            if let Some(check) = member.check_mut(kind) {
                check.pull(now);
            }
        }
        member
    }

    /// It was removed from the plan: everybody leaves.
    pub(super) fn dissolve(self, retired: &mut Retired, desk: &mut Desk, now: Timestamp) {
        for mut member in self.members {
            desk.report(EventKind::MemberLeft { backend: member.id.clone() }, now);
            member.retire(desk);
            retired.insert(member.id.clone(), (now, Former::Member(Box::new(member))));
        }
    }

    // ------------------------------------------------------------- probes

    /// A probe whose answer got lost counts as a timeout; one that is due asks for its place.
    fn run_probe(&mut self, (index, kind): (usize, ProbeKind), ramps: bool, desk: &mut Desk, now: Timestamp) {
        let Some(check) = self.members[index].check_of(kind) else { return };
        if check.lost(now)
            && let Some(ticket) = check.in_flight()
        {
            desk.cancel(ticket);
            let reading = Reading::new(ReadingResult::TimedOut { connected: false }, check.plan.timeout);
            self.probe_done((index, kind), ticket, &reading, ramps, desk, now);
        }
        let member = &mut self.members[index];
        if member.life.runs(kind) && member.check_mut(kind).is_some_and(|check| check.queues(now)) {
            desk.queue.push(&self.plan.name, (member.key, kind));
        }
    }

    /// Its place among the probes in flight is there.
    pub(super) fn start_probe(&mut self, index: usize, kind: ProbeKind, desk: &mut Desk, now: Timestamp) {
        let upstream = &self.plan;
        let member = &mut self.members[index];
        let (key, backend, cell) = (member.key, member.id.clone(), Arc::clone(&member.cell));
        let Some(check) = member.check_mut(kind).filter(|check| check.queued) else { return };
        let probe = Arc::clone(&check.plan);
        let late = check.late(now);
        let job = |ticket| ProbeJob { ticket, kind, backend, upstream: Arc::clone(upstream), probe, late };
        let ticket = desk.probe((key, kind), job);
        check.await_it(kind == ProbeKind::Readiness && self.published.empty);
        let proven = kind == ProbeKind::Readiness && upstream.passive.enabled && check.proven_by(&cell);
        check.started(ticket, now, &mut desk.rng);
        check.stretch(proven, now, &mut desk.rng);
        self.plan_member(index, desk, now);
    }

    /// A probe's answer. Unknown tickets (late, cancelled) change nothing.
    pub(super) fn probe_done(
        &mut self,
        (index, kind): (usize, ProbeKind),
        ticket: ProbeTicket,
        reading: &Reading,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        desk.agenda.touch(self.position, index);
        let was_stranger = self.members[index].stranger();
        let finished = self.members[index].check_mut(kind).and_then(|check| check.finish(ticket, reading));
        let Some(finished) = finished else { return };
        let (upstream, result) = (Arc::clone(&self.plan.name), finished.verdict.word());
        desk.outputs.push_back(Output::Probed { upstream, kind, result, took: reading.took });
        // Who may be chosen while nobody is eligible has changed with it.
        self.dirty |= was_stranger != self.members[index].stranger();
        let verdict = &finished.verdict;
        let seen = self.look_who_answers((index, kind), (reading, verdict), ramps, desk, now);
        if seen == Seen::MustStart {
            return;
        }
        match kind {
            ProbeKind::Startup => return self.startup_done(index, verdict, ramps, desk, now),
            ProbeKind::Liveness => return self.liveness_done(index, verdict, ramps, desk, now),
            ProbeKind::Readiness => {}
        }
        self.members[index].tell_leaks(reading, desk, now);
        if self.timeouts_are_held(index, &finished.verdict, desk, now) {
            return;
        }
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let Some(check) = member.check.as_mut() else { return };
        check.count(&finished.verdict, now);
        let mut occasion = (seen == Seen::Restarted).then_some(Occasion::Restarted);
        if matches!(finished.verdict, Verdict::Pass { .. }) {
            occasion =
                member.outlier.probe_passed(finished.started, now).then_some(Occasion::EjectionOver).or(occasion);
            member.asked_drain = member.asked_drain.filter(|asked| finished.started <= *asked + check.plan.period);
        }
        self.hint(index, &finished.verdict, desk, now);
        let before = self.members[index].standing.cause;
        self.dirty |= self.members[index].settle(&plan, ramps, occasion.as_ref(), desk, now);
        self.forget_former_failures(index, before);
    }

    /// Probes have brought it back: what failed before it went out must not eject it now.
    fn forget_former_failures(&mut self, index: usize, before: Cause) {
        let member = &self.members[index];
        if matches!(before, Cause::Down | Cause::NotReady) && member.standing.cause.eligible() {
            member.cell.clear_evidence();
            self.shares = None;
        }
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
            Verdict::Pass { warning, .. } => warning.clone(),
            Verdict::Drain { .. } => None,
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

    // ------------------------------------------------------------- orders

    pub(super) fn drain_asked(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        desk.agenda.touch(self.position, index);
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        member.asked_drain = Some(now);
        self.dirty |= member.settle(&plan, ramps, None, desk, now);
    }

    /// # Errors
    /// It cannot be done; nothing has changed.
    pub(super) fn steer(
        &mut self,
        index: usize,
        steering: &Steering,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let weight = member.weight();
        member.orders.take(steering, now)?;
        desk.agenda.touch(self.position, index);
        let event = EventKind::Steered {
            backend: member.id.clone(),
            what: steering.what,
            by: Arc::clone(&steering.by),
            lasts: steering.lasts,
            reason: steering.reason.clone(),
        };
        member.report(event, desk, now);
        // The order itself is told by the standing; that one was taken back is not.
        let released = matches!(steering.what, Steer::Undrain | Steer::Release);
        let occasion = released.then(|| Occasion::Released { by: Arc::clone(&steering.by) });
        self.dirty |= member.settle(&plan, ramps, occasion.as_ref(), desk, now) || member.weight() != weight;
        Ok(())
    }

    /// The process before knew more of a member than it did when this one `started`.
    pub(super) fn catch_up(
        &mut self,
        index: usize,
        (state, started): (&BackendState, Timestamp),
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        desk.agenda.touch(self.position, index);
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let weight = member.weight();
        member.catch_up(state, started, now);
        self.dirty |= member.settle(&plan, ramps, Some(&Occasion::Learned), desk, now) || member.weight() != weight;
    }

    // --------------------------------------------------------------- time

    /// Whatever time alone has changed for this member.
    pub(super) fn advance(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let probed = member.check.is_some();
        let over = member.outlier.deadline().is_some_and(|at| at <= now);
        if over && let (Some(check), Some(at)) = (&mut member.check, member.outlier.deadline()) {
            check.pull_past(at, now);
        }
        if let Some(at) = member.drain_probe_from().filter(|at| *at <= now)
            && let Some(check) = &mut member.check
        {
            check.pull_past(at, now);
        }
        let weight = member.weight();
        let taken_back = member.orders_over(desk, now);
        self.dirty |= member.weight() != weight;
        let ejection_over = member.outlier.advance(probed, now);
        if ejection_over {
            member.cell.clear_evidence();
        }
        let drain_over = !ejection_over && member.end_drain(&plan, now);
        let occasion = match (taken_back, ejection_over, drain_over) {
            (true, ..) => Some(Occasion::OrderOver),
            (_, true, _) => Some(Occasion::EjectionOver),
            (.., true) => Some(Occasion::DrainOver),
            _ => None,
        };
        self.dirty |= member.settle(&plan, ramps, occasion.as_ref(), desk, now);
        for kind in ProbeKind::ALL {
            self.run_probe((index, kind), ramps, desk, now);
        }
        self.plan_member(index, desk, now);
    }

    pub(super) fn plan_member(&self, index: usize, desk: &mut Desk, now: Timestamp) {
        let place = Place { upstream: self.position, member: Some(index) };
        desk.agenda.set(place, self.members[index].deadline(&self.plan, now));
    }

    pub(super) fn plan_look(&self, desk: &mut Desk) {
        desk.agenda.set(Place { upstream: self.position, member: None }, self.look_at);
    }

    /// Starts looking at cells: after members appeared.
    pub(super) fn begin_looking(&mut self, now: Timestamp) {
        if self.look_at.is_none() && self.plan.passive.enabled && !self.members.is_empty() {
            self.look_at = Some(now + LOOK_AGAIN);
        }
    }

    /// Every member has a verdict, and every source an answer. Who has a verdict keeps it, so each is looked at once.
    pub(super) fn first_round_done(&mut self) -> bool {
        let unchecked = |member: &Member| member.standing.cause == Cause::Unchecked || member.unconfirmed();
        self.judged += self.members.iter().skip(self.judged).take_while(|member| !unchecked(member)).count();
        self.sources.all_answered() && self.judged == self.members.len()
    }

    pub(super) fn report_of(&self, index: usize, now: Timestamp) -> BackendReport {
        self.members[index].show(&self.plan, now)
    }

    pub(super) fn report(&self, now: Timestamp) -> UpstreamReport {
        UpstreamReport {
            name: self.plan.name.clone(),
            backends: self.members.iter().map(|member| member.show(&self.plan, now)).collect(),
        }
    }
}
