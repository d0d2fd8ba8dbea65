//! What have the last probes of one kind read? The last of them whole, of those before a sentence each.

use super::state::ProbeState;
use crate::base::time::Timestamp;
use crate::board::contract::probe::LastProbe;
use crate::board::why::failure::Failure;
use crate::health::judgement::failing_components;
use crate::health::reading::{HttpAnswer, Reading, ReadingResult, Verdict};
use crate::plan::{ProbeFailure, ProbePlan};
use std::collections::VecDeque;

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

    /// The last, and those before it.
    pub(super) fn export(&self, now: Timestamp) -> (Option<ProbeState>, Vec<ProbeState>) {
        let state = |probe| ProbeState::of(probe, now);
        (self.last.as_ref().map(state), self.before.iter().map(state).collect())
    }

    pub(super) fn import(
        (last, before): (Option<ProbeState>, Vec<ProbeState>),
        last_failure: String,
        stranger: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            last: last.map(|probe| probe.import(now)),
            before: before.into_iter().map(|probe| probe.import(now)).collect(),
            last_failure,
            stranger,
            ..Self::default()
        }
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
            (true, warning.as_ref().or(note.as_ref()).cloned().unwrap_or_else(|| "passed".to_owned()))
        }
        Verdict::Drain { why } => (false, why.clone()),
        Verdict::Fail { why, hint: None, .. } => (false, why.clone()),
        Verdict::Fail { why, hint: Some(hint), .. } => (false, format!("{why}: {hint}")),
    };
    let text =
        if text.chars().nth(TEXT_CAP).is_some() { text.chars().take(TEXT_CAP).chain(['…']).collect() } else { text };
    LastProbe { at, took: reading.took, passed, status, text, steps: reading.steps, document }
}
