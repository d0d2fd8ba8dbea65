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
    pub(super) fn begin(&self) {
        self.in_flight.take();
    }

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
