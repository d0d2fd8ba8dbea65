//! What must another process know of a check to go on from here?
//!
//! The next probe is none of it: a verdict that was handed over stands, and is probed at once.

use super::Check;
use crate::base::time::Timestamp;
use crate::board::contract::LastProbe;
use crate::board::said::Said;
use crate::health::counter::{Counter, CounterState};
use crate::health::reading::{Severity, Steps};
use std::time::Duration;

/// What probes have said, for another process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct CheckState {
    pub counter: Option<CounterState>,
    pub not_ready: bool,
    /// So long ago.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub joined: Duration,
    pub passed_once: bool,
    pub only_timeouts: bool,
    /// How it says that it is degraded.
    pub degraded: Option<String>,
    /// How it asks for a drain by its documents.
    pub drains: Option<String>,
    pub last: Option<ProbeState>,
    /// Those before the last, oldest first, bounded.
    #[cfg_attr(feature = "serde", serde(default))]
    pub before: Vec<ProbeState>,
    /// How the last failed probe failed.
    pub last_failure: String,
    /// Another service answered last.
    #[cfg_attr(feature = "serde", serde(default))]
    pub stranger: bool,
}

/// One of the last probes, which started so long `ago`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ProbeState {
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub ago: Duration,
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub took: Duration,
    pub passed: bool,
    pub status: Option<u16>,
    pub text: String,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub steps: Steps,
}

impl CheckState {
    /// The same, told `by` later.
    pub(in crate::board) fn later(mut self, by: Duration) -> Self {
        self.joined += by;
        self.before.iter_mut().chain(&mut self.last).for_each(|probe| probe.ago += by);
        self
    }
}

impl Check {
    pub(in crate::board) fn export(&self, now: Timestamp) -> CheckState {
        CheckState {
            counter: self.counter.map(Counter::export),
            not_ready: self.severity == Severity::NotReady,
            joined: now.since(self.joined),
            passed_once: self.passed_once,
            only_timeouts: self.only_timeouts,
            degraded: self.said.degraded.clone(),
            drains: self.said.drains.clone(),
            last: self.last.as_ref().map(|last| last.export(now)),
            before: self.before.iter().map(|probe| probe.export(now)).collect(),
            last_failure: self.last_failure.clone(),
            stranger: self.stranger,
        }
    }

    /// The verdict of another process: it stands, and is probed at once.
    pub(in crate::board) fn import(&mut self, state: CheckState, now: Timestamp) {
        self.joined = now - state.joined;
        self.severity = if state.not_ready { Severity::NotReady } else { Severity::Down };
        self.passed_once = state.passed_once;
        self.only_timeouts = state.only_timeouts;
        self.said = Said::import(state.degraded, state.drains);
        self.stranger = state.stranger;
        self.last = state.last.map(|probe| LastProbe::import(probe, now));
        self.before = state.before.into_iter().map(|probe| LastProbe::import(probe, now)).collect();
        self.last_failure = state.last_failure;
        if let Some(counter) = state.counter {
            self.counter = Some(Counter::import(counter, self.plan.success_threshold, self.plan.failure_threshold));
            self.unconfirmed = true;
            self.next = now;
        }
    }
}

impl LastProbe {
    fn export(&self, now: Timestamp) -> ProbeState {
        ProbeState {
            ago: now.since(self.at),
            took: self.took,
            passed: self.passed,
            status: self.status,
            text: self.text.clone(),
            steps: self.steps,
        }
    }

    /// Without what its body said: the next probe is due at once.
    fn import(state: ProbeState, now: Timestamp) -> Self {
        Self {
            at: now - state.ago,
            took: state.took,
            passed: state.passed,
            status: state.status,
            text: state.text,
            steps: state.steps,
            document: None,
        }
    }
}
