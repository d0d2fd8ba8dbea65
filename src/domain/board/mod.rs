//! Who is fit, right now, and what follows? The board composes the machines.
//!
//! A sans-I/O machine in the shape of quinn-proto: inputs go in with `now`, [`Board::poll_output`] is drained after every call,
//! [`Board::next_deadline`] says when to call [`Board::handle_deadline`] next; late and spurious calls are harmless.
//! Exactly one task owns it.

use super::cell::Hint;
use super::event::Event;
use super::identity::{Address, BackendId, BackendKey};
use super::plan::{Plan, ProbePlan, UpstreamPlan};
use super::reading::Reading;
use super::snapshot::Snapshot;
use super::standing::Standing;
use super::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What the board is told.
#[derive(Clone, Debug)]
pub enum Input {
    Reconfigure(Arc<Plan>),
    /// A source answered. `source` is the index into the upstream's `sources`. An empty or failed answer keeps the last set.
    Discovered {
        upstream: Arc<str>,
        source: usize,
        answer: Result<Vec<Found>, String>,
    },
    ProbeDone {
        ticket: ProbeTicket,
        reading: Reading,
    },
    Hint(Hint),
    Operate {
        backend: BackendId,
        order: Order,
        by: String,
    },
}

/// A backend as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

/// An operator's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Drain,
    ForceUp,
    ForceDown,
    /// Takes drain and force back.
    Release,
}

/// Names one probe in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProbeTicket(pub u64);

/// What the board wants done.
#[derive(Debug)]
pub enum Output {
    Publish(Arc<Snapshot>),
    Probe(ProbeJob),
    CancelProbe(ProbeTicket),
    Report(Event),
}

/// One probe to run. The answer is [`Input::ProbeDone`] with the same ticket.
#[derive(Clone, Debug)]
pub struct ProbeJob {
    pub ticket: ProbeTicket,
    pub backend: BackendId,
    pub upstream: Arc<UpstreamPlan>,
    pub probe: Arc<ProbePlan>,
}

/// What the admin API shows of one backend.
#[derive(Clone, Debug)]
pub struct BackendReport {
    pub id: BackendId,
    pub weight: u32,
    pub backup: bool,
    pub standing: Standing,
    pub since: Timestamp,
    /// Why it has this standing: a sentence.
    pub why: String,
    /// The active counter as (value, threshold): passes out of `success_threshold` while down, `failure_threshold` left while up.
    pub counter: (u32, u32),
    pub last_probe: Option<LastProbe>,
    pub next_probe: Option<Timestamp>,
    pub ejection: Option<EjectionReport>,
    pub in_flight: u32,
    /// In the passive window.
    pub successes: u32,
    pub failures: u32,
    /// Failures in a row.
    pub streak: u32,
    /// Since the process started.
    pub total_successes: u64,
    pub total_failures: u64,
    /// Newest last, bounded.
    pub history: Vec<Event>,
}

#[derive(Clone, Debug)]
pub struct LastProbe {
    pub at: Timestamp,
    pub took: Duration,
    pub passed: bool,
    pub status: Option<u16>,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EjectionReport {
    pub since: Timestamp,
    pub earliest_return: Timestamp,
    pub nth: u32,
}

/// What the admin API shows of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamReport {
    pub name: Arc<str>,
    pub backends: Vec<BackendReport>,
}

/// The machine.
#[derive(Debug)]
pub struct Board {}

impl Board {
    /// `seed` feeds jitter and phases. The board is empty until the first [`Input::Reconfigure`].
    pub fn new(_seed: u64, _now: Timestamp) -> Self {
        todo!()
    }

    pub fn handle(&mut self, _input: Input, _now: Timestamp) {
        todo!()
    }

    pub fn handle_deadline(&mut self, _now: Timestamp) {
        todo!()
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    pub fn report(&self, _now: Timestamp) -> Vec<UpstreamReport> {
        todo!()
    }

    /// The upstreams by name with the backend keys they hold: for tests and `check`.
    pub fn keys(&self) -> Vec<(Arc<str>, Vec<BackendKey>)> {
        todo!()
    }
}
