//! What did the gateway itself add to a request? The time to its response head, less all waiting for others.

use crate::base::time::Timestamp;
use std::time::Duration;

/// The course of a request that a backend answered.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Its head was read and found valid.
    pub began: Timestamp,
    /// The response's head was fit to be sent.
    pub ready: Timestamp,
    /// Waited for a backend that may be asked: for room, for a first verdict, for somebody to become eligible.
    pub queued: Duration,
    /// Waited for backends: to connect, and from the request's first byte to the head of the response, or to the end of an attempt without
    /// one. The client's sending of a body falls into the latter.
    pub upstream: Duration,
}

/// See the header of this file.
pub fn overhead(course: &Course) -> Duration {
    course.ready.since(course.began).saturating_sub(course.queued).saturating_sub(course.upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overhead_is_what_is_left_without_all_waiting() {
        let micros = Duration::from_micros;
        for (took, queued, upstream, expected) in [
            (1_000, 0, 900, 100),
            (1_000, 300, 600, 100),
            (1_000, 0, 0, 1_000),
            (1_000, 0, 1_000, 0),
            // Clocks that were read one after the other may disagree by a little.
            (1_000, 10, 1_000, 0),
        ] {
            let began = Timestamp::from_secs(5);
            let course =
                Course { began, ready: began + micros(took), queued: micros(queued), upstream: micros(upstream) };
            assert_eq!(overhead(&course), micros(expected), "{course:?}");
        }
    }
}
