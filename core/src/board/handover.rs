//! What does a board leave to the one that comes after it? What is known about every backend, in durations instead of moments.
//!
//! Two processes have two clocks that know nothing of each other: what lies ahead is told as "for so long still", what lies behind
//! as "so long ago". The evidence of live traffic (windows, streaks, in flight) stays behind: it is about requests of the old process.
//! Each machine says in its own file what another process must know of it; written down, it is what 0.1.0 wrote.

use super::check::CheckState;
use super::checks::LifeState;
use super::history::EventState;
use super::orders::OrdersState;
use super::sources::SourceState;
use crate::base::identity::BackendId;
use crate::health::outlier::OutlierState;
use crate::health::standing::Cause;
use std::time::Duration;

/// What one board tells the next.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Handover {
    pub backends: Vec<BackendState>,
    pub sources: Vec<SourceState>,
}

/// What is known about one backend.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct BackendState {
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub id: BackendId,
    /// It was removed so long ago; `None`: it is there.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub left: Option<Duration>,
    pub orders: OrdersState,
    /// It asked for a drain so long ago.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub asked_drain: Option<Duration>,
    pub check: Option<CheckState>,
    #[cfg_attr(feature = "serde", serde(default))]
    pub life: LifeState,
    pub passive: OutlierState,
    /// The evidence of its last ejection.
    pub ejected_for: String,
    /// Its ramp began so long ago.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub ramp: Option<Duration>,
    pub cause: Cause,
    /// It has had this standing for so long.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub stands_for: Duration,
    /// Oldest first, bounded.
    #[cfg_attr(feature = "serde", serde(default))]
    pub history: Vec<EventState>,
}

impl BackendState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        let event = |event: EventState| EventState { ago: event.ago + by, ..event };
        Self {
            orders: self.orders.later(by),
            asked_drain: self.asked_drain.map(|ago| ago + by),
            check: self.check.map(|check| check.later(by)),
            life: self.life.later(by),
            passive: self.passive.later(by),
            ramp: self.ramp.map(|ago| ago + by),
            stands_for: self.stands_for + by,
            history: self.history.into_iter().map(event).collect(),
            ..self
        }
    }
}
