//! When does passive evidence remove a backend, for how long, and how does it come back?
//!
//! Clear → ejected → (a probe that passes, or one trial request) → clear. The time grows with every ejection in a row and
//! shrinks by one step per minute of good behaviour. A passing probe never shortens an ejection: it only decides what happens when
//! the time is over.

use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::probe_schedule::jittered;
use crate::plan::PassivePlan;
use std::time::Duration;

/// One step of the ejection level is forgiven per this much time without an ejection.
const FORGIVE_AFTER: Duration = Duration::from_secs(60);

/// The passive side of one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outlier {
    pub state: EjectionState,
    /// Ejections in a row, forgiven over time.
    level: u32,
    /// Since when the level stands (the last return).
    level_since: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum EjectionState {
    #[default]
    Clear,
    Ejected(Ejection),
    /// One request decides; without one until `patience`, a probe (or, unprobed, time) does.
    Trial {
        ejection: Ejection,
        patience: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ejection {
    pub since: Timestamp,
    pub until: Timestamp,
    pub nth: u32,
    /// Probes passed while traffic failed: readiness lies, so only a request can tell.
    pub readiness_lies: bool,
}

impl Ejection {
    pub fn length(&self) -> Duration {
        self.until.since(self.since)
    }
}

/// The passive side of one backend for another process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct OutlierState {
    pub out: Option<RemainingEjection>,
    /// On trial, with so much patience left.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub trial: Option<Duration>,
    pub level: u32,
    /// The level has stood for so long.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub level_for: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct RemainingEjection {
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub remaining: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub length: Duration,
    pub nth: u32,
    pub readiness_lies: bool,
}

impl OutlierState {
    /// The same, told `by` later.
    pub(crate) fn later(mut self, by: Duration) -> Self {
        self.level_for += by;
        if let Some(out) = &mut self.out {
            out.remaining = out.remaining.saturating_sub(by);
        }
        self.trial = self.trial.map(|patience| patience.saturating_sub(by));
        self
    }

    /// Has traffic of the other process changed something since this one took over? That time is over is seen on both sides.
    pub(crate) fn is_news_to(&self, own: &Outlier) -> bool {
        match (self.out, own.ejection()) {
            (Some(theirs), Some(own)) => theirs.nth != own.nth,
            (Some(theirs), None) => !theirs.remaining.is_zero(),
            (None, own) => own.is_some(),
        }
    }
}

impl Outlier {
    pub fn export(&self, now: Timestamp) -> OutlierState {
        let trial = match self.state {
            EjectionState::Trial { patience, .. } => Some(patience.since(now)),
            EjectionState::Clear | EjectionState::Ejected(_) => None,
        };
        let out = self.ejection().map(|ejection| RemainingEjection {
            remaining: ejection.until.since(now),
            length: ejection.length(),
            nth: ejection.nth,
            readiness_lies: ejection.readiness_lies,
        });
        OutlierState { out, trial, level: self.level, level_for: now.since(self.level_since) }
    }

    pub fn import(state: OutlierState, now: Timestamp) -> Self {
        let ejection = state.out.map(|out| {
            let until = now + out.remaining;
            Ejection { since: until - out.length, until, nth: out.nth, readiness_lies: out.readiness_lies }
        });
        let stands = match (ejection, state.trial) {
            (None, _) => EjectionState::Clear,
            (Some(ejection), None) => EjectionState::Ejected(ejection),
            (Some(ejection), Some(patience)) => EjectionState::Trial { ejection, patience: now + patience },
        };
        Self { state: stands, level: state.level, level_since: now - state.level_for }
    }

    /// Ejects at `now`: base × n, at most the maximum, jittered.
    pub fn eject(&mut self, readiness_lies: bool, plan: &PassivePlan, now: Timestamp, rng: &mut Rng) -> Ejection {
        if self.state == EjectionState::Clear {
            // Time spent outside is no good behaviour: a failed trial is simply the next in the row.
            self.forgive(now);
        }
        self.level = self.level.saturating_add(1);
        let length = plan.base_ejection.saturating_mul(self.level).min(plan.max_ejection);
        let until = now + jittered(length, plan.ejection_jitter, rng);
        let ejection = Ejection { since: now, until, nth: self.level, readiness_lies };
        self.state = EjectionState::Ejected(ejection);
        ejection
    }

    /// What time alone changes. True when something changed.
    pub fn advance(&mut self, probed: bool, now: Timestamp) -> bool {
        match self.state {
            EjectionState::Ejected(ejection) if now >= ejection.until && (ejection.readiness_lies || !probed) => {
                self.state = EjectionState::Trial { ejection, patience: ejection.until + ejection.length() };
                true
            }
            EjectionState::Trial { patience, .. } if now >= patience && !probed => {
                self.clear(now);
                true
            }
            _ => false,
        }
    }

    /// A probe that started at `started` passed. True when that ends the removal.
    pub fn probe_passed(&mut self, started: Timestamp, now: Timestamp) -> bool {
        let returns = match self.state {
            EjectionState::Clear => false,
            EjectionState::Ejected(ejection) => !ejection.readiness_lies && started >= ejection.until,
            EjectionState::Trial { patience, .. } => started >= patience,
        };
        if returns {
            self.clear(now);
        }
        returns
    }

    /// The trial request passed.
    pub fn trial_passed(&mut self, now: Timestamp) -> bool {
        let on_trial = matches!(self.state, EjectionState::Trial { .. });
        if on_trial {
            self.clear(now);
        }
        on_trial
    }

    /// When [`Self::advance`], or a probe pulled to that moment, may change something.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            EjectionState::Clear => None,
            EjectionState::Ejected(ejection) => Some(ejection.until),
            EjectionState::Trial { patience, .. } => Some(patience),
        }
    }

    pub fn ejection(&self) -> Option<Ejection> {
        match self.state {
            EjectionState::Clear => None,
            EjectionState::Ejected(ejection) | EjectionState::Trial { ejection, .. } => Some(ejection),
        }
    }

    fn clear(&mut self, now: Timestamp) {
        self.state = EjectionState::Clear;
        self.level_since = now;
    }

    fn forgive(&mut self, now: Timestamp) {
        let steps = now.since(self.level_since).as_nanos() / FORGIVE_AFTER.as_nanos();
        self.level = self.level.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        self.level_since = now;
    }
}

#[cfg(test)]
mod tests;
