//! What did it cost clients to find out that a backend fails? Requests that failed there before it went out.

use crate::base::sync::{AtomicBool, Relaxed};
use crate::base::time::Timestamp;
use crate::health::window::Window;
use std::time::Duration;

/// Requests that failed so long before it went out are a cost of its detection.
const MEMORY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Detection {
    /// Requests whose clients saw them fail here while it was in rotation.
    seen_to_fail: Window,
    /// It is out for failing.
    is_out: AtomicBool,
}

impl Detection {
    /// A client saw its request fail here. True: it is out by now, and this was a cost of its detection; else it may become one.
    pub(super) fn saw_failure(&self, now: Timestamp) -> bool {
        let is_out = self.is_out.load(Relaxed);
        if !is_out {
            self.seen_to_fail.record(true, now, MEMORY);
        }
        is_out
    }

    /// It is out for failing from now on, or is not. Where it goes out: the failures that clients have seen lately, each told once.
    pub(super) fn mark_out(&self, out: bool, now: Timestamp) -> u32 {
        let goes = out && !self.is_out.load(Relaxed);
        self.is_out.store(out, Relaxed);
        if !goes {
            return 0;
        }
        let seen = self.seen_to_fail.tally(now, MEMORY).failures;
        self.seen_to_fail.clear();
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which clients saw a failure or (`out`, `in`) the board spoke: how many the board was told of, in all.
    #[test]
    fn failures_of_the_minute_before_it_goes_out_are_told_once() {
        for (story, told) in [
            ("out:9", 0),
            ("1 2 3 out:9", 3),
            ("1 2 3 in:8 out:9", 3),
            ("1 2 3 out:9 out:10", 3),
            ("1 2 3 out:9 in:10 out:11", 3),
            ("1 out:9 in:10 11 out:12", 2),
            // Older than a minute: it stayed, so they were no cost of detection. Exact to a tenth of the minute.
            ("1 50 out:59", 2),
            ("1 50 out:61", 1),
            ("1 50 out:200", 0),
            // It never went out.
            ("1 2 3 in:9", 0),
        ] {
            let detection = Detection::default();
            let at = |second: &str| Timestamp::from_secs(second.parse().unwrap());
            let steps = story.split(' ').map(|step| match step.split_once(':') {
                Some((word, second)) => detection.mark_out(word == "out", at(second)),
                None => {
                    assert!(!detection.saw_failure(at(step)), "{story}");
                    0
                }
            });
            assert_eq!(steps.sum::<u32>(), told, "{story}");
        }
    }

    #[test]
    fn a_failure_that_is_seen_while_it_is_out_costs_at_once_and_is_not_told_again() {
        let (detection, now) = (Detection::default(), Timestamp::from_secs(9));
        assert_eq!(detection.mark_out(true, now), 0);
        assert!(detection.saw_failure(now));
        assert_eq!(detection.mark_out(false, now) + detection.mark_out(true, now), 0);
    }
}
