//! Why did a notice not arrive, and is it worth another try?

use std::time::Duration;

/// Why a notice did not arrive, as a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It may be taken the next time, and not before.
    ForNow(String, Option<Duration>),
    /// It will never be.
    ForGood(String),
}

impl Failed {
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::ForGood(_))
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::ForNow(why, _) | Self::ForGood(why) => why,
        }
    }

    /// How long the receiver wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ForNow(_, retry_after) => *retry_after,
            Self::ForGood(_) => None,
        }
    }
}

pub(super) fn for_now(why: String) -> Failed {
    Failed::ForNow(why, None)
}
