//! What follows for a backend from what it or an operator asks for, and from time alone?

use super::Member;
use crate::board::contract::steering::{Refused, Steering};
use crate::board::desk::turn::Turn;
use crate::board::why::standing::Occasion;
use crate::health::event::EventKind;
use crate::health::order::Steer;
use crate::plan::{ProbeKind, UpstreamPlan};
use std::sync::Arc;

/// An answer of its own asks for a drain.
pub(in crate::board) fn drain_asked(member: &mut Member, plan: &UpstreamPlan, turn: &mut Turn<'_>) {
    member.asked_drain.ask(turn.now);
    member.settle(plan, None, turn);
}

/// # Errors
/// It cannot be done; nothing has changed.
pub(in crate::board) fn steer(
    member: &mut Member,
    steering: &Steering,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) -> Result<(), Refused> {
    member.orders.take(steering, turn.now)?;
    let event = EventKind::Steered {
        backend: member.id.clone(),
        what: steering.what,
        by: Arc::clone(&steering.by),
        lasts: steering.lasts,
        reason: steering.reason.clone(),
    };
    member.report(event, turn);
    // The order itself is told by the standing; that one was taken back is not.
    let released = matches!(steering.what, Steer::Undrain | Steer::Release);
    let occasion = released.then(|| Occasion::Released { by: Arc::clone(&steering.by) });
    member.settle(plan, occasion.as_ref(), turn);
    Ok(())
}

/// Whatever time alone has changed.
pub(in crate::board) fn advance(member: &mut Member, plan: &UpstreamPlan, turn: &mut Turn<'_>) {
    probe_where_time_is_over(member, turn);
    let orders_over = take_back_orders(member, turn);
    let ejection_over = member.ejections.advance(member.probes.readiness().is_some(), turn.now);
    if ejection_over {
        member.cell.clear_evidence();
    }
    let probe = member.probes.readiness().map(|check| &*check.plan);
    let drain_over = !ejection_over && member.asked_drain.end(probe, plan.passive.base_ejection, turn.now);
    let occasion = match (orders_over, ejection_over, drain_over) {
        (true, ..) => Some(Occasion::OrderOver),
        (_, true, _) => Some(Occasion::EjectionOver),
        (.., true) => Some(Occasion::DrainOver),
        _ => None,
    };
    member.settle(plan, occasion.as_ref(), turn);
}

/// A probe is to end what waits for one from now on: an ejection, a drain.
fn probe_where_time_is_over(member: &mut Member, turn: &Turn<'_>) {
    let (ejection, drain) = (member.ejections.deadline(), member.asked_drain.probe_from(member.readiness_plan()));
    let Some(check) = member.probes.check_mut(ProbeKind::Readiness) else { return };
    for over in [ejection, drain].into_iter().flatten().filter(|at| *at <= turn.now) {
        check.timetable.pull_past(over, turn.now);
    }
}

/// Takes orders back whose time is over. True when there were any.
fn take_back_orders(member: &mut Member, turn: &mut Turn<'_>) -> bool {
    let over = member.orders.expire(turn.now);
    let any = !over.is_empty();
    for (what, by) in over {
        member.report(EventKind::OrderOver { backend: member.id.clone(), what, by }, turn);
    }
    any
}
