//! What do a backend's documents say beyond passing and failing? That it is degraded, that it asks for a drain, that it was saying no
//! before it fell silent, and what they should not have told.

use crate::base::time::Timestamp;
use crate::health::document::Leak;
use crate::health::reading::{Reading, ReadingResult};
use crate::health::reason::Reason;
use crate::health::verdict::Verdict;
use crate::plan::ProbeFailure;
use std::time::Duration;

/// For so long a no is remembered that a silence may be the continuation of.
const REMEMBERED: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default)]
pub(in crate::board) struct Said {
    /// How it is degraded, by the last probe that passed.
    degraded: Option<String>,
    /// How it asked for a drain. Until a probe passes, or failures have taken it out for a reason of their own.
    drains: Option<String>,
    /// The last whole answer, where it was a no, and when.
    no: Option<(Timestamp, Reason)>,
    /// The kinds of secrets that were found in its documents.
    leaks: Vec<Leak>,
}

/// The same for another process, which has not heard the answers themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct SaidState {
    pub degraded: Option<String>,
    pub drains: Option<String>,
}

impl Said {
    pub(super) fn export(&self) -> SaidState {
        SaidState { degraded: self.degraded.clone(), drains: self.drains.clone() }
    }

    pub(super) fn import(state: SaidState) -> Self {
        Self { degraded: state.degraded, drains: state.drains, ..Self::default() }
    }

    /// How it is degraded, where it is.
    pub(in crate::board) fn degraded(&self) -> Option<&str> {
        self.degraded.as_deref()
    }

    /// How it asks for a drain, where it does.
    pub(in crate::board) fn drains(&self) -> Option<&str> {
        self.drains.as_deref()
    }

    /// A silence after a no is told as such: services are slow to say no, and their owner looks for the no.
    pub(super) fn explain(&self, verdict: Verdict, at: Timestamp) -> Verdict {
        match (verdict, &self.no) {
            (Verdict::Fail { kind: ProbeFailure::Timeout, severity, why, hint }, Some((said_at, no)))
                if at.since(*said_at) <= REMEMBERED =>
            {
                let why = Reason::AfterNo { silence: Box::new(why), no: Box::new(no.clone()) };
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
                self.degraded = degraded.as_ref().map(ToString::to_string);
                self.drains = None;
            }
            Verdict::Drain { why } => self.drains = Some(why.to_string()),
            Verdict::Fail { .. } if !up => self.drains = None,
            Verdict::Fail { .. } => {}
        }
    }

    /// The kinds of secrets in this answer that were not seen before.
    pub(in crate::board) fn new_leaks(&mut self, reading: &Reading) -> Vec<Leak> {
        let ReadingResult::Http(answer) = &reading.result else { return Vec::new() };
        let found = answer.document.iter().flat_map(|document| &document.leaks);
        let new: Vec<Leak> = found.filter(|leak| !self.leaks.contains(leak)).copied().collect();
        self.leaks.extend(&new);
        new
    }
}
