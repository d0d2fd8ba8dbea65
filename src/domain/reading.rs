//! What did a probe read, and what does that mean?
//!
//! The prober (a shell) fills in a [`Reading`]: plain facts of the wire. [`judge`] turns it into a [`Verdict`] by the table of
//! the design: 2xx pass; 3xx pass with a warning; 503 and a timeout after connecting = not ready; other 5xx, refused, TLS
//! = down; 400, 401, 403, 404 = misconfiguration with a hint.

use super::plan::ProbePlan;
use std::time::Duration;

/// The facts of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub result: ReadingResult,
    /// From the start of the connect to the end.
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadingResult {
    /// A complete HTTP response within the deadline. `location`: the header of a 3xx.
    Http {
        status: u16,
        location: Option<String>,
    },
    /// A TCP probe connected.
    Connected,
    /// Refused, unreachable, no such socket: the reason in words.
    ConnectFailed(String),
    TlsFailed(String),
    /// The total deadline passed. `connected`: the connection (TLS included) was there.
    TimedOut {
        connected: bool,
    },
    /// Reset, closed early, not HTTP, a head beyond the limits: the reason in words.
    BrokenAnswer(String),
    /// The body went past the cap (bytes). The status was `status`.
    BodyTooLarge {
        status: u16,
        cap: usize,
    },
}

/// The kinds of failure, as `immediate: [kinds]` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeFailure {
    Refused,
    Timeout,
    Tls,
    Status,
    Body,
}

/// What one probe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass { warning: Option<String> },
    Fail { kind: ProbeFailure, severity: Severity, why: String, hint: Option<String> },
}

/// How a failed probe takes a backend out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Alive but not serving: requests in flight finish.
    NotReady,
    /// Dead or wrong: idle connections to it are retired too.
    Down,
}

/// See the header of this file.
pub fn judge(_reading: &Reading, _plan: &ProbePlan) -> Verdict {
    todo!()
}
