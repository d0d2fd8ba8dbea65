//! What has live traffic come to, at one backend? Whether it is ejected, why, and what is said of it besides.

use super::shadows::Shadows;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::combine::Passive;
use crate::health::outlier::{Ejection, EjectionState, Outlier, OutlierState};
use crate::plan::PassivePlan;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(in crate::board) struct Ejections {
    outlier: Outlier,
    /// The evidence of the last one, for people.
    why: String,
    /// What a trial request must keep within, where it was ejected for being slow.
    trial_limit: Option<Duration>,
    /// No refusal is reported again before this.
    refusal_quiet_until: Timestamp,
    /// What detectors that do not enforce have found.
    pub shadows: Shadows,
}

/// The same for another process. What would have been done, and how often refusals are said, stay behind.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct EjectionsState {
    pub passive: OutlierState,
    /// The evidence of the last one.
    pub ejected_for: String,
}

impl EjectionsState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self { passive: self.passive.later(by), ..self }
    }
}

impl Ejections {
    pub(in crate::board) fn state(&self) -> EjectionState {
        self.outlier.state
    }

    pub(in crate::board) fn passive(&self) -> Passive {
        match self.outlier.state {
            EjectionState::Clear => Passive::Clear,
            EjectionState::Ejected(_) => Passive::Ejected,
            EjectionState::Trial { .. } => Passive::Trial,
        }
    }

    pub(in crate::board) fn current(&self) -> Option<Ejection> {
        self.outlier.ejection()
    }

    pub(in crate::board) fn why(&self) -> &str {
        &self.why
    }

    /// Live traffic failed and took it out: why. Who is only slow does not fail.
    pub(super) fn for_failing(&self) -> Option<&str> {
        (self.passive() != Passive::Clear && self.trial_limit.is_none()).then_some(&*self.why)
    }

    /// What its next trial request must keep within.
    pub(in crate::board) const fn trial_limit(&self) -> Option<Duration> {
        self.trial_limit
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.outlier.deadline()
    }

    /// Its time is over, and it goes on until something else has happened.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.current().is_some_and(|ejection| ejection.until <= now)
    }

    pub(super) fn limit_trial(&mut self, limit: Option<Duration>) {
        self.trial_limit = limit;
    }

    /// Out it goes.
    pub(super) fn eject(
        &mut self,
        why: &str,
        readiness_lies: bool,
        plan: &PassivePlan,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Ejection {
        why.clone_into(&mut self.why);
        self.outlier.eject(readiness_lies, plan, now, rng)
    }

    /// What time alone changes. True when something changed.
    pub(super) fn advance(&mut self, probed: bool, now: Timestamp) -> bool {
        self.outlier.advance(probed, now)
    }

    /// A probe that started at `started` passed. True when that ends the removal.
    pub(super) fn probe_passed(&mut self, started: Timestamp, now: Timestamp) -> bool {
        self.outlier.probe_passed(started, now)
    }

    pub(super) fn trial_passed(&mut self, now: Timestamp) -> bool {
        self.outlier.trial_passed(now)
    }

    /// Why it is ejected again.
    pub(super) fn trial_failed(&self) -> String {
        match self.trial_limit {
            None => "its trial request failed".to_owned(),
            Some(limit) => format!("its trial request failed, or took longer than {}ms", limit.as_millis()),
        }
    }

    /// Another instance answers: it has failed nobody.
    pub(super) fn forget(&mut self) {
        self.outlier = Outlier::default();
    }

    /// May a refusal be said? Once per `quiet`, not with every failure.
    pub(super) fn may_say_refusal(&mut self, quiet: Duration, now: Timestamp) -> bool {
        let may = now >= self.refusal_quiet_until;
        if may {
            self.refusal_quiet_until = now + quiet;
        }
        may
    }

    pub(super) fn export(&self, now: Timestamp) -> EjectionsState {
        EjectionsState { passive: self.outlier.export(now), ejected_for: self.why.clone() }
    }

    pub(super) fn import(&mut self, state: EjectionsState, now: Timestamp) {
        (self.outlier, self.why) = (Outlier::import(state.passive, now), state.ejected_for);
    }

    /// What traffic of the old process has changed since.
    pub(super) fn catch_up(&mut self, state: &EjectionsState, now: Timestamp) {
        if state.passive.is_news_to(&self.outlier) {
            self.import(state.clone(), now);
        }
    }
}
