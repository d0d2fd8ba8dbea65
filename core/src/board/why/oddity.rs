//! What is odd about a probe's answer, for whoever owns the backend? Said once, until something else is odd.

use crate::health::reason::{Hint, Reason, Warnings};
use crate::health::verdict::Verdict;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Oddity {
    /// It passes, and should not like this.
    Passes(Warnings),
    /// It fails, and looks like misconfiguration.
    Fails(Reason, Hint),
}

impl Oddity {
    pub(in crate::board) fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Pass { warning, .. } => warning.clone().map(Self::Passes),
            Verdict::Drain { .. } => None,
            Verdict::Fail { why, hint, .. } => hint.clone().map(|hint| Self::Fails(why.clone(), hint)),
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes(warnings) => write!(f, "{warnings}"),
            Self::Fails(why, hint) => write!(f, "{why}: {hint}"),
        }
    }
}
