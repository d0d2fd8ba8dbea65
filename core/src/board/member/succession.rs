//! What does a backend leave to the board of the next process, and what does it take over from the one before?

use super::Member;
use super::drain::AskedDrain;
use super::orders::Orders;
use super::state::BackendState;
use crate::base::time::Timestamp;
use crate::board::desk::turn::Turn;
use crate::board::why::standing::Occasion;
use crate::health::standing::Cause;
use crate::plan::{ProbeKind, UpstreamPlan};

pub(in crate::board) fn export(member: &Member, now: Timestamp) -> BackendState {
    let (check, life) = member.probes.export(now);
    BackendState {
        id: member.id.clone(),
        left: None,
        orders: member.orders.export(now),
        asked_drain: member.asked_drain.export(now),
        check,
        life,
        passive: member.ejections.export(now),
        ejected_for: member.ejections.why().to_owned(),
        ramp: member.status.ramp_since().map(|at| now.since(at)),
        cause: member.cause(),
        stands_for: now.since(member.status.since()),
        history: member.history.export(now),
    }
}

/// The backend as another process knew it at `taken`; it is `now`.
pub(in crate::board) fn import(member: &mut Member, state: BackendState, taken: Timestamp, now: Timestamp) {
    member.orders = Orders::import(state.orders, taken);
    member.asked_drain = AskedDrain::import(state.asked_drain, taken);
    member.ejections.import(state.passive, &state.ejected_for, taken);
    member.probes.import(state.check, state.life, taken);
    for kind in ProbeKind::ALL {
        if let Some(check) = member.probes.check_mut(kind) {
            check.timetable.release(now);
        }
    }
    member.history.import(&state.history, taken);
    let (since, ramp_since) = (taken - state.stands_for, state.ramp.map(|ago| taken - ago));
    member.status.import(state.cause, since, ramp_since);
    if state.cause == Cause::Trial {
        member.cell.arm_trial();
    }
}

/// What only the process before could learn since this one `started`, which had no traffic and no operator yet.
pub(in crate::board) fn catch_up(
    member: &mut Member,
    state: &BackendState,
    started: Timestamp,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    member.orders = Orders::import(state.orders.clone(), turn.now);
    member.asked_drain.catch_up(state.asked_drain, started, turn.now);
    member.ejections.catch_up(state.passive, &state.ejected_for, turn.now);
    member.history.import(&state.history, turn.now);
    member.settle(plan, Some(&Occasion::Learned), turn);
}
