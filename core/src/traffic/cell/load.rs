//! How busy and how slow is it? What the balancer compares backends by.

use super::peak_ewma::PeakEwma;
use crate::base::time::Timestamp;
use crate::health::window::Window;
use crate::traffic::occupancy::Occupancy;
use std::time::Duration;

/// How long a soft failure stays in the load figure.
const SOFT_MEMORY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Load {
    in_flight: Occupancy,
    soft: Window,
    latency: PeakEwma,
}

impl Load {
    /// Begins, where fewer than `limit` are in flight; 0 = no limit.
    pub(super) fn begin_within(&self, limit: u32) -> bool {
        self.in_flight.take_within(limit)
    }

    pub(super) fn end(&self) {
        self.in_flight.give_back();
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.taken()
    }

    /// Requests in flight, plus soft failures of the last 10 s (they stay in the load figure).
    pub(super) fn at(&self, now: Timestamp) -> u32 {
        self.in_flight() + self.soft.tally(now, SOFT_MEMORY).failures
    }

    /// Peak-EWMA latency, decayed to `now`.
    pub(super) fn latency(&self, now: Timestamp) -> Duration {
        self.latency.at(now)
    }

    pub(super) fn answered(&self, latency: Duration, now: Timestamp) {
        self.latency.sample(latency, now);
    }

    /// A failure may be fast; that must not make the backend look attractive.
    pub(super) fn failed(&self, latency: Duration, now: Timestamp) {
        if latency > self.latency.at(now) {
            self.latency.sample(latency, now);
        }
    }

    pub(super) fn failed_softly(&self, now: Timestamp) {
        self.soft.record(true, now, SOFT_MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of 20 ms at first; a failure, when and how long: the latency that stands there then, in milliseconds.
    #[test]
    fn a_fast_failure_makes_nobody_look_fast() {
        for (second, millis, expected) in [
            (0, 1, 20.0),
            (0, 900, 900.0),
            // The old latency has sunk to 7.36 by itself: a failure below that changes nothing, one above it counts as it would.
            (10, 1, 7.36),
            (10, 7, 7.36),
            (10, 8, 12.41),
            (10, 900, 900.0),
        ] {
            let load = Load::default();
            load.answered(Duration::from_millis(20), Timestamp::ZERO);
            let now = Timestamp::from_secs(second);
            load.failed(Duration::from_millis(millis), now);
            let found = load.latency(now).as_secs_f64() * 1e3;
            assert!((found - expected).abs() < 0.01, "{millis} ms at {second} s: {found}");
        }
    }

    /// Exact to a tenth of the ten seconds.
    #[test]
    fn a_soft_failure_is_load_for_ten_seconds() {
        let load = Load::default();
        load.failed_softly(Timestamp::from_millis(100));
        for (millis, expected) in [(100, 1), (9_900, 1), (10_100, 0), (60_000, 0)] {
            assert_eq!(load.at(Timestamp::from_millis(millis)), expected, "at {millis} ms");
        }
    }
}
