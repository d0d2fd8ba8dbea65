//! May this request try again, and with whom?
//!
//! The rules of the design, as one function over plain data, shared by every data path: `retry_on` for idempotent methods, connect
//! failures for every method, never a non-idempotent request that may have reached a backend, at most one try per backend, and a budget
//! that retries after a failed *connect* do not draw on. It is asked while nothing of an answer has reached the client.

use crate::base::time::Timestamp;
use crate::plan::RetryPlan;
use crate::traffic::outcome::AttemptEnd;
use crate::traffic::retry_budget::RetryBudget;
use std::time::Duration;

/// What another attempt needs at least: with less, it could only blame a backend for the deadline.
const LEAST_TIME: Duration = Duration::from_millis(50);

/// A client that leaves after this long without a response head makes the backend suspect.
pub const SLOW_AFTER: Duration = Duration::from_secs(1);

/// What is known when an attempt has ended.
#[derive(Clone, Debug)]
pub struct AfterAttempt<'a> {
    pub end: &'a AttemptEnd,
    /// RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
    pub idempotent: bool,
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
    BodyNotReplayable,
    LimitReached,
    NobodyLeft,
    NoTime,
    Budget,
}

impl StopReason {
    /// The stable word for logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotRetriable => "not_retriable",
            Self::NotIdempotent => "not_idempotent",
            Self::BodyNotReplayable => "body_not_replayable",
            Self::LimitReached => "limit",
            Self::NobodyLeft => "nobody_left",
            Self::NoTime => "no_time",
            Self::Budget => "budget",
        }
    }
}

/// See the header of this file.
pub fn decide(after: &AfterAttempt<'_>, plan: &RetryPlan) -> Next {
    if !named_in_retry_on(after.end, plan) {
        return Next::Stop(StopReason::NotRetriable);
    }
    // The order is that of the reasons' weight: what forbids a retry comes before what merely runs out.
    let stops = [
        (!after.never_sent && !after.idempotent, StopReason::NotIdempotent),
        (!after.replayable, StopReason::BodyNotReplayable),
        (after.attempts > plan.limit, StopReason::LimitReached),
        (!after.time_left, StopReason::NoTime),
        (!after.untried_left, StopReason::NobodyLeft),
    ];
    match stops.into_iter().find(|(applies, _)| *applies) {
        Some((_, reason)) => Next::Stop(reason),
        None => Next::Retry { costs_token: !after.never_sent },
    }
}

/// Is there time for another attempt?
pub fn time_left(now: Timestamp, deadline: Timestamp) -> bool {
    deadline.since(now) >= LEAST_TIME
}

/// The decision, and the budget's where it costs a token.
pub fn within_budget(next: Next, budget: &RetryBudget, now: Timestamp) -> Next {
    match next {
        Next::Retry { costs_token: true } if !budget.withdraw(now) => Next::Stop(StopReason::Budget),
        next => next,
    }
}

fn named_in_retry_on(end: &AttemptEnd, plan: &RetryPlan) -> bool {
    match end {
        AttemptEnd::ConnectFailed { .. } | AttemptEnd::TlsFailed => plan.on.connect,
        AttemptEnd::ResetBeforeHead { .. }
        | AttemptEnd::InvalidResponse
        | AttemptEnd::NotProcessed { .. }
        | AttemptEnd::NoRoom
        | AttemptEnd::CutOff => plan.on.reset,
        AttemptEnd::PerTryTimeout => plan.on.timeout,
        AttemptEnd::Response { status } => plan.on.statuses.binary_search(status).is_ok(),
        // The others would say the same.
        AttemptEnd::HeadTooLarge
        | AttemptEnd::GrpcStatus(_)
        | AttemptEnd::BrokenBody { .. }
        | AttemptEnd::ClientAborted { .. }
        | AttemptEnd::LetGo { .. }
        | AttemptEnd::Ours => false,
    }
}

/// RFC 9110 §9.2.2.
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BudgetPlan, RetryOn};

    fn plan() -> RetryPlan {
        RetryPlan::default()
    }

    fn after(end: &AttemptEnd) -> AfterAttempt<'_> {
        AfterAttempt {
            end,
            idempotent: true,
            replayable: true,
            never_sent: false,
            attempts: 1,
            untried_left: true,
            time_left: true,
        }
    }

    const RESET: AttemptEnd = AttemptEnd::ResetBeforeHead { reused: false };
    const REFUSED: AttemptEnd = AttemptEnd::ConnectFailed { timed_out: false };

    #[test]
    fn an_idempotent_request_may_repeat_what_was_not_answered() {
        let retry = Next::Retry { costs_token: true };
        let never = Next::Stop(StopReason::NotRetriable);
        for (end, expected) in [
            (RESET, retry),
            (AttemptEnd::ResetBeforeHead { reused: true }, retry),
            (AttemptEnd::InvalidResponse, retry),
            (AttemptEnd::PerTryTimeout, retry),
            (AttemptEnd::Response { status: 503 }, retry),
            (AttemptEnd::Response { status: 501 }, never),
            (AttemptEnd::Response { status: 200 }, never),
            (AttemptEnd::BrokenBody { status: 200 }, never),
            (AttemptEnd::NotProcessed { excused: false }, retry),
            (AttemptEnd::GrpcStatus(14), never),
            (AttemptEnd::CutOff, retry),
            (AttemptEnd::Ours, never),
        ] {
            assert_eq!(decide(&after(&end), &plan()), expected, "{end:?}");
        }
    }

    #[test]
    fn a_post_is_repeated_only_when_nothing_of_it_was_sent() {
        let refused = AfterAttempt { idempotent: false, never_sent: true, ..after(&REFUSED) };
        assert_eq!(decide(&refused, &plan()), Next::Retry { costs_token: false });
        let reset = AfterAttempt { idempotent: false, ..after(&RESET) };
        assert_eq!(decide(&reset, &plan()), Next::Stop(StopReason::NotIdempotent));
        let never_sent = AfterAttempt { idempotent: false, never_sent: true, ..after(&RESET) };
        assert_eq!(decide(&never_sent, &plan()), Next::Retry { costs_token: false });
    }

    #[test]
    fn each_reason_to_stop() {
        for (changed, reason) in [
            (AfterAttempt { replayable: false, ..after(&RESET) }, StopReason::BodyNotReplayable),
            (AfterAttempt { attempts: 3, ..after(&RESET) }, StopReason::LimitReached),
            (AfterAttempt { time_left: false, ..after(&RESET) }, StopReason::NoTime),
            (AfterAttempt { untried_left: false, ..after(&RESET) }, StopReason::NobodyLeft),
        ] {
            assert_eq!(decide(&changed, &plan()), Next::Stop(reason));
        }
    }

    /// Two reasons at once: what forbids a retry is named before what merely runs out.
    #[test]
    fn the_weightiest_reason_is_named() {
        type Change = fn(AfterAttempt<'_>) -> AfterAttempt<'_>;
        let by_weight: [(Change, StopReason); 5] = [
            (|after| AfterAttempt { idempotent: false, ..after }, StopReason::NotIdempotent),
            (|after| AfterAttempt { replayable: false, ..after }, StopReason::BodyNotReplayable),
            (|after| AfterAttempt { attempts: 9, ..after }, StopReason::LimitReached),
            (|after| AfterAttempt { time_left: false, ..after }, StopReason::NoTime),
            (|after| AfterAttempt { untried_left: false, ..after }, StopReason::NobodyLeft),
        ];
        for (at, (first, reason)) in by_weight.iter().enumerate() {
            for (second, _) in &by_weight[at..] {
                assert_eq!(decide(&first(second(after(&RESET))), &plan()), Next::Stop(*reason));
            }
            let answered = AttemptEnd::Response { status: 200 };
            assert_eq!(decide(&first(after(&answered)), &plan()), Next::Stop(StopReason::NotRetriable));
        }
    }

    /// What `retry_on` names, and by which ends it is tried again: 503 is among its statuses.
    #[test]
    fn each_word_of_retry_on_names_its_own_ends() {
        let none = RetryOn { connect: false, reset: false, timeout: false, statuses: Vec::new() };
        let ends = [
            REFUSED,
            AttemptEnd::ConnectFailed { timed_out: true },
            AttemptEnd::TlsFailed,
            RESET,
            AttemptEnd::InvalidResponse,
            AttemptEnd::NotProcessed { excused: true },
            AttemptEnd::CutOff,
            AttemptEnd::PerTryTimeout,
            AttemptEnd::Response { status: 503 },
            AttemptEnd::Response { status: 504 },
            AttemptEnd::ClientAborted { waited: Duration::from_secs(9), head_seen: false },
        ];
        for (on, retried) in [
            (none.clone(), 0..0),
            (RetryOn { connect: true, ..none.clone() }, 0..3),
            (RetryOn { reset: true, ..none.clone() }, 3..7),
            (RetryOn { timeout: true, ..none.clone() }, 7..8),
            (RetryOn { statuses: vec![503], ..none.clone() }, 8..9),
            (RetryOn { connect: true, reset: true, timeout: true, statuses: vec![503, 504] }, 0..10),
        ] {
            let plan = RetryPlan { on, ..plan() };
            for (at, end) in ends.iter().enumerate() {
                let retries = matches!(decide(&after(end), &plan), Next::Retry { .. });
                assert_eq!(retries, retried.contains(&at), "{end:?} on {:?}", plan.on);
            }
        }
    }

    /// The limit is of retries: with one, there are two attempts.
    #[test]
    fn as_many_retries_as_the_limit_follow_the_first_attempt() {
        for (limit, attempts, another) in [(0, 1, false), (1, 1, true), (1, 2, false), (2, 2, true), (2, 3, false)] {
            let plan = RetryPlan { limit, ..plan() };
            let next = decide(&AfterAttempt { attempts, ..after(&RESET) }, &plan);
            assert_eq!(matches!(next, Next::Retry { .. }), another, "{limit} retries after {attempts} attempts");
        }
    }

    /// Milliseconds until the deadline.
    #[test]
    fn with_less_than_fifty_milliseconds_there_is_no_time_left() {
        let now = Timestamp::from_secs(100);
        for (left, enough) in [(0, false), (49, false), (50, true), (10_000, true)] {
            assert_eq!(time_left(now, now + Duration::from_millis(left)), enough, "{left}");
        }
        assert!(!time_left(now, Timestamp::ZERO), "the deadline has passed");
        assert!(time_left(now, Timestamp::NEVER));
    }

    /// What was decided, the tokens there are: what comes of it, and the tokens that are left.
    #[test]
    fn the_budget_is_asked_for_what_costs_a_token_only() {
        let now = Timestamp::from_secs(100);
        let (costs, free) = (Next::Retry { costs_token: true }, Next::Retry { costs_token: false });
        let stop = Next::Stop(StopReason::NoTime);
        for (next, tokens, expected, left) in [
            (costs, 2, costs, 1),
            (costs, 1, costs, 0),
            (costs, 0, Next::Stop(StopReason::Budget), 0),
            (free, 1, free, 1),
            (free, 0, free, 0),
            (stop, 1, stop, 1),
        ] {
            let plan = BudgetPlan { ratio: 1.0, ttl: Duration::from_secs(10), min_per_second: 0 };
            let budget = RetryBudget::new(plan);
            (0..tokens).for_each(|_| budget.deposit(now));
            assert_eq!(within_budget(next, &budget, now), expected, "{next:?} with {tokens}");
            assert_eq!((0..9).filter(|_| budget.withdraw(now)).count(), left, "{next:?} with {tokens}");
        }
    }

    #[test]
    fn the_idempotent_methods_are_those_of_the_rfc() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
            assert!(is_idempotent(method));
        }
        for method in ["POST", "PATCH", "CONNECT", "get", ""] {
            assert!(!is_idempotent(method));
        }
    }
}
