//! What is the verdict on a backend right now, and why?
//!
//! The words are those of the design, in order of precedence: the first that applies is the standing. `combine` decides;
//! this file only names.

use crate::base::time::Timestamp;
use std::fmt;

/// A backend's verdict with its cause, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Cause {
    /// An operator forced it out.
    ForcedDown,
    /// An operator drains it, or it was removed and finishes what is in flight.
    Drained,
    /// An operator forced it in, against all evidence.
    ForcedUp,
    /// Removed by passive evidence.
    Ejected,
    /// Its liveness probe failed for good: whoever owns it must restart it.
    NotAlive,
    /// Probes say that it is dead: refused, reset, a 5xx other than 503, TLS failure, misconfiguration.
    Down,
    /// The backend itself asked for no new traffic.
    Draining,
    /// Alive, and says (or shows by silence) that it cannot serve now: 503, or a timeout after connecting.
    NotReady,
    /// Its startup probe has not passed yet, or it is in its startup grace.
    Starting,
    /// Never probed yet.
    Unchecked,
    /// Ejection time is over; one request decides.
    Trial,
    /// Serves at a reduced weight because it says that it is degraded.
    Degraded,
    /// Coming back: its weight grows.
    Ramping,
    /// Passes, or is `up (unprobed)` where the upstream has no readiness probe.
    Up,
}

impl Cause {
    pub const ALL: [Self; 14] = [
        Self::ForcedDown,
        Self::Drained,
        Self::ForcedUp,
        Self::Ejected,
        Self::NotAlive,
        Self::Down,
        Self::Draining,
        Self::NotReady,
        Self::Starting,
        Self::Unchecked,
        Self::Trial,
        Self::Degraded,
        Self::Ramping,
        Self::Up,
    ];

    /// May it receive ordinary traffic? (A trial receives one request, which the pick hands out by itself.)
    pub const fn eligible(self) -> bool {
        matches!(self, Self::ForcedUp | Self::Degraded | Self::Ramping | Self::Up)
    }

    /// Is it part of a pool's denominator? Not a backend that is absent by intention, nor one that is not known yet.
    pub const fn counted(self) -> bool {
        !matches!(self, Self::Drained | Self::Draining | Self::Unchecked | Self::Starting)
    }

    /// The one with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }

    /// The stable word for logs, metrics, the admin API and documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ForcedDown => "forced_down",
            Self::Drained => "drained",
            Self::ForcedUp => "forced_up",
            Self::Ejected => "ejected",
            Self::NotAlive => "not_alive",
            Self::Down => "down",
            Self::Draining => "draining",
            Self::NotReady => "not_ready",
            Self::Starting => "starting",
            Self::Unchecked => "unchecked",
            Self::Trial => "trial",
            Self::Degraded => "degraded",
            Self::Ramping => "ramping",
            Self::Up => "up",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The verdict as `combine` gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub cause: Cause,
    /// The share of its configured weight that it may use now: 1.0, less while it ramps or is degraded, 0.0 when not eligible.
    pub share: f64,
    /// The earliest moment at which it can be eligible again, when that can be computed: the maximum over all causes that hold it out.
    pub earliest_return: Option<Timestamp>,
    /// No readiness probe: passive evidence only.
    pub unprobed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// May it have traffic, and does it count for the size of its pool?
    #[test]
    fn a_cause_says_who_serves_and_who_counts() {
        for (cause, eligible, counted) in [
            (Cause::ForcedDown, false, true),
            (Cause::Drained, false, false),
            (Cause::ForcedUp, true, true),
            (Cause::Ejected, false, true),
            (Cause::NotAlive, false, true),
            (Cause::Down, false, true),
            (Cause::Draining, false, false),
            (Cause::NotReady, false, true),
            (Cause::Starting, false, false),
            (Cause::Unchecked, false, false),
            (Cause::Trial, false, true),
            (Cause::Degraded, true, true),
            (Cause::Ramping, true, true),
            (Cause::Up, true, true),
        ] {
            assert_eq!((cause.eligible(), cause.counted()), (eligible, counted), "{cause}");
        }
    }

    #[test]
    fn each_word_is_that_of_one_cause() {
        for cause in Cause::ALL {
            assert_eq!(Cause::of_word(cause.word()), Some(cause));
            assert_eq!(cause.to_string(), cause.word());
        }
        for other in ["", "Up", "up ", "gone"] {
            assert_eq!(Cause::of_word(other), None, "{other:?}");
        }
    }
}
