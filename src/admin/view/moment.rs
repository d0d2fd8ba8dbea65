//! When will something be? As a date for people, and in milliseconds from now for programs.

use super::Now;
use pulsegate_core::base::time::Timestamp;
use serde::Serialize;

/// A moment to come.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    pub at: String,
    /// Milliseconds from now; 0 when it is due.
    pub in_ms: u64,
}

pub fn moment(at: Timestamp, now: Now) -> Moment {
    Moment { at: now.date(at), in_ms: now.ms_until(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const NOW: Now = Now { at: Timestamp::from_secs(100), origin: SystemTime::UNIX_EPOCH, started: Timestamp::ZERO };

    #[test]
    fn a_moment_that_is_due_is_zero_milliseconds_away() {
        assert_eq!(moment(Timestamp::from_secs(90), NOW).in_ms, 0);
    }
}
