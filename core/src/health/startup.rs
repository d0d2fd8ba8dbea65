//! Has a backend started? The startup probe's machine, in the sense of Kubernetes.
//!
//! From joining (or from a restart that was seen) until the probe has passed `success_threshold` times in a row, the backend starts: it is
//! nobody's fault that it does not answer yet. After `failure_threshold` failures in a row it did not start. The probing goes on: a pass
//! later still starts it.

use crate::base::time::Timestamp;
use crate::plan::ProbePlan;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Startup {
    pub phase: Phase,
    began: Timestamp,
    passes: u32,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No startup probe has ended.
    Unasked,
    Starting,
    /// It did not start within this time.
    Failed {
        within: Duration,
    },
    Started,
}

/// A startup for another process. Where it is neither `started` nor `unasked` nor `failed_within` a time, it is starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct StartupState {
    pub started: bool,
    pub unasked: bool,
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub failed_within: Option<Duration>,
    /// It began so long ago.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub ago: Duration,
    /// In a row.
    pub passes: u32,
    /// In a row.
    pub failures: u32,
}

impl StartupState {
    /// The same, told `by` later.
    pub(crate) fn later(self, by: Duration) -> Self {
        Self { ago: self.ago + by, ..self }
    }
}

/// What a probe decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    Started,
    Failed,
}

impl Startup {
    pub fn new(now: Timestamp) -> Self {
        Self { phase: Phase::Unasked, began: now, passes: 0, failures: 0 }
    }

    /// Of a backend that serves already.
    pub fn done(now: Timestamp) -> Self {
        Self { phase: Phase::Started, ..Self::new(now) }
    }

    /// A restart was seen.
    pub fn again(now: Timestamp) -> Self {
        Self { phase: Phase::Starting, ..Self::new(now) }
    }

    pub fn is_done(&self) -> bool {
        self.phase == Phase::Started
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Passes that are still missing.
    pub fn passes_left(&self, plan: &ProbePlan) -> u32 {
        plan.success_threshold.max(1).saturating_sub(self.passes)
    }

    /// Counts one probe.
    pub fn count(&mut self, passed: bool, plan: &ProbePlan, now: Timestamp) -> Option<Decided> {
        (self.passes, self.failures) =
            if passed { (self.passes.saturating_add(1), 0) } else { (0, self.failures.saturating_add(1)) };
        if self.phase == Phase::Unasked {
            self.phase = Phase::Starting;
        }
        if self.passes_left(plan) == 0 {
            self.phase = Phase::Started;
            return Some(Decided::Started);
        }
        if self.phase == Phase::Starting && self.failures >= plan.failure_threshold.max(1) {
            self.phase = Phase::Failed { within: now.since(self.began) };
            return Some(Decided::Failed);
        }
        None
    }

    pub fn export(&self, now: Timestamp) -> StartupState {
        let failed_within = match self.phase {
            Phase::Failed { within } => Some(within),
            Phase::Unasked | Phase::Starting | Phase::Started => None,
        };
        StartupState {
            started: self.phase == Phase::Started,
            unasked: self.phase == Phase::Unasked,
            failed_within,
            ago: now.since(self.began),
            passes: self.passes,
            failures: self.failures,
        }
    }

    pub fn import(state: StartupState, now: Timestamp) -> Self {
        let phase = match state.failed_within {
            _ if state.started => Phase::Started,
            _ if state.unasked => Phase::Unasked,
            Some(within) => Phase::Failed { within },
            None => Phase::Starting,
        };
        Self { phase, began: now - state.ago, passes: state.passes, failures: state.failures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(success_threshold: u32, results: &str) -> (Phase, Vec<Option<Decided>>) {
        let plan = ProbePlan { success_threshold, failure_threshold: 3, ..ProbePlan::default() };
        let mut startup = Startup::new(Timestamp::ZERO);
        let mut decided = Vec::new();
        for (second, result) in (1..).zip(results.chars()) {
            decided.push(startup.count(result == '+', &plan, Timestamp::from_secs(second)));
        }
        (startup.phase, decided)
    }

    #[test]
    fn the_table() {
        use Decided::{Failed, Started};
        let within = |seconds| Phase::Failed { within: Duration::from_secs(seconds) };
        for (passes, results, phase, last) in [
            (1, "", Phase::Unasked, None),
            (1, "-", Phase::Starting, None),
            (1, "--", Phase::Starting, None),
            (1, "---", within(3), Some(Failed)),
            (1, "----", within(3), None),
            (1, "---+", Phase::Started, Some(Started)),
            (1, "--+", Phase::Started, Some(Started)),
            (1, "+", Phase::Started, Some(Started)),
            (2, "+", Phase::Starting, None),
            (2, "+-+", Phase::Starting, None),
            (2, "--+---", within(6), Some(Failed)),
            (2, "-++", Phase::Started, Some(Started)),
            (0, "+", Phase::Started, Some(Started)),
        ] {
            let (found, decided) = after(passes, results);
            assert_eq!((found, decided.last().copied().flatten()), (phase, last), "{passes} {results}");
        }
    }

    #[test]
    fn a_restart_begins_anew_and_a_late_definition_asks_nobody_who_serves() {
        let now = Timestamp::from_secs(9);
        assert_eq!(Startup::again(now).phase, Phase::Starting);
        assert!(Startup::done(now).is_done());
        let state = Startup::again(now).export(now + Duration::from_secs(1));
        assert_eq!(Startup::import(state, now + Duration::from_secs(1)), Startup::again(now));
    }
}
