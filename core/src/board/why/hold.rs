//! Why is a pool held in place against its probes, and why not any more?

use super::failure::Failure;
use crate::base::time::brief;
use std::fmt;
use std::time::Duration;

/// So many of a pool fell together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) struct Hold {
    pub fallen: usize,
    pub pool: usize,
    pub failure: Failure,
    /// They are held for so long.
    pub time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::board) enum HoldOver {
    TurnedOff,
    WellAgain,
    TimeOver,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fallen, pool, failure, time } = self;
        let time = brief(*time);
        write!(
            f,
            "{fallen} of {pool} fell together, all for the same reason ({failure}); they are held for {time} at most"
        )
    }
}

impl fmt::Display for HoldOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TurnedOff => "it is turned off",
            Self::WellAgain => "most of the pool is well again",
            Self::TimeOver => "its time is over: now the verdicts count",
        })
    }
}
