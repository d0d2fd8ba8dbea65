//! Of what should somebody be told that begins and ends, and when? Conditions, made of events, grouped into few messages.
//!
//! A machine in the shape of the board: inputs go in with `now`, [`Alerts::advance`] lets time pass, [`Alerts::poll`] is drained,
//! [`Alerts::next_deadline`] says when to come back. Conditions are kept once; what each receiver was told of them is kept per receiver
//! and upstream, so that every receiver hears of each beginning once and of each end once, whatever happens in between. What an operator
//! or a backend wanted is no condition.

mod condition;
mod group;
mod input;
mod machine;
mod pools;
mod state;
#[cfg(test)]
mod tests;

pub use group::{ConditionState, Item, Notice};
pub use input::{Input, Says};
pub use machine::Alerts;
pub use state::{AnnouncedState, GroupState};

use crate::base::identity::Address;
use crate::plan::FlappingPlan;
use crate::plan::Severity;
use std::fmt;
use std::sync::Arc;

/// What begins and ends, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum What {
    /// Nobody of an upstream is eligible.
    NobodyEligible,
    /// Fewer than half of those that should serve do.
    BelowHalf,
    /// Most of an upstream fell together and is held in place.
    PoolHeld,
    /// A backend does not serve.
    BackendOut,
    /// A backend's probes pass while its traffic fails.
    LyingReadiness,
    /// A backend's probes fail while its traffic succeeds.
    FailingReadiness,
    /// The configuration on disk is not the one in force.
    ReloadRefused,
}

impl What {
    pub const ALL: [Self; 7] = [
        Self::NobodyEligible,
        Self::BelowHalf,
        Self::PoolHeld,
        Self::BackendOut,
        Self::LyingReadiness,
        Self::FailingReadiness,
        Self::ReloadRefused,
    ];

    /// The one with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.word() == word)
    }

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NobodyEligible => "nobody_eligible",
            Self::BelowHalf => "below_half",
            Self::PoolHeld => "pool_held",
            Self::BackendOut => "backend_out",
            Self::LyingReadiness => "lying_readiness",
            Self::FailingReadiness => "failing_readiness",
            Self::ReloadRefused => "reload_refused",
        }
    }

    pub const fn severity(self) -> Severity {
        match self {
            Self::NobodyEligible | Self::BelowHalf | Self::PoolHeld => Severity::Critical,
            Self::BackendOut | Self::LyingReadiness | Self::FailingReadiness | Self::ReloadRefused => Severity::Warning,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Which condition: the same in every process, whatever it is called in a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `None`: the gateway itself.
    pub upstream: Option<Arc<str>>,
    pub what: What,
    pub backend: Option<Address>,
}

impl Key {
    pub fn severity(&self) -> Severity {
        self.what.severity()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.upstream.as_deref().map(ToString::to_string), self.backend.as_ref().map(ToString::to_string)]
        {
            write!(f, "{}/", part.unwrap_or_else(|| "-".to_owned()))?;
        }
        write!(f, "{}", self.what)
    }
}
