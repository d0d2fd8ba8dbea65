//! How did an attempt end, and how far had it come? One of four states that exclude each other, and what each leaves to be done.

use crate::http::problem::Problem;
use crate::traffic::outcome::{AttemptEnd, LetGo};

/// The end of an attempt, with its progress. Interim answers (1xx) are no beginning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing of an answer has reached the client: somebody else may be asked.
    Unanswered(AttemptEnd),
    /// As before, but nobody else could answer it either: the request is at fault, or its time is up. We say so ourselves.
    Refused { problem: Problem, end: AttemptEnd },
    /// The answer had begun towards the client, and broke off.
    Broken(AttemptEnd),
    /// The answer was delivered whole. `sent`: so was the request. What is missing of a body would be read out of the next request, so
    /// that only then the client's connection may carry another one. `reusable`: all of it was read before the answer began. What came behind
    /// may be read as a request, so that only then the backend's may.
    Whole { end: AttemptEnd, sent: bool, reusable: bool },
}

impl Ended {
    /// The same, of a request for another protocol that was put to the backend over HTTP/1.1, though it is spoken to over HTTP/2: it owes no
    /// answer there, and what it does not answer says nothing against it.
    pub fn beside(self) -> Self {
        use AttemptEnd::{InvalidResponse, PerTryTimeout, ResetBeforeHead, TlsFailed};
        match self {
            Self::Unanswered(InvalidResponse | PerTryTimeout | ResetBeforeHead { .. } | TlsFailed) => {
                Self::Refused { problem: Problem::UpgradeRefused, end: AttemptEnd::Ours }
            }
            ended => ended,
        }
    }

    /// What it says of the backend.
    pub fn end(&self) -> &AttemptEnd {
        match self {
            Self::Unanswered(end) | Self::Refused { end, .. } | Self::Broken(end) | Self::Whole { end, .. } => end,
        }
    }
}

/// Why a client does not get a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It left before an answer had begun.
    LeftUnanswered,
    /// It left while it was answered.
    ClientLeft,
    /// The backend broke off within the body, or fell silent.
    BackendBrokeOff,
    /// The backend went down, and its connections with it.
    WentDown,
    /// What came behind its head is none, or more than accepted.
    BadAnswer,
    /// It was given up.
    LetGo(LetGo),
    /// We could not go on.
    ByUs,
}

impl Cut {
    /// Of an answer that had begun.
    pub(super) const fn of(end: &AttemptEnd) -> Self {
        match end {
            AttemptEnd::ClientAborted { .. } => Self::ClientLeft,
            AttemptEnd::BrokenBody { .. } => Self::BackendBrokeOff,
            AttemptEnd::InvalidResponse => Self::BadAnswer,
            AttemptEnd::LetGo { why, .. } => Self::LetGo(*why),
            AttemptEnd::CutOff => Self::WentDown,
            _ => Self::ByUs,
        }
    }

    /// The stable code for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::LeftUnanswered | Self::ClientLeft => "client_left",
            Self::BackendBrokeOff => "backend_broke_off",
            Self::BadAnswer => Problem::BadBackendAnswer.reason(),
            Self::LetGo(why) => why.word(),
            Self::WentDown | Self::ByUs => "cut",
        }
    }

    /// What somebody is told who can be told behind the head of an answer (gRPC); `None`: nobody is there to be told.
    pub const fn problem(self) -> Option<Problem> {
        match self {
            Self::LeftUnanswered | Self::ClientLeft | Self::LetGo(LetGo::ClientStalled | LetGo::Overtaken) => None,
            Self::BackendBrokeOff | Self::WentDown => Some(Problem::BackendFailed),
            Self::BadAnswer => Some(Problem::BadBackendAnswer),
            Self::LetGo(LetGo::TotalTimeout) => Some(Problem::TotalTimeout),
            Self::LetGo(LetGo::Deadline) => Some(Problem::DeadlineExceeded),
            Self::LetGo(LetGo::IdleTimeout) => Some(Problem::BackendTimeout),
            Self::ByUs => Some(Problem::Internal),
        }
    }
}

/// What the client of a request is told whose last attempt ended so, unanswered.
pub(super) const fn told(end: &AttemptEnd) -> Result<Problem, Cut> {
    match end {
        AttemptEnd::PerTryTimeout | AttemptEnd::ConnectFailed { timed_out: true } => Ok(Problem::BackendTimeout),
        AttemptEnd::InvalidResponse => Ok(Problem::BadBackendAnswer),
        AttemptEnd::HeadTooLarge => Ok(Problem::ResponseHeadTooLarge),
        AttemptEnd::ClientAborted { .. } => Err(Cut::LeftUnanswered),
        AttemptEnd::NoRoom => Ok(Problem::Overloaded),
        AttemptEnd::Ours => Ok(Problem::Internal),
        _ => Ok(Problem::BackendFailed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LEFT: AttemptEnd = AttemptEnd::ClientAborted { waited: Duration::ZERO, head_seen: true };

    #[test]
    fn an_answer_that_broke_off_says_why() {
        let let_go = |why, reason, problem| {
            (AttemptEnd::LetGo { why, waited: Duration::ZERO, head_seen: true }, Cut::LetGo(why), reason, problem)
        };
        for (end, cut, reason, problem) in [
            (LEFT, Cut::ClientLeft, "client_left", None),
            (
                AttemptEnd::BrokenBody { status: 200 },
                Cut::BackendBrokeOff,
                "backend_broke_off",
                Some(Problem::BackendFailed),
            ),
            (AttemptEnd::CutOff, Cut::WentDown, "cut", Some(Problem::BackendFailed)),
            (AttemptEnd::InvalidResponse, Cut::BadAnswer, "bad_backend_answer", Some(Problem::BadBackendAnswer)),
            let_go(LetGo::TotalTimeout, "total_timeout", Some(Problem::TotalTimeout)),
            let_go(LetGo::Deadline, "deadline_exceeded", Some(Problem::DeadlineExceeded)),
            let_go(LetGo::IdleTimeout, "idle_timeout", Some(Problem::BackendTimeout)),
            let_go(LetGo::ClientStalled, "client_stalled", None),
            (AttemptEnd::Ours, Cut::ByUs, "cut", Some(Problem::Internal)),
        ] {
            assert_eq!((Cut::of(&end), cut.reason(), cut.problem()), (cut, reason, problem), "{end:?}");
        }
    }

    #[test]
    fn what_a_backend_of_http2_does_not_answer_over_http1_is_not_held_against_it() {
        let excused = Ended::Refused { problem: Problem::UpgradeRefused, end: AttemptEnd::Ours };
        for end in [
            AttemptEnd::InvalidResponse,
            AttemptEnd::PerTryTimeout,
            AttemptEnd::ResetBeforeHead { reused: false },
            AttemptEnd::TlsFailed,
        ] {
            assert_eq!(Ended::Unanswered(end).beside(), excused);
        }
        for ended in [
            Ended::Unanswered(AttemptEnd::ConnectFailed { timed_out: true }),
            Ended::Unanswered(LEFT),
            Ended::Broken(AttemptEnd::BrokenBody { status: 200 }),
            Ended::Whole { end: AttemptEnd::Response { status: 404 }, sent: true, reusable: true },
        ] {
            assert_eq!(ended.clone().beside(), ended);
        }
    }

    #[test]
    fn a_request_that_nobody_answered_is_told_why() {
        for (end, expected) in [
            (AttemptEnd::PerTryTimeout, Ok(Problem::BackendTimeout)),
            (AttemptEnd::ConnectFailed { timed_out: true }, Ok(Problem::BackendTimeout)),
            (AttemptEnd::ConnectFailed { timed_out: false }, Ok(Problem::BackendFailed)),
            (AttemptEnd::TlsFailed, Ok(Problem::BackendFailed)),
            (AttemptEnd::ResetBeforeHead { reused: true }, Ok(Problem::BackendFailed)),
            (AttemptEnd::NotProcessed { excused: false }, Ok(Problem::BackendFailed)),
            (AttemptEnd::CutOff, Ok(Problem::BackendFailed)),
            (AttemptEnd::InvalidResponse, Ok(Problem::BadBackendAnswer)),
            (AttemptEnd::HeadTooLarge, Ok(Problem::ResponseHeadTooLarge)),
            (AttemptEnd::NoRoom, Ok(Problem::Overloaded)),
            (AttemptEnd::Ours, Ok(Problem::Internal)),
            (LEFT, Err(Cut::LeftUnanswered)),
        ] {
            assert_eq!(told(&end), expected, "{end:?}");
        }
    }
}
