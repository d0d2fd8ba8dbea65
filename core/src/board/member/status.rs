//! How does a backend stand, since when, and on which connections? The standing itself is `combine`'s; here is what lasts beyond it.

use crate::base::time::Timestamp;
use crate::health::slow_start;
use crate::health::standing::{Cause, Standing};
use crate::plan::{OnDown, SlowStartPlan};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(in crate::board) struct Status {
    standing: Standing,
    since: Timestamp,
    ramp_since: Option<Timestamp>,
    /// Idle connections of an earlier epoch are not used again.
    epoch: u32,
}

/// The same for another process, which has connections of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct StatusState {
    pub cause: Cause,
    /// It has had this standing for so long.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub stands_for: Duration,
    /// Its ramp began so long ago.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub ramp: Option<Duration>,
}

impl StatusState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self { cause: self.cause, stands_for: self.stands_for + by, ramp: self.ramp.map(|ago| ago + by) }
    }
}

impl Status {
    /// Of a backend that nobody knows yet.
    pub(super) const fn new(cause: Cause, unprobed: bool, now: Timestamp) -> Self {
        let share = if cause.eligible() { 1.0 } else { 0.0 };
        let standing = Standing { cause, share, earliest_return: None, unprobed };
        Self { standing, since: now, ramp_since: None, epoch: 0 }
    }

    pub(in crate::board) const fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(in crate::board) const fn since(&self) -> Timestamp {
        self.since
    }

    pub(in crate::board) const fn ramp_since(&self) -> Option<Timestamp> {
        self.ramp_since
    }

    pub(super) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The ramp's share; 1.0 when it does not ramp.
    pub(super) fn ramp(&self, plan: &SlowStartPlan, now: Timestamp) -> f64 {
        self.ramp_since.map_or(1.0, |since| slow_start::share(plan, since, now))
    }

    /// When the ramp's share grows next.
    pub(super) fn next_step(&self, plan: &SlowStartPlan, now: Timestamp) -> Option<Timestamp> {
        slow_start::next_step(plan, self.ramp_since?, now)
    }

    /// Begins the ramp of a recovery or a late arrival.
    pub(super) fn begin_ramp(&mut self, now: Timestamp) {
        self.ramp_since = Some(now);
    }

    /// It stands like this from now on. A ramp that `ended` is over for good, whatever slow start another plan or process has. Returns the
    /// cause before, where it is another.
    pub(super) fn change(&mut self, to: Standing, ended: bool, now: Timestamp) -> Option<Cause> {
        let before = std::mem::replace(&mut self.standing, to).cause;
        if ended {
            self.ramp_since = None;
        }
        if before == to.cause {
            return None;
        }
        self.since = now;
        Some(before)
    }

    /// Idle connections are not used again, where the plan says so. True when that is new.
    pub(super) fn retire_idle(&mut self, on_down: OnDown) -> bool {
        let retires = on_down != OnDown::Keep;
        self.epoch += u32::from(retires);
        retires
    }

    pub(super) fn export(&self, now: Timestamp) -> StatusState {
        StatusState {
            cause: self.standing.cause,
            stands_for: now.since(self.since),
            ramp: self.ramp_since.map(|at| now.since(at)),
        }
    }

    /// As another process knew it. Whatever has changed since is a transition like any other, and told as one.
    pub(super) fn import(&mut self, state: StatusState, now: Timestamp) {
        (self.standing.cause, self.since) = (state.cause, now - state.stands_for);
        self.ramp_since = state.ramp.map(|ago| now - ago);
    }
}
