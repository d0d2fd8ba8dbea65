//! What does a board leave to the one that comes after it? What is known about every backend, in durations instead of moments.
//!
//! Two processes have two clocks that know nothing of each other: what lies ahead is told as "for so long still", what lies behind
//! as "so long ago". The evidence of live traffic (windows, streaks, in flight) stays behind: it is about requests of the old process.

use super::contract::discovery::Found;
use super::contract::probe::LastProbe;
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::health::counter::Counter;
use crate::health::event::Remembered;
use crate::health::order::Order;
use crate::health::reading::{Severity, Steps};
use crate::health::standing::Cause;
use crate::health::startup::Phase;
use std::sync::Arc;
use std::time::Duration;

/// What one board tells the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handover {
    pub backends: Vec<Known>,
    pub sources: Vec<KnownSource>,
}

/// What is known about one backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub id: BackendId,
    /// It was removed so long ago; `None`: it is there.
    pub left: Option<Duration>,
    pub orders: KnownOrders,
    /// It asked for a drain so long ago.
    pub asked_drain: Option<Duration>,
    pub check: Option<KnownCheck>,
    pub life: KnownLife,
    pub passive: KnownPassive,
    /// The evidence of its last ejection.
    pub ejected_for: String,
    /// Its ramp began so long ago.
    pub ramp: Option<Duration>,
    pub cause: Cause,
    /// It has had this standing for so long.
    pub stands_for: Duration,
    /// Oldest first, bounded.
    pub history: Vec<KnownEvent>,
}

/// An event of so long `ago`. The moment within it is by the clock of the process that told it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownEvent {
    pub ago: Duration,
    pub event: Remembered,
}

/// What operators ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOrders {
    pub standing: Option<KnownOrder<Order>>,
    pub weight: Option<KnownOrder<u32>>,
}

/// An order in force, given so long `ago`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownOrder<T> {
    pub what: T,
    pub by: Arc<str>,
    pub ago: Duration,
    /// `None`: until it is taken back.
    pub remaining: Option<Duration>,
    pub reason: Option<Arc<str>>,
}

/// What probes have said.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCheck {
    pub counter: Option<Counter>,
    pub severity: Severity,
    pub joined: Duration,
    pub passed_once: bool,
    pub only_timeouts: bool,
    /// How it says that it is degraded.
    pub degraded: Option<String>,
    /// How it asks for a drain by its documents.
    pub drains: Option<String>,
    pub last: Option<KnownProbe>,
    /// Those before the last, oldest first, bounded.
    pub before: Vec<KnownProbe>,
    /// How the last failed probe failed.
    pub last_failure: String,
    /// Another service answered last.
    pub stranger: bool,
}

/// What the probes beside readiness have said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownLife {
    pub startup: Option<KnownCheck>,
    /// The phase, how long ago it began, passes and failures in a row. `None`: there is no startup probe.
    pub progress: Option<(Phase, Duration, u32, u32)>,
    pub liveness: Option<KnownCheck>,
    /// The instances that answered last, by the kind of the probe.
    pub instances: [Option<String>; 3],
}

impl KnownCheck {
    /// The same, told `by` later.
    fn later(&mut self, by: Duration) {
        self.joined += by;
        self.before.iter_mut().chain(&mut self.last).for_each(|probe| probe.ago += by);
    }
}

impl KnownLife {
    fn later(&mut self, by: Duration) {
        for check in [&mut self.startup, &mut self.liveness].into_iter().flatten() {
            check.later(by);
        }
        if let Some((_, ago, ..)) = &mut self.progress {
            *ago += by;
        }
    }
}

/// One of the last probes, which started so long `ago`.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownProbe {
    pub ago: Duration,
    pub took: Duration,
    pub passed: bool,
    pub status: Option<u16>,
    pub text: String,
    pub steps: Steps,
}

/// What live traffic has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KnownPassive {
    pub out: Option<KnownEjection>,
    /// On trial, with so much patience left.
    pub trial: Option<Duration>,
    pub level: u32,
    /// The level has stood for so long.
    pub level_for: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownEjection {
    pub remaining: Duration,
    pub length: Duration,
    pub nth: u32,
    pub readiness_lies: bool,
}

/// The last set that a source found.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownSource {
    pub upstream: Arc<str>,
    /// As messages name it.
    pub source: String,
    pub found: Vec<Found>,
}

impl Known {
    /// The same, told `by` later.
    pub(super) fn later(mut self, by: Duration) -> Self {
        for ago in [&mut self.asked_drain, &mut self.ramp].into_iter().flatten() {
            *ago += by;
        }
        self.stands_for += by;
        self.orders.standing = self.orders.standing.map(|order| order.later(by));
        self.orders.weight = self.orders.weight.map(|order| order.later(by));
        if let Some(check) = &mut self.check {
            check.later(by);
        }
        self.life.later(by);
        self.history.iter_mut().for_each(|known| known.ago += by);
        self.passive.level_for += by;
        if let Some(out) = &mut self.passive.out {
            out.remaining = out.remaining.saturating_sub(by);
        }
        self.passive.trial = self.passive.trial.map(|patience| patience.saturating_sub(by));
        self
    }
}

impl<T> KnownOrder<T> {
    /// The same, told `by` later.
    fn later(self, by: Duration) -> Self {
        let remaining = self.remaining.map(|remaining| remaining.saturating_sub(by));
        Self { ago: self.ago + by, remaining, ..self }
    }
}

impl KnownPassive {
    /// Has traffic of the old process changed something? That time is over is seen on both sides.
    pub(super) fn is_news(&self, own: &Self) -> bool {
        match (self.out, own.out) {
            (Some(theirs), Some(own)) => theirs.nth != own.nth,
            (Some(theirs), None) => !theirs.remaining.is_zero(),
            (None, own) => own.is_some(),
        }
    }
}

impl KnownProbe {
    pub(super) fn new(last: &LastProbe, now: Timestamp) -> Self {
        Self {
            ago: now.since(last.at),
            took: last.took,
            passed: last.passed,
            status: last.status,
            text: last.text.clone(),
            steps: last.steps,
        }
    }

    pub(super) fn at(&self, taken: Timestamp) -> LastProbe {
        LastProbe {
            at: taken - self.ago,
            took: self.took,
            passed: self.passed,
            status: self.status,
            text: self.text.clone(),
            steps: self.steps,
            // The next probe is due at once.
            document: None,
        }
    }
}
