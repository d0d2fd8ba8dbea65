//! How long may which part of an attempt take, and how much may a client send?

use crate::base::time::Timestamp;
use crate::plan::Timeouts;
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
    /// When the whole request must be over.
    pub total: Timestamp,
}

/// The bounds of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBounds {
    /// Silence within it.
    pub idle: Duration,
    /// Its bytes; 0 = no limit.
    pub bytes: u64,
}

/// What a gRPC call says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// How long the caller waits; `None` = without end.
    pub timeout: Option<Duration>,
}

impl Bounds {
    pub(super) fn of(timeouts: &Timeouts, call: Option<Call>, body: BodyBounds, total: Timestamp) -> Self {
        // A gRPC server may keep its head until it has a message, and a stream of messages may pause: its caller's deadline decides, and
        // where it has none, silence.
        let silence = call.map(|call| call.timeout.map_or(timeouts.idle, |own| own.max(timeouts.idle)));
        Self {
            connect: timeouts.connect,
            per_try: silence.or(timeouts.per_try).unwrap_or(Duration::MAX),
            expect_continue: timeouts.expect_continue,
            idle: silence.unwrap_or(timeouts.idle),
            body: BodyBounds { idle: silence.unwrap_or(body.idle), ..body },
            total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_a_call_follow_its_caller() {
        let secs = Duration::from_secs;
        let timeouts = Timeouts {
            connect: secs(1),
            per_try: Some(secs(10)),
            expect_continue: secs(2),
            idle: secs(60),
            total: Some(secs(30)),
        };
        let body = BodyBounds { idle: secs(20), bytes: 7 };
        for (call, per_try, idle, body_idle) in [
            (None, 10, 60, 20),
            (Some(None), 60, 60, 60),
            (Some(Some(secs(5))), 60, 60, 60),
            (Some(Some(secs(90))), 90, 90, 90),
        ] {
            let call = call.map(|timeout| Call { timeout });
            let bounds = Bounds::of(&timeouts, call, body, Timestamp::NEVER);
            let said = (bounds.per_try, bounds.idle, bounds.body.idle, bounds.body.bytes, bounds.connect);
            assert_eq!(said, (secs(per_try), secs(idle), secs(body_idle), 7, secs(1)), "{call:?}");
            assert_eq!(bounds.expect_continue, secs(2));
        }
        let long_poll = Timeouts { per_try: None, ..timeouts };
        assert_eq!(Bounds::of(&long_poll, None, body, Timestamp::NEVER).per_try, Duration::MAX);
    }
}
