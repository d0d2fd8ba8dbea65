//! What happened that somebody should know? The one event type.
//!
//! The board reports events; telemetry turns each into a log line, a metric and a history entry in one match. Later work
//! (alerts, webhooks, the event stream) extends this type and makes no second one.

use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::health::order::Steer;
use crate::health::standing::Cause;
use crate::plan::{Detector, ProbeKind};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One event. `id` grows by one per event of a process; see [`Self::full_id`].
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub run: Run,
    pub id: u64,
    pub at: Timestamp,
    pub kind: EventKind,
}

impl Event {
    /// As it is written everywhere, "0k3f9a-42": the same in the log line, the history and every answer, and no other event of any
    /// process has it.
    pub fn full_id(&self) -> String {
        format!("{}-{}", self.run, self.id)
    }
}

/// Which run of the program: six letters and figures that are drawn at its start. People search the logs of many processes at once,
/// and those of the one before a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run(u32);

impl Run {
    /// The run whose randomness begins with this seed. Spread, since tests (and people) count seeds from 1.
    pub const fn of(seed: u64) -> Self {
        Self((seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 34) as u32)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 30 bits are six digits of base 36.
        for place in (0..6).rev() {
            let digit = self.0 / 36_u32.pow(place) % 36;
            write!(f, "{}", char::from_digit(digit, 36).unwrap_or('0'))?;
        }
        Ok(())
    }
}

/// An event of a run before this one, in the words in which that one told it: it may have known kinds that this one does not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct PastEvent {
    pub id: String,
    /// By the clock of this process, which means nothing to another.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub at: Timestamp,
    /// The stable name.
    pub event: String,
    pub message: String,
    pub details: Vec<(String, String)>,
}

/// An entry of a backend's history.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(untagged))]
pub enum Remembered {
    /// Written down for another process it must be a [`PastEvent`]: what it is called in words, the core does not know.
    #[cfg_attr(feature = "serde", serde(skip))]
    Own(Event),
    Past(PastEvent),
}

impl Remembered {
    pub fn full_id(&self) -> String {
        match self {
            Self::Own(event) => event.full_id(),
            Self::Past(told) => told.id.clone(),
        }
    }

    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Own(event) => event.at,
            Self::Past(told) => told.at,
        }
    }

    /// The same by another clock.
    pub(crate) fn moved(mut self, to: Timestamp) -> Self {
        match &mut self {
            Self::Own(event) => event.at = to,
            Self::Past(told) => told.at = to,
        }
        self
    }
}

/// Which of a backend's two kinds of evidence is alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// Its probes pass while its traffic fails.
    LyingReadiness,
    /// Its probes fail while its traffic succeeds.
    FailingReadiness,
}

impl Disagreement {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LyingReadiness => "lying_readiness",
            Self::FailingReadiness => "failing_readiness",
        }
    }
}

/// What ejected a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EjectedBy {
    Detector(Detector),
    /// Its ejection was over, and the one request that decides failed or was too slow.
    Trial,
}

impl EjectedBy {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Detector(detector) => detector.word(),
            Self::Trial => "trial",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The standing of a backend changed. `why` is a sentence for people: what was seen, and the rule that decided.
    Transition {
        backend: BackendId,
        from: Cause,
        to: Cause,
        counter: (u32, u32),
        why: String,
        earliest_return: Option<Timestamp>,
    },
    /// Passive evidence ejected it for `duration` (the `nth` time in a row).
    Ejected {
        backend: BackendId,
        cause: EjectedBy,
        nth: u32,
        duration: Duration,
        why: String,
    },
    /// A detector that does not enforce would have ejected it.
    WouldEject {
        backend: BackendId,
        detector: Detector,
        why: String,
    },
    /// Its probes and its traffic contradict each other (`over`: not any more).
    Disagreement {
        backend: BackendId,
        what: Disagreement,
        over: bool,
        why: String,
    },
    /// Most of a pool fell together for one reason, and is held in place (`held`), or is not any more.
    PoolHeld {
        upstream: Arc<str>,
        held: bool,
        why: String,
    },
    /// Passive evidence would have ejected it, but the cap held: `fit` of `pool` are left, `floor` must stay.
    EjectionRefused {
        backend: BackendId,
        fit: u32,
        pool: u32,
        floor: u32,
        why: String,
    },
    /// Probe timeouts alone would have taken out more than the ejection cap while traffic succeeds.
    TimeoutsHeld {
        backend: BackendId,
        why: String,
    },
    /// A probe passed with a warning, or failed in a way that looks like misconfiguration. Said once per change of text.
    ProbeHint {
        backend: BackendId,
        hint: String,
    },
    /// Its readiness document holds a kind of secret (`what`: "credentials in a URL") that whoever may ask it can read. Once per kind.
    DocumentLeaks {
        backend: BackendId,
        what: String,
    },
    /// Its startup or liveness probe failed for good: somebody must restart it. Said once per episode.
    NeedsRestart {
        backend: BackendId,
        kind: ProbeKind,
        why: String,
        /// Who is told.
        webhook: Option<Arc<str>>,
    },
    /// Another instance answers at its address than before.
    Restarted {
        backend: BackendId,
        from: String,
        to: String,
    },
    /// An operator's order was taken.
    Steered {
        backend: BackendId,
        what: Steer,
        by: Arc<str>,
        /// `None`: until it is taken back.
        lasts: Option<Duration>,
        reason: Option<Arc<str>>,
    },
    /// The time of the order `what` is over.
    OrderOver {
        backend: BackendId,
        what: Steer,
        by: Arc<str>,
    },
    MemberJoined {
        backend: BackendId,
    },
    MemberLeft {
        backend: BackendId,
    },
    /// Discovery failed or answered nothing; the last set stays.
    DiscoveryKept {
        upstream: Arc<str>,
        source: String,
        why: String,
    },
    /// Nobody is eligible in this upstream (`true`), or somebody is again (`false`).
    PoolEmpty {
        upstream: Arc<str>,
        empty: bool,
    },
    /// Every member of every upstream has its first verdict.
    FirstRoundDone {
        took: Duration,
    },
    /// A new plan is in force.
    Reconfigured {
        added: usize,
        removed: usize,
        changed: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_run_and_a_number() {
        let event = |seed| Event {
            run: Run::of(seed),
            id: 42,
            at: Timestamp::ZERO,
            kind: EventKind::FirstRoundDone { took: Duration::ZERO },
        };
        let ids: std::collections::BTreeSet<String> = (0..1_000).map(|seed| event(seed).full_id()).collect();
        assert_eq!(ids.len(), 1_000, "every run has ids of its own");
        assert!(ids.iter().all(|id| id.len() == 9 && id.ends_with("-42")), "{ids:?}");
        assert_eq!(event(0).full_id(), "000000-42");
    }
}
