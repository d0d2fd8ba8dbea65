//! What does one probe say?

use crate::health::reason::{Degraded, Hint, Note, Reason, Warnings};
use crate::plan::ProbeFailure;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass {
        /// For whoever owns it: something is odd.
        warning: Option<Warnings>,
        /// It says that it is degraded, or a rule does: how.
        degraded: Option<Degraded>,
        /// What it says besides, that decides nothing.
        note: Option<Note>,
    },
    /// It wants no new traffic, and means it: neither a pass nor a failure.
    Drain {
        why: Reason,
    },
    Fail {
        kind: ProbeFailure,
        severity: Severity,
        why: Reason,
        hint: Option<Hint>,
    },
}

impl Verdict {
    /// A pass, and nothing to add.
    pub const PASSED: Self = Self::warned(None);

    pub(super) const fn warned(warning: Option<Warnings>) -> Self {
        Self::Pass { warning, degraded: None, note: None }
    }

    /// The stable word for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "passed",
            Self::Drain { .. } => "draining",
            Self::Fail { kind, .. } => kind.word(),
        }
    }
}

/// How a failed probe takes a backend out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Alive but not serving: requests in flight finish.
    NotReady,
    /// Dead or wrong: idle connections to it are retired too.
    Down,
}
