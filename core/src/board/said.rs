//! What do a backend's documents say beyond passing and failing? That it is degraded, that it asks for a drain, that it was saying no
//! before it fell silent, and what they should not have told.

use crate::base::time::Timestamp;
use crate::health::reading::{Reading, ReadingResult, Verdict};
use crate::plan::ProbeFailure;
use std::time::Duration;

/// For so long a no is remembered that a silence may be the continuation of.
const REMEMBERED: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// How it is degraded, by the last probe that passed.
    pub degraded: Option<String>,
    /// How it asked for a drain. Until a probe passes, or failures have taken it out for a reason of their own.
    pub drains: Option<String>,
    /// The last whole answer, where it was a no, and when.
    no: Option<(Timestamp, String)>,
    /// The kinds of secrets that were found in its documents.
    leaks: Vec<String>,
}

impl Said {
    pub(super) fn import(degraded: Option<String>, drains: Option<String>) -> Self {
        Self { degraded, drains, ..Self::default() }
    }

    /// A silence after a no is told as such: services are slow to say no, and their owner looks for the no.
    pub(super) fn explain(&self, verdict: Verdict, at: Timestamp) -> Verdict {
        match (verdict, &self.no) {
            (Verdict::Fail { kind: ProbeFailure::Timeout, severity, why, hint }, Some((said_at, no)))
                if at.since(*said_at) <= REMEMBERED =>
            {
                let why = format!("{why}; it was saying no before, its last answer: {no}");
                Verdict::Fail { kind: ProbeFailure::Timeout, severity, why, hint }
            }
            (verdict, _) => verdict,
        }
    }

    pub(super) fn remember(&mut self, reading: &Reading, verdict: &Verdict, at: Timestamp) {
        match (&reading.result, verdict) {
            (_, Verdict::Pass { .. } | Verdict::Drain { .. }) => self.no = None,
            (ReadingResult::Http(_) | ReadingResult::BodyTooLarge { .. }, Verdict::Fail { why, .. }) => {
                self.no = Some((at, why.clone()));
            }
            _ => {}
        }
    }

    /// After the verdict was counted; `up`: what the count says now.
    pub(super) fn hear(&mut self, verdict: &Verdict, up: bool) {
        match verdict {
            Verdict::Pass { degraded, .. } => {
                self.degraded.clone_from(degraded);
                self.drains = None;
            }
            Verdict::Drain { why } => self.drains = Some(why.clone()),
            Verdict::Fail { .. } if !up => self.drains = None,
            Verdict::Fail { .. } => {}
        }
    }

    /// The kinds of secrets in this answer that were not seen before.
    pub(super) fn new_leaks(&mut self, reading: &Reading) -> Vec<String> {
        let ReadingResult::Http(answer) = &reading.result else { return Vec::new() };
        let found = answer.document.iter().flat_map(|document| &document.leaks);
        let new: Vec<String> = found.filter(|leak| !self.leaks.contains(leak)).cloned().collect();
        self.leaks.extend(new.iter().cloned());
        new
    }
}
