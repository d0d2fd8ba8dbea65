//! What happens to a request? What came of the thing that was to be done for it, and what came meanwhile.

use super::ended::Ended;
use crate::http::problem::Problem;
use std::time::Duration;

/// Something has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Its head was read, and its route is known.
    Begun,
    /// Somebody who was asked beforehand lets it pass, or says why not.
    Answered(Result<(), Problem>),
    /// The head of an answer is there, and nothing of it has been passed on.
    Head(Head),
    /// The attempt is over. `replayable`: the request can be sent again from its beginning.
    Ended { ended: Ended, replayable: bool },
    /// The backend that was asked too has no answer that one would want, or none at all.
    HedgeLost,
    /// The time has come that was waited for.
    Woken,
    /// There may be room, or another snapshot is in force.
    Changed,
    /// The client is gone, or takes its request back.
    ClientLeft,
}

/// The head of a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// So long after the request was sent.
    pub after: Duration,
    pub by: Asked,
    /// The request can be sent again from its beginning.
    pub replayable: bool,
}

/// Of two that were asked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    First,
    /// The one that was asked when the first was late.
    Hedge,
}
