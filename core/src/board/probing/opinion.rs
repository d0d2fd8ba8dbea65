//! What do the verdicts of one kind of probe come to? They are counted: one alone seldom decides.

use crate::health::combine::Active;
use crate::health::counter::{Counter, CounterState};
use crate::health::verdict::{Severity, Verdict};
use crate::plan::{ProbeFailure, ProbePlan};

#[derive(Clone, Debug)]
pub(in crate::board) struct Opinion {
    /// `None`: unchecked.
    counter: Option<Counter>,
    severity: Severity,
    /// It passed at least once: the startup grace is over.
    passed_once: bool,
    /// Every failure since the last pass was a timeout.
    only_timeouts: bool,
    /// The verdict was handed over, and no probe has ended since.
    unconfirmed: bool,
}

/// The same for another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct OpinionState {
    pub counter: Option<CounterState>,
    pub not_ready: bool,
    pub passed_once: bool,
    pub only_timeouts: bool,
}

impl Opinion {
    pub(super) const fn none() -> Self {
        Self { counter: None, severity: Severity::Down, passed_once: false, only_timeouts: true, unconfirmed: false }
    }

    /// It is well until it is seen not to be.
    pub(super) fn good(plan: &ProbePlan) -> Self {
        Self { counter: Some(decided(true, plan)), ..Self::none() }
    }

    pub(super) fn export(&self) -> OpinionState {
        OpinionState {
            counter: self.counter.map(Counter::export),
            not_ready: self.severity == Severity::NotReady,
            passed_once: self.passed_once,
            only_timeouts: self.only_timeouts,
        }
    }

    /// As another process had it: a verdict stands until a probe has confirmed it.
    pub(super) fn import(&mut self, state: OpinionState, plan: &ProbePlan) {
        self.severity = if state.not_ready { Severity::NotReady } else { Severity::Down };
        self.passed_once = state.passed_once;
        self.only_timeouts = state.only_timeouts;
        if let Some(counter) = state.counter {
            self.counter = Some(Counter::import(counter, plan.success_threshold, plan.failure_threshold));
            self.unconfirmed = true;
        }
    }

    /// Another definition: the verdict stays, the streak is cleared.
    pub(super) fn redefine(&mut self, plan: &ProbePlan) {
        self.counter = self.counter.map(|counter| decided(counter.up(), plan));
    }

    /// What it says, where the first pass is awaited `in_grace` or is not.
    pub(super) fn active(&self, in_grace: bool) -> Active {
        match self.counter {
            None => Active::Unchecked,
            Some(counter) if counter.up() => Active::Up,
            Some(_) if !self.passed_once && in_grace => Active::Starting,
            Some(_) if self.severity == Severity::NotReady => Active::NotReady,
            Some(_) => Active::Down,
        }
    }

    pub(in crate::board) fn up(&self) -> bool {
        self.counter.is_some_and(Counter::up)
    }

    pub(in crate::board) const fn counter(&self) -> Option<Counter> {
        self.counter
    }

    /// The counter for people; (0, 0) before the first probe.
    pub(in crate::board) fn shown(&self) -> (u32, u32) {
        self.counter.map_or((0, 0), Counter::shown)
    }

    pub(super) const fn passed_once(&self) -> bool {
        self.passed_once
    }

    pub(in crate::board) const fn unconfirmed(&self) -> bool {
        self.unconfirmed
    }

    /// A change has begun and is not decided.
    pub(super) fn is_pending(&self) -> bool {
        self.counter.is_some_and(Counter::pending)
    }

    /// A probe has ended, whether its verdict is counted or held.
    pub(super) fn hear(&mut self, verdict: &Verdict) {
        self.unconfirmed = false;
        self.only_timeouts = match verdict {
            Verdict::Pass { .. } => true,
            Verdict::Fail { kind: ProbeFailure::Timeout, .. } => self.only_timeouts,
            Verdict::Fail { .. } | Verdict::Drain { .. } => false,
        };
    }

    /// Counts a verdict. The first ever decides at once, and so do the kinds that are declared immediate.
    pub(super) fn count(&mut self, verdict: &Verdict, plan: &ProbePlan) {
        match (verdict, &mut self.counter) {
            (Verdict::Pass { .. }, None) => self.counter = Some(decided(true, plan)),
            (Verdict::Pass { .. }, Some(counter)) => counter.pass(),
            (Verdict::Fail { .. }, None) => self.counter = Some(decided(false, plan)),
            (Verdict::Fail { kind, .. }, Some(counter)) if plan.is_immediate(*kind) => *counter = decided(false, plan),
            (Verdict::Fail { .. }, Some(counter)) => counter.fail(),
            // No news for who is in; but it ends the passes of who is out.
            (Verdict::Drain { .. }, Some(counter)) if !counter.up() => counter.fail(),
            (Verdict::Drain { .. }, _) => {}
        }
        match verdict {
            // While it is up, the failure that takes it down names the cause; afterwards the latest does.
            Verdict::Fail { severity, .. } => self.severity = *severity,
            Verdict::Drain { .. } => self.severity = Severity::NotReady,
            Verdict::Pass { .. } => {}
        }
        self.passed_once |= self.up();
    }

    /// Would this failure take it down, by timeouts alone?
    pub(in crate::board) fn would_fall_by_timeouts(&self, kind: ProbeFailure, plan: &ProbePlan) -> bool {
        let Some(mut counter) = self.counter.filter(|counter| counter.up()) else { return false };
        counter.fail();
        let falls = !counter.up() || plan.is_immediate(kind);
        falls && self.only_timeouts && kind == ProbeFailure::Timeout
    }

    /// Passes that are missing until it is up; `None` while it is up.
    pub(super) fn passes_left(&self, plan: &ProbePlan) -> Option<u32> {
        match self.counter {
            Some(counter) if counter.up() => None,
            Some(counter) => Some(plan.success_threshold.max(1).saturating_sub(counter.shown().0).max(1)),
            None => Some(1),
        }
    }
}

/// A counter that is fully up, or fully down.
fn decided(up: bool, plan: &ProbePlan) -> Counter {
    Counter::decided(up, plan.success_threshold, plan.failure_threshold)
}
