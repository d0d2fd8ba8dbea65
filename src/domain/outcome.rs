//! What does the end of an attempt say about the backend?
//!
//! One table, [`classify`], turns what happened on the wire into an [`Outcome`]. Shells describe; they do not judge.

use std::time::Duration;

/// How one attempt ended, in plain words of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// A complete response arrived, or (for a stream) ended as it should.
    Response { status: u16 },
    /// No connection: refused, unreachable, connect timeout.
    ConnectFailed { timed_out: bool },
    /// The TLS handshake failed.
    TlsFailed,
    /// The request was fully sent and no response head came within the per-try timeout.
    PerTryTimeout,
    /// The connection ended before any byte of a response head. `reused`: it came from the idle pool.
    ResetBeforeHead { reused: bool },
    /// The backend answered with something that is not HTTP, or a head beyond the limits.
    InvalidResponse,
    /// The head arrived (`status`), then the body broke off or fell silent.
    BrokenBody { status: u16 },
    /// The client left after `waited` since the request was fully sent. `head_seen`: the response had begun.
    ClientAborted { waited: Duration, head_seen: bool },
    /// Something on our own side (limits, shutdown) ended it.
    Ours,
}

/// The judgement on a backend from one attempt of live traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure(FailureKind),
    /// Not a failure, but suspicious: an impatient client left before a head came. Pulls the probe forward.
    SoftFailure,
    /// Blames nobody.
    Ignored,
}

/// What kind of failure a backend showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    Connect,
    Tls,
    Timeout,
    Reset,
    Invalid,
    BrokenBody,
    /// A 5xx answer; alone it ejects only when peers do better (see the outlier machine).
    Status(u16),
}

/// The table: what happened on the wire → what it says about the backend. `slow_after` is the wait beyond which a client's
/// abort before the head counts as a soft failure (at least 1 s, or five times the pool's p99).
pub fn classify(_end: &AttemptEnd, _slow_after: Duration) -> Outcome {
    todo!()
}
