//! What did a probe see? Its answer, its times and, where it was read, the document.

use super::document::{self, Document};
use super::moment::{Moment, moment};
use super::{Now, millis};
use pulsegate_core::board::{LastProbe, OtherProbe};
use pulsegate_core::health::reading;
use serde::Serialize;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    pub at: String,
    pub ago_ms: u64,
    pub took_ms: u64,
    pub passed: bool,
    pub code: Option<u16>,
    pub text: String,
    /// `null` where its body was not read as a document, or there was none.
    pub document: Option<Document>,
    pub steps_ms: Steps,
}

/// Milliseconds of each step, to the microsecond; `null` where a step was not reached, or there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    pub connect: Option<f64>,
    pub tls: Option<f64>,
    pub first_byte: Option<f64>,
}

/// A probe other than readiness.
#[derive(Clone, Debug, Serialize)]
pub struct Other {
    /// `startup` or `liveness`.
    pub probe: &'static str,
    pub passes: bool,
    /// Startup: failures in a row of those that give it up; liveness: as `counter`.
    pub counter: String,
    pub last_probe: Option<Probe>,
    /// `null`: it does not run now.
    pub next_probe: Option<Moment>,
}

pub fn last_probe(probe: &LastProbe, now: Now) -> Probe {
    Probe {
        at: now.date(probe.at),
        ago_ms: now.ms_since(probe.at),
        took_ms: millis(probe.took),
        passed: probe.passed,
        code: probe.status,
        text: probe.text.clone(),
        document: probe.document.as_ref().map(document::document),
        steps_ms: steps(&probe.steps),
    }
}

fn steps(steps: &reading::Steps) -> Steps {
    let fine = |step: Option<Duration>| step.map(|step| (step.as_secs_f64() * 1e6).round() / 1e3);
    Steps { connect: fine(steps.connect), tls: fine(steps.tls), first_byte: fine(steps.first_byte) }
}

pub fn other(probe: &OtherProbe, now: Now) -> Other {
    let (value, threshold) = probe.counter;
    Other {
        probe: probe.kind.word(),
        passes: probe.passes,
        counter: format!("{value}/{threshold}"),
        last_probe: probe.last.as_ref().map(|probe| last_probe(probe, now)),
        next_probe: probe.next.map(|at| moment(at, now)),
    }
}
