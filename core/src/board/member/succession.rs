//! What does a backend leave to the board of the next process, and what does it take over from the one before?
//!
//! Two processes have two clocks that know nothing of each other: what lies ahead is told as "for so long still", what lies behind
//! as "so long ago". The evidence of live traffic (windows, streaks, in flight) stays behind: it is about requests of the old process.
//! Each machine says beside itself what another process must know of it; written down, it is what 0.1.0 wrote.

use super::Member;
use super::drain::AskedDrain;
use super::ejections::EjectionsState;
use super::history::EventState;
use super::orders::{Orders, OrdersState};
use super::status::StatusState;
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::board::desk::turn::Turn;
use crate::board::probing::ProbesState;
use crate::board::why::standing::Occasion;
use crate::health::standing::Cause;
use crate::plan::UpstreamPlan;
use std::time::Duration;

/// What is known about one backend, for another process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct BackendState {
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub id: BackendId,
    /// It was removed so long ago; `None`: it is there.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub left: Option<Duration>,
    pub orders: OrdersState,
    /// It asked for a drain by a header so long ago.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub asked_drain: Option<Duration>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub probes: ProbesState,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub ejections: EjectionsState,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub status: StatusState,
    /// Oldest first, bounded.
    #[cfg_attr(feature = "serde", serde(default))]
    pub history: Vec<EventState>,
}

impl BackendState {
    /// The same, told `by` later.
    pub(in crate::board) fn later(self, by: Duration) -> Self {
        let event = |event: EventState| EventState { ago: event.ago + by, ..event };
        Self {
            id: self.id,
            left: self.left,
            orders: self.orders.later(by),
            asked_drain: self.asked_drain.map(|ago| ago + by),
            probes: self.probes.later(by),
            ejections: self.ejections.later(by),
            status: self.status.later(by),
            history: self.history.into_iter().map(event).collect(),
        }
    }
}

pub(in crate::board) fn export(member: &Member, now: Timestamp) -> BackendState {
    BackendState {
        id: member.id.clone(),
        left: None,
        orders: member.orders.export(now),
        asked_drain: member.asked_drain.export(now),
        probes: member.probes.export(now),
        ejections: member.ejections.export(now),
        status: member.status.export(now),
        history: member.history.export(now),
    }
}

/// The backend as another process knew it at `taken`: its verdict stands, and is probed at once.
pub(in crate::board) fn import(member: &mut Member, state: BackendState, taken: Timestamp, now: Timestamp) {
    member.orders = Orders::import(state.orders, taken);
    member.asked_drain = AskedDrain::import(state.asked_drain, taken);
    member.ejections.import(state.ejections, taken);
    member.probes.import(state.probes, taken);
    member.probes.release(now);
    member.history.import(&state.history, taken);
    member.status.import(state.status, taken);
    if member.cause() == Cause::Trial {
        member.cell.arm_trial();
    }
}

/// What only the process before could learn while this one, which `started` then, had no traffic and no operator yet.
pub(in crate::board) fn catch_up(
    member: &mut Member,
    state: &BackendState,
    started: Timestamp,
    plan: &UpstreamPlan,
    turn: &mut Turn<'_>,
) {
    member.orders = Orders::import(state.orders.clone(), turn.now);
    member.asked_drain.catch_up(state.asked_drain, started, turn.now);
    member.ejections.catch_up(&state.ejections, turn.now);
    member.history.import(&state.history, turn.now);
    member.settle(plan, Some(&Occasion::Learned), turn);
}
