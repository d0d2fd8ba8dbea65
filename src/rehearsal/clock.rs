//! Where does the clock of a rehearsal begin? Like a process's, it has a past.

use pulsegate_core::base::time::Timestamp;
use std::time::Duration;

pub(super) const START: Timestamp = Timestamp::from_secs(86_400);

/// So far after the start.
pub(super) fn since_start(at: Timestamp) -> Duration {
    at.since(START)
}
