//! What have the last probes of one kind read? The last of them whole, of those before a sentence each.

use crate::base::time::Timestamp;
use crate::board::contract::probe::LastProbe;
use crate::board::why::failure::Failure;
use crate::health::judgement::failing_components;
use crate::health::reading::{HttpAnswer, Reading, ReadingResult, Steps};
use crate::health::verdict::Verdict;
use crate::plan::{ProbeFailure, ProbePlan};
use std::collections::VecDeque;
use std::time::Duration;

/// Probes that are kept, the last one included.
const KEPT: usize = 10;
/// What a probe says for people is cut beyond so many characters: backends and their libraries can be long-winded.
const TEXT_CAP: usize = 400;

#[derive(Clone, Debug, Default)]
pub(in crate::board) struct ProbeLog {
    last: Option<LastProbe>,
    /// Those before the last, oldest first.
    before: VecDeque<LastProbe>,
    /// When the probe before the last one started.
    previous_start: Option<Timestamp>,
    /// How the last failed probe failed: for people, and for comparing.
    last_failure: String,
    last_kind: Option<ProbeFailure>,
    /// Another service answered last.
    stranger: bool,
}

/// The same for another process: of the last probe, too, the sentence is enough, since the next one is due at once.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LogState {
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

impl LogState {
    /// The same, told `by` later.
    pub(super) fn later(mut self, by: Duration) -> Self {
        self.before.iter_mut().chain(&mut self.last).for_each(|probe| probe.ago += by);
        self
    }
}

impl ProbeLog {
    /// A probe that had started `at` has ended.
    pub(super) fn note(&mut self, reading: &Reading, verdict: &Verdict, at: Timestamp) {
        // Who does not answer may still be the stranger of before.
        self.stranger = match verdict {
            Verdict::Fail { kind, .. } => self.stranger || *kind == ProbeFailure::Identity,
            _ => false,
        };
        if let Verdict::Fail { kind, .. } = verdict {
            self.last_kind = Some(*kind);
        }
        let last = last_probe(reading, verdict, at);
        if !last.passed {
            self.last_failure.clone_from(&last.text);
        }
        self.previous_start = self.last.as_ref().map(|last| last.at);
        // Of those before, the sentence is enough.
        self.before.extend(self.last.replace(last).map(|last| LastProbe { document: None, ..last }));
        self.before.drain(..self.before.len().saturating_sub(KEPT - 1));
    }

    pub(in crate::board) const fn last(&self) -> Option<&LastProbe> {
        self.last.as_ref()
    }

    /// The last probes, oldest first.
    pub(in crate::board) fn recent(&self) -> impl Iterator<Item = &LastProbe> {
        self.before.iter().chain(&self.last)
    }

    pub(in crate::board) fn last_passed(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.passed)
    }

    pub(in crate::board) fn last_failure(&self) -> &str {
        &self.last_failure
    }

    pub(in crate::board) const fn previous_start(&self) -> Option<Timestamp> {
        self.previous_start
    }

    /// Another service answers there.
    pub(in crate::board) const fn stranger(&self) -> bool {
        self.stranger
    }

    /// How the last failed probe failed, by the rules of `plan`.
    pub(super) fn failure(&self, plan: &ProbePlan) -> Failure {
        let Some(kind) = self.last_kind else { return Failure::Unseen };
        let document = self.last.as_ref().filter(|last| !last.passed).and_then(|last| last.document.as_ref());
        let components = document.map(|document| failing_components(document, plan)).unwrap_or_default();
        Failure::of(kind, self.last.as_ref().and_then(|last| last.status), &components)
    }

    pub(super) fn export(&self, now: Timestamp) -> LogState {
        LogState {
            last: self.last.as_ref().map(|probe| export(probe, now)),
            before: self.before.iter().map(|probe| export(probe, now)).collect(),
            last_failure: self.last_failure.clone(),
            stranger: self.stranger,
        }
    }

    pub(super) fn import(state: LogState, now: Timestamp) -> Self {
        Self {
            last: state.last.map(|probe| import(probe, now)),
            before: state.before.into_iter().map(|probe| import(probe, now)).collect(),
            last_failure: state.last_failure,
            stranger: state.stranger,
            ..Self::default()
        }
    }
}

fn export(probe: &LastProbe, now: Timestamp) -> ProbeState {
    ProbeState {
        ago: now.since(probe.at),
        took: probe.took,
        passed: probe.passed,
        status: probe.status,
        text: probe.text.clone(),
        steps: probe.steps,
    }
}

fn import(state: ProbeState, now: Timestamp) -> LastProbe {
    LastProbe {
        at: now - state.ago,
        took: state.took,
        passed: state.passed,
        status: state.status,
        text: state.text,
        steps: state.steps,
        document: None,
    }
}

fn last_probe(reading: &Reading, verdict: &Verdict, at: Timestamp) -> LastProbe {
    let status = match &reading.result {
        ReadingResult::Http(HttpAnswer { status, .. })
        | ReadingResult::BodyTooLarge { status, .. }
        | ReadingResult::HeadOnly { status } => Some(*status),
        _ => None,
    };
    let document = match &reading.result {
        ReadingResult::Http(answer) => answer.document.as_deref().cloned(),
        _ => None,
    };
    let (passed, text) = match verdict {
        Verdict::Pass { degraded: Some(how), .. } => (true, format!("passed, degraded: {how}")),
        Verdict::Pass { warning, note, .. } => {
            let told = warning.as_ref().map(ToString::to_string).or(note.as_ref().map(ToString::to_string));
            (true, told.unwrap_or_else(|| "passed".to_owned()))
        }
        Verdict::Drain { why } => (false, why.to_string()),
        Verdict::Fail { why, hint: None, .. } => (false, why.to_string()),
        Verdict::Fail { why, hint: Some(hint), .. } => (false, format!("{why}: {hint}")),
    };
    let text =
        if text.chars().nth(TEXT_CAP).is_some() { text.chars().take(TEXT_CAP).chain(['…']).collect() } else { text };
    LastProbe { at, took: reading.took, passed, status, text, steps: reading.steps, document }
}
