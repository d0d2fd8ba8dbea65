//! In what do a backend's probes and its traffic contradict each other, and how does that end?

use crate::base::time::brief;
use crate::health::event::Disagreement;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Contradiction {
    /// Its probes pass, and traffic had it ejected, for this.
    PassesAndEjected { ejected_for: String },
    /// Its probes pass, and so many of its outcomes failed.
    PassesAndFails { failures: u32, outcomes: u32, within: Duration },
    /// Its traffic succeeds, and its probes fail like this.
    ServesAndFails { how: String },
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::board) enum Agreement {
    NoProbe,
    ProbesFailToo,
    TrafficSucceeds,
    ProbesPass,
    TrafficFailsToo,
}

impl Contradiction {
    pub(in crate::board) const fn kind(&self) -> Disagreement {
        match self {
            Self::PassesAndEjected { .. } | Self::PassesAndFails { .. } => Disagreement::LyingReadiness,
            Self::ServesAndFails { .. } => Disagreement::FailingReadiness,
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassesAndEjected { ejected_for } => {
                write!(f, "its probes pass, and live traffic had it ejected: {ejected_for}")
            }
            Self::PassesAndFails { failures, outcomes, within } => {
                let within = brief(*within);
                write!(f, "its probes pass, and {failures} of {outcomes} outcomes failed within {within}")
            }
            Self::ServesAndFails { how } => write!(f, "its traffic succeeds, and its probes fail: {how}"),
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProbe => "it has no readiness probe any more",
            Self::ProbesFailToo => "its probes fail, too",
            Self::TrafficSucceeds => "its traffic succeeds again",
            Self::ProbesPass => "its probes pass again",
            Self::TrafficFailsToo => "its traffic fails, too",
        })
    }
}
