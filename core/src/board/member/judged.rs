//! What follows for a backend from what its traffic shows?

use super::Member;
use super::alarm::{Change, Witnesses};
use crate::board::desk::turn::Turn;
use crate::board::why::standing::Occasion;
use crate::health::event::{EjectedBy, EventKind};
use crate::health::outlier::EjectionState;
use crate::plan::{Detector, PassivePlan, ProbeKind, UpstreamPlan};
use std::time::Duration;

/// How many are fit, how many count, how many must stay fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::board) struct Fitness {
    pub fit: u32,
    pub pool: u32,
    pub floor: u32,
}

/// A failure was seen: the probe looks at the backend soon.
pub(in crate::board) fn suspect(member: &mut Member, turn: &Turn<'_>) {
    if let Some(check) = member.probes.check_mut(ProbeKind::Readiness) {
        check.timetable.pull(turn.now);
    }
}

/// Whose period was stretched, and whom nobody asks any more. True when its next probe comes sooner.
pub(in crate::board) fn probe_the_unproven(member: &mut Member, turn: &Turn<'_>) -> bool {
    let check = member.probes.check_mut(ProbeKind::Readiness);
    check.is_some_and(|check| check.unproven(&member.cell, turn.now))
}

/// Live traffic speaks against it: out it goes. `limit`: what a trial request must keep within.
pub(in crate::board) fn convict(
    member: &mut Member,
    (detector, why): (Detector, &str),
    limit: Option<Duration>,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    member.ejections.limit_trial(limit);
    member.cell.limit_trial(limit);
    eject(member, EjectedBy::Detector(detector), why, plan, turn);
}

fn eject(member: &mut Member, cause: EjectedBy, why: &str, plan: &UpstreamPlan, turn: &mut Turn<'_>) {
    let readiness_lies = member.probes.readiness().is_none_or(|check| check.log.last_passed());
    let ejection = member.ejections.eject(why, readiness_lies, &plan.passive, turn.now, &mut member.rng);
    member.cell.clear_evidence();
    let event = EventKind::Ejected {
        backend: member.id.clone(),
        cause,
        nth: ejection.nth,
        duration: ejection.length(),
        why: why.to_owned(),
    };
    member.report(event, turn);
    member.settle(plan, None, turn);
}

/// A detector that does not enforce: said once per ejection time, and remembered.
pub(in crate::board) fn would_eject(
    member: &mut Member,
    detector: Detector,
    why: String,
    plan: &PassivePlan,
    turn: &mut Turn<'_>,
) {
    if member.ejections.shadows.may_say(detector, plan.base_ejection, turn.now) {
        member.ejections.shadows.said(detector, &why, turn.now);
        member.report(EventKind::WouldEject { backend: member.id.clone(), detector, why }, turn);
    }
}

/// The cap holds it. Said once per ejection time, not with every failure.
pub(in crate::board) fn refuse_ejection(
    member: &mut Member,
    why: String,
    fitness: Fitness,
    plan: &PassivePlan,
    turn: &mut Turn<'_>,
) {
    if member.ejections.may_say_refusal(plan.base_ejection, turn.now) {
        let Fitness { fit, pool, floor } = fitness;
        member.report(EventKind::EjectionRefused { backend: member.id.clone(), fit, pool, floor, why }, turn);
    }
}

/// The one request that decides has ended.
pub(in crate::board) fn trial_ended(member: &mut Member, passed: bool, plan: &UpstreamPlan, turn: &mut Turn<'_>) {
    if !matches!(member.ejections.state(), EjectionState::Trial { .. }) {
        return;
    }
    if passed {
        member.ejections.trial_passed(turn.now);
        member.cell.clear_evidence();
        member.settle(plan, Some(&Occasion::TrialPassed), turn);
    } else {
        let why = member.ejections.trial_failed();
        eject(member, EjectedBy::Trial, &why, plan, turn);
    }
}

/// Looks whether both kinds of evidence contradict each other.
pub(in crate::board) fn look_for_disagreement(member: &mut Member, plan: &PassivePlan, turn: &mut Turn<'_>) {
    let readiness = member.probes.readiness();
    let witnesses = Witnesses {
        last: readiness.and_then(|check| check.log.last()),
        up: readiness.is_some_and(|check| check.opinion.up()),
        cell: &member.cell,
        out_for_failing: member.ejections.for_failing(),
        plan,
        now: turn.now,
    };
    let (what, over, why) = match member.alarm.weigh(&witnesses) {
        None => return,
        Some(Change::Begins(contradiction)) => (contradiction.kind(), false, contradiction.to_string()),
        Some(Change::Ends(what, agreement)) => (what, true, agreement.to_string()),
    };
    member.report(EventKind::Disagreement { backend: member.id.clone(), what, over, why }, turn);
}
