//! What does a backend leave to the board of the next process, and what does it take over from the one before?

use super::Member;
use super::drain::AskedDrain;
use super::orders::Orders;
use crate::base::time::Timestamp;
use crate::board::desk::turn::Turn;
use crate::board::handover::Known;
use crate::board::why::standing::Occasion;
use crate::health::standing::Cause;
use crate::plan::UpstreamPlan;

/// What another board must know to go on from here.
pub(in crate::board) fn known(member: &Member, now: Timestamp) -> Known {
    let (check, life) = member.probes.known(now);
    Known {
        id: member.id.clone(),
        left: None,
        orders: member.orders.known(now),
        asked_drain: member.asked_drain.known(now),
        check,
        life,
        passive: member.ejections.known(now),
        ejected_for: member.ejections.why().to_owned(),
        ramp: member.status.ramp_since().map(|at| now.since(at)),
        cause: member.cause(),
        stands_for: now.since(member.status.since()),
        history: member.history.known(now),
    }
}

/// The backend as it was known when the handover was `taken`.
pub(in crate::board) fn revive(member: &mut Member, known: &Known, taken: Timestamp, now: Timestamp) {
    member.orders = Orders::taken_over(&known.orders, taken);
    member.asked_drain = AskedDrain::taken_over(known.asked_drain, taken);
    member.ejections.take_over(&known.passive, &known.ejected_for, taken);
    member.probes.take_over((known.check.as_ref(), &known.life), taken, now);
    member.history.learn(&known.history, taken);
    let (since, ramp_since) = (taken - known.stands_for, known.ramp.map(|ago| taken - ago));
    member.status.take_over(known.cause, since, ramp_since);
    if known.cause == Cause::Trial {
        member.cell.arm_trial();
    }
}

/// What only the process before could learn while this one, which `started` then, had no traffic and no operator yet.
pub(in crate::board) fn catch_up(
    member: &mut Member,
    known: &Known,
    started: Timestamp,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    member.orders = Orders::taken_over(&known.orders, turn.now);
    member.asked_drain.catch_up(known.asked_drain, started, turn.now);
    member.ejections.catch_up(&known.passive, &known.ejected_for, turn.now);
    member.history.learn(&known.history, turn.now);
    member.settle(plan, Some(&Occasion::Learned), turn);
}
