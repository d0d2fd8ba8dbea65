//! What follows for a backend when one of its probes starts or has ended, and when another instance is seen to answer?

use super::Member;
use crate::base::time::Timestamp;
use crate::board::contract::probe::{ProbeJob, ProbeTicket};
use crate::board::desk::turn::Turn;
use crate::board::probing::check::Finished;
use crate::board::why::standing::Occasion;
use crate::health::event::EventKind;
use crate::health::reading::Reading;
use crate::health::standing::Cause;
use crate::health::startup::Decided;
use crate::health::verdict::Verdict;
use crate::plan::{ProbeFailure, ProbeKind, UpstreamPlan};
use std::sync::Arc;

/// What an answer says of who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::board) enum Seen {
    /// Nothing new.
    Nothing,
    /// Another instance.
    Restarted,
    /// Another instance, which has to start first: this probe says nothing about its readiness.
    MustStart,
}

/// A probe that is due asks for its place among those in flight.
pub(in crate::board) fn queue(member: &mut Member, kind: ProbeKind, turn: &mut Turn<'_>) {
    let now = turn.now;
    let runs = member.probes.runs(kind);
    if runs && member.probes.check_mut(kind).is_some_and(|check| check.queues(now)) {
        turn.queue(&member.id.upstream, (member.key, kind));
    }
}

/// Its place among the probes in flight is there. `awaited`: nobody of its pool serves.
pub(in crate::board) fn start(
    member: &mut Member,
    kind: ProbeKind,
    upstream: &Arc<UpstreamPlan>,
    awaited: bool,
    turn: &mut Turn<'_>,
) {
    let (backend, mut rng) = (member.id.clone(), member.rng.fork());
    let Some(check) = member.probes.check_mut(kind) else { return };
    let Some(late) = check.waits(turn.now) else { return };
    let (probe, upstream) = (Arc::clone(&check.plan), Arc::clone(upstream));
    let is_readiness = kind == ProbeKind::Readiness;
    let evidence = (is_readiness && upstream.passive.enabled).then_some(&*member.cell);
    let ticket = turn.probe((member.key, kind), |ticket| ProbeJob { ticket, kind, backend, upstream, probe, late });
    check.timetable.await_it(is_readiness && awaited);
    check.start(ticket, evidence, turn.now, &mut rng);
}

/// The probe in flight ended. `None` when `ticket` is not the one that is awaited.
pub(in crate::board) fn finish(
    member: &mut Member,
    kind: ProbeKind,
    ticket: ProbeTicket,
    reading: &Reading,
) -> Option<Finished> {
    member.probes.check_mut(kind)?.finish(ticket, reading)
}

/// Did another instance answer than before? Then it is a new backend.
pub(in crate::board) fn look_who_answers(
    member: &mut Member,
    kind: ProbeKind,
    (reading, verdict): (&Reading, &Verdict),
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) -> Seen {
    let is_stranger = matches!(verdict, Verdict::Fail { kind: ProbeFailure::Identity, .. });
    let instance = reading.sighting().and_then(|seen| seen.instance.as_deref()).filter(|_| !is_stranger);
    let Some(instance) = instance else { return Seen::Nothing };
    let Some(before) = member.probes.life_mut().see(kind, instance) else { return Seen::Nothing };
    member.begin_anew(kind, plan.on_down, turn);
    let event = EventKind::Restarted { backend: member.id.clone(), from: before, to: instance.to_owned() };
    member.report(event, turn);
    if turn.ramps && member.cause().eligible() {
        member.status.begin_ramp(turn.now);
    }
    if kind == ProbeKind::Startup || !member.probes.life().is_starting() {
        return Seen::Restarted;
    }
    member.settle(plan, Some(&Occasion::Restarted), turn);
    Seen::MustStart
}

/// A startup probe ended. Until it has passed, all that it says is kept quiet.
pub(in crate::board) fn startup_ended(
    member: &mut Member,
    verdict: &Verdict,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    let passed = !matches!(verdict, Verdict::Fail { .. });
    if member.probes.count_startup(passed, turn.now) == Some(Decided::Failed) {
        needs_restart(member, ProbeKind::Startup, turn);
    }
    member.settle(plan, None, turn);
}

/// A liveness probe ended.
pub(in crate::board) fn liveness_ended(
    member: &mut Member,
    verdict: &Verdict,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    let Some((lived, lives)) = member.probes.life_mut().count_liveness(verdict, turn.now) else { return };
    if lived && !lives {
        needs_restart(member, ProbeKind::Liveness, turn);
    }
    let occasion = (lives && !lived).then_some(Occasion::LivesAgain);
    member.settle(plan, occasion.as_ref(), turn);
}

/// Said once per episode, whatever else holds the backend out: somebody must restart it.
fn needs_restart(member: &mut Member, kind: ProbeKind, turn: &mut Turn<'_>) {
    let event = EventKind::NeedsRestart {
        backend: member.id.clone(),
        kind,
        why: member.probes.life().failed_for_good(kind).to_string(),
        webhook: member.probes.check(kind).and_then(|check| check.plan.on_failure.clone()),
    };
    member.report(event, turn);
}

/// Says to whoever owns it which kinds of secrets its documents tell, once each.
pub(in crate::board) fn tell_leaks(member: &mut Member, reading: &Reading, turn: &mut Turn<'_>) {
    let check = member.probes.check_mut(ProbeKind::Readiness);
    for leak in check.map(|check| check.said.new_leaks(reading)).unwrap_or_default() {
        let event = EventKind::DocumentLeaks { backend: member.id.clone(), what: leak.to_string() };
        member.report(event, turn);
    }
}

/// Would this verdict take it down by timeouts alone, while its traffic succeeds? A busy worker is not a dead one.
pub(in crate::board) fn is_only_slow(member: &Member, verdict: &Verdict) -> bool {
    let (Verdict::Fail { kind, .. }, Some(check)) = (verdict, member.probes.readiness()) else { return false };
    check.opinion.would_fall_by_timeouts(*kind, &check.plan)
        && check.log.previous_start().is_some_and(|at| member.cell.succeeded_after(at))
}

/// The verdict is held, not counted, and that is told once.
pub(in crate::board) fn hold_timeouts(member: &mut Member, verdict: &Verdict, turn: &mut Turn<'_>) {
    let Verdict::Fail { why, .. } = verdict else { return };
    if member.probes.hold_timeouts(true) {
        let why = format!("{why}; but its traffic succeeds, and no more backends may be lost to slow probes alone");
        member.report(EventKind::TimeoutsHeld { backend: member.id.clone(), why }, turn);
    }
}

/// A readiness probe ended, and its verdict counts. True when probes have brought it back by that.
pub(in crate::board) fn readiness_ended(
    member: &mut Member,
    finished: &Finished,
    seen: Seen,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) -> bool {
    let Finished { verdict, started } = finished;
    let Some(check) = member.probes.check_mut(ProbeKind::Readiness) else { return false };
    check.count(verdict, turn.now);
    let period = check.plan.period;
    if !matches!(verdict, Verdict::Fail { .. }) {
        member.probes.hold_timeouts(false);
    }
    let mut occasion = (seen == Seen::Restarted).then_some(Occasion::Restarted);
    if matches!(verdict, Verdict::Pass { .. }) {
        let returns = member.ejections.probe_passed(*started, turn.now);
        occasion = returns.then_some(Occasion::EjectionOver).or(occasion);
        member.asked_drain.probe_passed(*started, period);
    }
    if let Some(odd) = member.probes.new_oddity(verdict) {
        member.report(EventKind::ProbeHint { backend: member.id.clone(), hint: odd.to_string() }, turn);
    }
    let before = member.cause();
    member.settle(plan, occasion.as_ref(), turn);
    let returns = matches!(before, Cause::Down | Cause::NotReady) && member.cause().eligible();
    if returns {
        // What failed before it went out must not eject it now.
        member.cell.clear_evidence();
    }
    returns
}

/// Every probe of one that has come back is asked as soon as may be.
pub(in crate::board) fn pull_all(member: &mut Member, now: Timestamp) {
    for kind in ProbeKind::ALL {
        if let Some(check) = member.probes.check_mut(kind) {
            check.timetable.pull(now);
        }
    }
}

/// Somebody of its pool serves again.
pub(in crate::board) fn stop_awaiting(member: &mut Member) {
    if let Some(check) = member.probes.check_mut(ProbeKind::Readiness) {
        check.timetable.await_it(false);
    }
}

/// Nobody of its pool serves: it is probed at the fast period, in its turn, and confirmed soon. False where it is not probed.
pub(in crate::board) fn await_in_turn(member: &mut Member, (place, places): (usize, usize), now: Timestamp) -> bool {
    let Some(check) = member.probes.check_mut(ProbeKind::Readiness) else { return false };
    check.timetable.await_it(true);
    check.timetable.take_turns(place, places, now);
    true
}
