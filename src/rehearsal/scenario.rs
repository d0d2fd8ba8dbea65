//! What is played? A scenario as it is meant: every default filled in, every name resolved.

use super::behaviour::Effect;
use crate::config::fits;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::board::Found;
use pulsegate_core::health::order::Steer;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{Plan, SourceId};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The whole.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub length: Duration,
    pub latency: Duration,
    pub loads: Vec<Load>,
    /// What each source that is asked finds at first.
    pub discovery: Vec<Answer>,
    /// In the order of their moments.
    pub marks: Vec<Mark>,
    pub expectations: Vec<Expectation>,
}

/// Clients of one route.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub per_second: f64,
    /// Whom they ask, by name: whatever the configuration of the moment makes of it.
    pub asks: Asks,
    pub non_idempotent: f64,
    pub clients: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asks {
    Upstream(String),
    Route(String),
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(name) => write!(f, "the upstream {name}"),
            Self::Route(name) => write!(f, "the route {name}"),
        }
    }
}

/// What a source answers from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub upstream: Arc<str>,
    /// As [`pulsegate_core::plan::SourcePlan::describe`] calls it.
    pub source: SourceId,
    pub answer: Result<Vec<Found>, String>,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// An effect begins; what begins, ends by its number.
    Begins {
        number: usize,
        whom: Whom,
        effect: Effect,
    },
    Ends {
        number: usize,
    },
    /// Whatever was wrong with them is over.
    Well {
        whom: Whom,
    },
    Steer {
        whom: Whom,
        what: Steer,
        lasts: Option<Duration>,
    },
    Reload(Arc<Plan>),
    Found(Answer),
    /// What the timeline says, told when it happens.
    Say(String),
}

/// A set of backends: patterns of `ADDRESS` or `UPSTREAM/ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whom(pub Vec<String>);

impl Whom {
    pub(super) fn covers(&self, id: &BackendId) -> bool {
        let (address, whole) = (id.address.to_string(), id.to_string());
        self.0.iter().any(|pattern| fits(pattern, &address) || fits(pattern, &whole))
    }
}

/// Something that must come of it.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    /// As it was written, for people.
    pub text: String,
    pub what: Expected,
}

#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// Each is one of these at some moment of this span.
    Standing {
        whom: Whom,
        one_of: Vec<Cause>,
        from: Duration,
        until: Duration,
    },
    /// None is one of these in this span.
    Never {
        whom: Whom,
        none_of: Vec<Cause>,
        from: Duration,
        until: Duration,
    },
    EligibleAtLeast {
        upstream: String,
        least: usize,
        from: Duration,
        until: Duration,
    },
    FailedAtMost(u64),
    FailedShareAtMost(f64),
    EjectionsAtMost(u64),
    FlapsAtMost(u64),
}
