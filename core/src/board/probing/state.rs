//! What must another process know of a backend's probes to go on from here?
//!
//! The next probe is none of it: a verdict that was handed over stands, and is probed at once.

use crate::base::time::Timestamp;
use crate::board::contract::probe::LastProbe;
use crate::health::counter::CounterState;
use crate::health::reading::Steps;
use crate::health::startup::StartupState;
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

/// What the probes beside readiness have said, for another process.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LifeState {
    pub startup: Option<CheckState>,
    /// `None`: there is no startup probe.
    pub progress: Option<StartupState>,
    pub liveness: Option<CheckState>,
    /// The instances that answered last, by the kind of the probe.
    pub instances: [Option<String>; 3],
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

impl LifeState {
    /// The same, told `by` later.
    pub(in crate::board) fn later(self, by: Duration) -> Self {
        Self {
            startup: self.startup.map(|check| check.later(by)),
            progress: self.progress.map(|progress| StartupState { ago: progress.ago + by, ..progress }),
            liveness: self.liveness.map(|check| check.later(by)),
            instances: self.instances,
        }
    }
}

impl ProbeState {
    pub(super) fn of(probe: &LastProbe, now: Timestamp) -> Self {
        Self {
            ago: now.since(probe.at),
            took: probe.took,
            passed: probe.passed,
            status: probe.status,
            text: probe.text.clone(),
            steps: probe.steps,
        }
    }

    /// Without what its body said: the next probe is due at once.
    pub(super) fn import(self, now: Timestamp) -> LastProbe {
        LastProbe {
            at: now - self.ago,
            took: self.took,
            passed: self.passed,
            status: self.status,
            text: self.text,
            steps: self.steps,
            document: None,
        }
    }
}
