//! What is to be done for a request? One thing at a time; whoever has done it says what came of it, and is told the next.

use super::bounds::Bounds;
use super::ended::Cut;
use crate::base::time::Timestamp;
use crate::http::problem::Problem;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::snapshot::Pool;
use std::sync::Arc;
use std::time::Duration;

/// The one thing to do.
#[derive(Debug)]
pub enum Action {
    /// Ask somebody who is no backend.
    Ask(Question),
    Attempt(Attempt),
    /// Ask this one too, while the attempt goes on: whichever answers first is delivered.
    Hedge(Attempt),
    Wait(Wait),
    /// Go on with what is under way.
    Continue,
    /// The answer whose head was shown is the client's. Another that was asked is let go.
    Deliver,
    /// Answer by ourselves. `retry_after`: whole seconds.
    Answer {
        problem: Problem,
        retry_after: Option<u64>,
    },
    /// The client cannot have a whole answer.
    Cut(Cut),
    /// Nothing: the client has its answer.
    Nothing,
}

/// What somebody else is asked before any backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who is the client?
    Identity,
    /// Is there room in a limit that several gateways share?
    Limit,
}

/// Whom to ask, and on what terms. The place there is held for as long as the attempt lasts.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub pool: Arc<Pool>,
    pub endpoint: Arc<Endpoint>,
    /// It decides whether the backend may come back.
    pub trial: bool,
    pub pin: Pin,
    pub way: Way,
    pub bounds: Bounds,
    /// So long after the request was sent and with no head there, somebody else may be asked too.
    pub hedge_after: Option<Duration>,
}

/// Is the client bound to the backend that it is sent to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    Unbound,
    /// It goes where its cookie says.
    Kept,
    /// Its cookie names nobody who may be asked: it gets a new one.
    New,
}

/// Over which connection?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Any,
    /// One that has rested was closed by the backend just as it was used, or carries as much as it may.
    NewConnection,
}

/// Until something changes, or until its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub why: Awaited,
    pub until: Timestamp,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The first verdicts on an upstream of which nothing is known yet: the next publication tells.
    Verdicts,
    /// Room at its upstream: whoever gives a place back rings, and a publication may make some.
    Room,
    /// Somebody who is eligible: the next publication tells.
    Somebody,
}
