//! What does the end of an attempt say about the backend?
//!
//! One table, [`classify`], turns what happened on the wire into an [`Outcome`]. Shells describe; they do not judge.

use crate::http::grpc;
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
    /// A whole answer of a gRPC backend, with the status that its trailers say.
    GrpcStatus(u16),
    /// The backend said that it did nothing with the request (HTTP/2). `excused`: its connection was about to end, as connections do, or it
    /// takes fewer requests at once than was known when this one was sent; else it refused this one.
    NotProcessed { excused: bool },
    /// All connections that there may be to it carried as many requests as it takes, and none of them ended in time.
    NoRoom,
    /// The connection ended before any byte of a response head. `reused`: it came from the idle pool.
    ResetBeforeHead { reused: bool },
    /// The backend answered with something that is not HTTP.
    InvalidResponse,
    /// The head of its answer is larger than we take (`limits.response_head_bytes`): our limit, not its fault.
    HeadTooLarge,
    /// The head arrived (`status`), then the body broke off or fell silent.
    BrokenBody { status: u16 },
    /// The client left after `waited` since the request was fully sent. `head_seen`: the response had begun.
    ClientAborted { waited: Duration, head_seen: bool },
    /// It was given up, `waited` after the request was fully sent. `head_seen`: the response had begun.
    LetGo { why: LetGo, waited: Duration, head_seen: bool },
    /// The backend went down meanwhile, and its upstream's `on_down` is `close_all`.
    CutOff,
    /// Something on our own side (limits, shutdown) ended it.
    Ours,
}

/// Why an attempt was given up that might have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetGo {
    /// The time of the whole request was over.
    TotalTimeout,
    /// The time that its caller gives it was over (`grpc-timeout`).
    Deadline,
    /// Nothing moved for `timeouts.idle`.
    IdleTimeout,
    /// The client took nothing of its answer for `timeouts.idle`.
    ClientStalled,
    /// Another backend that was asked too answered first.
    Overtaken,
}

impl LetGo {
    /// The stable word for logs and traces, and the reason where nothing else can be told.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TotalTimeout => "total_timeout",
            Self::Deadline => "deadline_exceeded",
            Self::IdleTimeout => "idle_timeout",
            Self::ClientStalled => "client_stalled",
            Self::Overtaken => "overtaken",
        }
    }
}

impl AttemptEnd {
    /// Nothing was done with the request: it may go elsewhere, whatever its method.
    pub const fn never_processed(&self) -> bool {
        matches!(self, Self::ConnectFailed { .. } | Self::TlsFailed | Self::NotProcessed { .. } | Self::NoRoom)
    }

    /// The stable word for logs and traces.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Response { .. } => "response",
            Self::ConnectFailed { timed_out: true } => "connect_timeout",
            Self::ConnectFailed { timed_out: false } => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::PerTryTimeout => "timeout",
            Self::GrpcStatus(_) => "grpc_status",
            Self::NotProcessed { .. } => "not_processed",
            Self::NoRoom => "no_room",
            Self::LetGo { why, .. } => why.word(),
            Self::ResetBeforeHead { .. } => "reset",
            Self::InvalidResponse => "invalid_response",
            Self::HeadTooLarge => "head_too_large",
            Self::BrokenBody { .. } => "broken_body",
            Self::ClientAborted { .. } => "client_left",
            Self::CutOff => "cut_off",
            Self::Ours => "ended_by_us",
        }
    }

    /// The stable words of [`Self::result`].
    pub const RESULTS: [&'static str; 17] = [
        "response",
        "bad_status",
        "connect_failed",
        "connect_timeout",
        "tls_failed",
        "timeout",
        "bad_grpc_status",
        "not_processed",
        "reset",
        "invalid_response",
        "broken_body",
        "abandoned",
        "cut_off",
        "ended_by_us",
        "head_too_large",
        "no_room",
        "deadline",
    ];

    /// For counting: its place in [`Self::RESULTS`]. Answers that blame the backend are told from those that do not; an attempt is
    /// abandoned when the client leaves or takes nothing, or another backend was asked too and answered first; a deadline is ours or the
    /// caller's.
    pub fn result(&self) -> usize {
        match self {
            Self::Response { status } if !matches!(classify_status(*status), Outcome::Failure(_)) => 0,
            Self::Response { .. } => 1,
            Self::ConnectFailed { timed_out: false } => 2,
            Self::ConnectFailed { timed_out: true } => 3,
            Self::TlsFailed => 4,
            Self::PerTryTimeout => 5,
            Self::GrpcStatus(status) if grpc::blames_the_backend(*status) => 6,
            Self::GrpcStatus(_) => 0,
            Self::NotProcessed { .. } => 7,
            Self::ResetBeforeHead { .. } => 8,
            Self::InvalidResponse => 9,
            Self::BrokenBody { .. } => 10,
            Self::ClientAborted { .. } => 11,
            Self::CutOff => 12,
            Self::Ours => 13,
            Self::HeadTooLarge => 14,
            Self::NoRoom => 15,
            Self::LetGo { why: LetGo::ClientStalled | LetGo::Overtaken, .. } => 11,
            Self::LetGo { .. } => 16,
        }
    }

    /// What the backend said, if it did: HTTP's status, or gRPC's.
    pub const fn said(&self) -> Option<u16> {
        match self {
            Self::Response { status } | Self::BrokenBody { status } | Self::GrpcStatus(status) => Some(*status),
            _ => None,
        }
    }
}

/// The judgement on a backend from one attempt of live traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure(FailureKind),
    /// Not a failure, but suspicious: an impatient client left before a head came, or an idle connection was gone when it was used. Pulls
    /// the probe forward, and counts as load for a while.
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
    /// It refused a request that it had room for by its own word.
    Refused,
    /// The head of its answer was larger than we take; alone as little as a 5xx.
    HeadTooLarge,
    /// A 5xx answer; alone it ejects only when peers do better (see the outlier machine).
    Status(u16),
    /// A gRPC status that a caller's own mistake does not explain; alone as little as a 5xx.
    Grpc(u16),
}

impl FailureKind {
    /// Said in an answer: a poison request gets it from every backend.
    pub const fn is_said(self) -> bool {
        matches!(self, Self::Status(_) | Self::Grpc(_) | Self::HeadTooLarge)
    }
}

/// The table: what happened on the wire → what it says about the backend. `slow_after` is the wait beyond which a client's
/// abort before the head counts as a soft failure (at least 1 s, or five times the pool's p99).
pub fn classify(end: &AttemptEnd, slow_after: Duration) -> Outcome {
    use Outcome::{Failure, Ignored, SoftFailure};
    match end {
        AttemptEnd::Response { status } => classify_status(*status),
        AttemptEnd::GrpcStatus(status) if grpc::blames_the_backend(*status) => Failure(FailureKind::Grpc(*status)),
        AttemptEnd::GrpcStatus(_) => Outcome::Success,
        AttemptEnd::NotProcessed { excused: true } => Ignored,
        AttemptEnd::NotProcessed { excused: false } => Failure(FailureKind::Refused),
        AttemptEnd::ConnectFailed { .. } => Failure(FailureKind::Connect),
        AttemptEnd::TlsFailed => Failure(FailureKind::Tls),
        AttemptEnd::PerTryTimeout => Failure(FailureKind::Timeout),
        // It may have closed an idle connection just as we used it: both were right then. Where that goes on and on, something cuts its
        // connections, and others should carry its load meanwhile.
        AttemptEnd::ResetBeforeHead { reused: true } => SoftFailure,
        AttemptEnd::ResetBeforeHead { reused: false } => Failure(FailureKind::Reset),
        AttemptEnd::InvalidResponse => Failure(FailureKind::Invalid),
        AttemptEnd::HeadTooLarge => Failure(FailureKind::HeadTooLarge),
        AttemptEnd::BrokenBody { .. } => Failure(FailureKind::BrokenBody),
        // Impatient clients must not hide a frozen backend.
        AttemptEnd::ClientAborted { waited, head_seen: false } | AttemptEnd::LetGo { waited, head_seen: false, .. }
            if *waited >= slow_after =>
        {
            SoftFailure
        }
        // Probes or an operator have spoken: what we cut ourselves is no more evidence.
        AttemptEnd::ClientAborted { .. }
        | AttemptEnd::LetGo { .. }
        | AttemptEnd::NoRoom
        | AttemptEnd::CutOff
        | AttemptEnd::Ours => Ignored,
    }
}

fn classify_status(status: u16) -> Outcome {
    match status {
        // "Slow down" is neither good nor bad health.
        429 => Outcome::Ignored,
        // The request asked for what this backend never does: the request's matter.
        501 | 505 => Outcome::Success,
        500..=599 => Outcome::Failure(FailureKind::Status(status)),
        _ => Outcome::Success,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_secs(1);

    #[test]
    fn every_status() {
        for status in 100..=599 {
            let expected = match status {
                429 => Outcome::Ignored,
                500 | 502..=504 | 506..=599 => Outcome::Failure(FailureKind::Status(status)),
                _ => Outcome::Success,
            };
            assert_eq!(classify(&AttemptEnd::Response { status }, SLOW), expected, "{status}");
        }
    }

    #[test]
    fn every_end_is_counted_as_what_it_is() {
        let waited = Duration::ZERO;
        for (end, word) in [
            (AttemptEnd::Response { status: 200 }, "response"),
            (AttemptEnd::Response { status: 404 }, "response"),
            (AttemptEnd::Response { status: 501 }, "response"),
            (AttemptEnd::Response { status: 503 }, "bad_status"),
            (AttemptEnd::ConnectFailed { timed_out: false }, "connect_failed"),
            (AttemptEnd::ConnectFailed { timed_out: true }, "connect_timeout"),
            (AttemptEnd::TlsFailed, "tls_failed"),
            (AttemptEnd::PerTryTimeout, "timeout"),
            (AttemptEnd::GrpcStatus(0), "response"),
            (AttemptEnd::GrpcStatus(14), "bad_grpc_status"),
            (AttemptEnd::NotProcessed { excused: true }, "not_processed"),
            (AttemptEnd::ResetBeforeHead { reused: true }, "reset"),
            (AttemptEnd::InvalidResponse, "invalid_response"),
            (AttemptEnd::HeadTooLarge, "head_too_large"),
            (AttemptEnd::BrokenBody { status: 200 }, "broken_body"),
            (AttemptEnd::ClientAborted { waited, head_seen: true }, "abandoned"),
            (AttemptEnd::CutOff, "cut_off"),
            (AttemptEnd::Ours, "ended_by_us"),
            (AttemptEnd::NoRoom, "no_room"),
            (AttemptEnd::LetGo { why: LetGo::TotalTimeout, waited, head_seen: false }, "deadline"),
            (AttemptEnd::LetGo { why: LetGo::Deadline, waited, head_seen: true }, "deadline"),
            (AttemptEnd::LetGo { why: LetGo::IdleTimeout, waited, head_seen: true }, "deadline"),
            (AttemptEnd::LetGo { why: LetGo::ClientStalled, waited, head_seen: true }, "abandoned"),
            (AttemptEnd::LetGo { why: LetGo::Overtaken, waited, head_seen: false }, "abandoned"),
        ] {
            assert_eq!(AttemptEnd::RESULTS[end.result()], word, "{end:?}");
        }
    }

    #[test]
    fn every_other_end() {
        let aborted =
            |millis, head_seen| AttemptEnd::ClientAborted { waited: Duration::from_millis(millis), head_seen };
        let let_go =
            |why, millis, head_seen| AttemptEnd::LetGo { why, waited: Duration::from_millis(millis), head_seen };
        for (end, expected) in [
            (AttemptEnd::ConnectFailed { timed_out: false }, Outcome::Failure(FailureKind::Connect)),
            (AttemptEnd::ConnectFailed { timed_out: true }, Outcome::Failure(FailureKind::Connect)),
            (AttemptEnd::TlsFailed, Outcome::Failure(FailureKind::Tls)),
            (AttemptEnd::PerTryTimeout, Outcome::Failure(FailureKind::Timeout)),
            (AttemptEnd::GrpcStatus(0), Outcome::Success),
            (AttemptEnd::GrpcStatus(5), Outcome::Success),
            (AttemptEnd::GrpcStatus(14), Outcome::Failure(FailureKind::Grpc(14))),
            (AttemptEnd::NotProcessed { excused: true }, Outcome::Ignored),
            (AttemptEnd::NotProcessed { excused: false }, Outcome::Failure(FailureKind::Refused)),
            (AttemptEnd::ResetBeforeHead { reused: false }, Outcome::Failure(FailureKind::Reset)),
            (AttemptEnd::ResetBeforeHead { reused: true }, Outcome::SoftFailure),
            (AttemptEnd::InvalidResponse, Outcome::Failure(FailureKind::Invalid)),
            (AttemptEnd::HeadTooLarge, Outcome::Failure(FailureKind::HeadTooLarge)),
            (AttemptEnd::BrokenBody { status: 200 }, Outcome::Failure(FailureKind::BrokenBody)),
            (aborted(999, false), Outcome::Ignored),
            (aborted(1000, false), Outcome::SoftFailure),
            (aborted(60_000, true), Outcome::Ignored),
            (let_go(LetGo::TotalTimeout, 999, false), Outcome::Ignored),
            (let_go(LetGo::TotalTimeout, 1000, false), Outcome::SoftFailure),
            (let_go(LetGo::Overtaken, 1000, false), Outcome::SoftFailure),
            (let_go(LetGo::IdleTimeout, 60_000, true), Outcome::Ignored),
            (let_go(LetGo::ClientStalled, 60_000, true), Outcome::Ignored),
            (AttemptEnd::NoRoom, Outcome::Ignored),
            (AttemptEnd::CutOff, Outcome::Ignored),
            (AttemptEnd::Ours, Outcome::Ignored),
        ] {
            assert_eq!(classify(&end, SLOW), expected, "{end:?}");
        }
    }

    #[test]
    fn what_is_said_in_answers_is_compared_with_the_peers() {
        for (kind, said) in [
            (FailureKind::Status(503), true),
            (FailureKind::Grpc(14), true),
            (FailureKind::HeadTooLarge, true),
            (FailureKind::Invalid, false),
            (FailureKind::Reset, false),
        ] {
            assert_eq!(kind.is_said(), said, "{kind:?}");
        }
    }
}
