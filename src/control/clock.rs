//! Where is the clock read? Here, and nowhere else.

use crate::domain::time::Timestamp;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The process's clock: a monotonic origin, and the wall time at that origin for showing moments to people.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    wall_origin: SystemTime,
}

impl Clock {
    /// The origin is now.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        Self { origin: Instant::now(), wall_origin: SystemTime::now() }
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        let nanos = Instant::now().saturating_duration_since(self.origin).as_nanos();
        Timestamp(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The instant to sleep until for `at`.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.origin.checked_add(Duration::from_nanos(at.0)).unwrap_or(self.origin + Duration::from_secs(86_400 * 365))
    }

    /// The date of `at`, for people. Computed from the start, so it does not follow later steps of the wall clock.
    pub fn wall(&self, at: Timestamp) -> SystemTime {
        self.wall_origin + Duration::from_nanos(at.0)
    }
}
