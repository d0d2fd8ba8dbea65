//! Where is the clock read? Here, and nowhere else. How its moments are written for people is said in [`when`].

mod turn;
pub mod when;

pub use turn::turn;

use pulsegate_core::base::time::Timestamp;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The clock stands at this when the process starts: what a process before this one knew lies behind, and must have a moment.
const HEAD_START: Duration = Duration::from_secs(86_400 * 365);

/// The process's clock: a monotonic origin, and the wall time at that origin for showing moments to people.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    wall_origin: SystemTime,
    started: Timestamp,
}

impl Clock {
    /// The origin lies the head start before now.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        let (now, wall) = (Instant::now(), SystemTime::now());
        match (now.checked_sub(HEAD_START), wall.checked_sub(HEAD_START)) {
            (Some(origin), Some(wall_origin)) => Self { origin, wall_origin, started: Timestamp::ZERO + HEAD_START },
            // A clock that cannot be turned back: moments before the start are taken for the start.
            _ => Self { origin: now, wall_origin: wall, started: Timestamp::ZERO },
        }
    }

    /// When the process started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    pub fn now(&self) -> Timestamp {
        turn::moment(|| self.read())
    }

    /// The moment of this very question, also within a turn, which goes on from it: for what measures the turn itself.
    pub fn now_anew(&self) -> Timestamp {
        turn::anew(|| self.read())
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn read(&self) -> Timestamp {
        let nanos = Instant::now().saturating_duration_since(self.origin).as_nanos();
        Timestamp(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The instant to sleep until for `at`.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.origin.checked_add(Duration::from_nanos(at.0)).unwrap_or(self.origin + HEAD_START * 2)
    }

    /// Today's date, for those to whom a step of the wall clock matters: until when a certificate is valid, when somebody changed something.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn date() -> SystemTime {
        SystemTime::now()
    }

    /// The date of `at`, for people. Computed from the start, so it does not follow later steps of the wall clock.
    pub fn wall(&self, at: Timestamp) -> SystemTime {
        self.wall_origin + Duration::from_nanos(at.0)
    }
}
