//! How long may which part of an attempt take, and how much may a client send?

use crate::base::time::Timestamp;
use crate::http::problem::Problem;
use crate::plan::Timeouts;
use crate::traffic::outcome::LetGo;
use std::time::Duration;

/// The bounds of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the request being fully sent to the head of the response.
    pub per_try: Duration,
    /// Until a client that expects a 100 is told to send its body, whatever the backend says.
    pub expect_continue: Duration,
    /// Between bytes of an exchange.
    pub idle: Duration,
    pub body: BodyBounds,
    /// Silence within a request's body of which something has come.
    pub pause: Duration,
    /// When the whole request must be over.
    pub total: Timestamp,
    /// What it is when that moment has come.
    pub time_up: LetGo,
}

/// The bounds of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBounds {
    /// Silence before it, and within it.
    pub idle: Duration,
    /// Its bytes; 0 = no limit.
    pub bytes: u64,
}

/// What a gRPC call says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// How long the caller waits, as it says; `None` = without end.
    pub timeout: Option<Duration>,
}

impl Bounds {
    pub(super) fn of(
        timeouts: &Timeouts,
        call: Option<Call>,
        body: BodyBounds,
        (total, time_up): (Timestamp, LetGo),
    ) -> Self {
        // A gRPC server may keep its head until it has a message, and a stream of messages may pause: silence of both sides decides, as
        // long as nobody but us says how long that may be.
        let silence = call.map(|_| timeouts.idle);
        Self {
            connect: timeouts.connect,
            per_try: silence.or(timeouts.per_try).unwrap_or(Duration::MAX),
            expect_continue: timeouts.expect_continue,
            idle: timeouts.idle,
            body,
            pause: silence.unwrap_or(body.idle),
            total,
            time_up,
        }
    }

    /// What the client is told when the whole time is over.
    pub const fn problem(&self) -> Problem {
        match self.time_up {
            LetGo::Deadline => Problem::DeadlineExceeded,
            _ => Problem::TotalTimeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_of_a_call_is_its_callers() {
        let secs = Duration::from_secs;
        let timeouts = Timeouts { per_try: Some(secs(10)), ..Timeouts::default() };
        let body = BodyBounds { idle: secs(20), bytes: 7 };
        let total = (Timestamp::NEVER, LetGo::TotalTimeout);
        for (call, per_try, pause) in [
            (None, 10, 20),
            (Some(None), 60, 60),
            (Some(Some(secs(5))), 60, 60),
            (Some(Some(secs(360_000_000))), 60, 60),
        ] {
            let call = call.map(|timeout| Call { timeout });
            let bounds = Bounds::of(&timeouts, call, body, total);
            let said = (bounds.per_try, bounds.pause, bounds.idle, bounds.body, bounds.connect);
            assert_eq!(said, (secs(per_try), secs(pause), secs(60), body, secs(1)), "{call:?}");
            assert_eq!(bounds.expect_continue, timeouts.expect_continue);
        }
        let long_poll = Timeouts { per_try: None, ..timeouts };
        assert_eq!(Bounds::of(&long_poll, None, body, total).per_try, Duration::MAX);
    }
}
