//! May this request try again, and with whom?
//!
//! The rules of the design, as one function over plain data, shared by every data path: `retry_on` for idempotent methods,
//! connect failures for every method, never after a byte of the response went to the client, never a non-idempotent
//! request that may have reached a backend, at most one try per backend, and a budget that retries after a failed
//! *connect* do not draw on.

use super::outcome::AttemptEnd;
use super::plan::RetryPlan;

/// What is known when an attempt has ended.
#[derive(Clone, Debug)]
pub struct AfterAttempt<'a> {
    pub end: &'a AttemptEnd,
    /// RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
    pub idempotent: bool,
    /// A byte of the response was already written to the client.
    pub response_started: bool,
    /// The request body can be sent again from the start (it is empty, or fits the retry buffer).
    pub replayable: bool,
    /// Nothing of the request can have reached the backend (the connection was never made).
    pub never_sent: bool,
    /// Attempts made so far, this one included.
    pub attempts: u32,
    /// An eligible backend that this request has not tried exists.
    pub untried_left: bool,
    /// The total time of the request is not used up.
    pub time_left: bool,
}

/// The decision, with the stable word for logs and metrics where it is no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try another backend. `costs_token`: ask the budget first.
    Retry {
        costs_token: bool,
    },
    Stop(StopReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It did not fail, or failed in a way that `retry_on` does not name.
    NotRetriable,
    NotIdempotent,
    ResponseStarted,
    BodyNotReplayable,
    LimitReached,
    NobodyLeft,
    NoTime,
    Budget,
}

/// See the header of this file.
pub fn decide(_after: &AfterAttempt<'_>, _plan: &RetryPlan) -> Next {
    todo!()
}

/// RFC 9110 §9.2.2.
pub fn is_idempotent(_method: &str) -> bool {
    todo!()
}
