//! How slow is it now? Latency that jumps up at once and sinks slowly (time constant 10 s), after Finagle's peak EWMA.

use crate::base::sync::{AtomicU64, Relaxed};
use crate::base::time::Timestamp;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct PeakEwma {
    nanos: AtomicU64,
    updated: AtomicU64,
}

impl PeakEwma {
    const TIME_CONSTANT: f64 = 10e9;

    pub(super) fn sample(&self, latency: Duration, now: Timestamp) {
        let sample = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX) as f64;
        let before = self.nanos.load(Relaxed) as f64;
        let weight = self.decay(now);
        let after = if sample > before { sample } else { before * weight + sample * (1.0 - weight) };
        self.nanos.store(after as u64, Relaxed);
        self.updated.store(now.0, Relaxed);
    }

    /// Decayed to `now`: an estimate that nothing renews sinks.
    pub(super) fn at(&self, now: Timestamp) -> Duration {
        Duration::from_nanos((self.nanos.load(Relaxed) as f64 * self.decay(now)) as u64)
    }

    fn decay(&self, now: Timestamp) -> f64 {
        let age = now.since(Timestamp(self.updated.load(Relaxed)));
        (-(age.as_nanos() as f64) / Self::TIME_CONSTANT).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples as (second, milliseconds); when it is read, and what then stands there in milliseconds. e⁻¹ is 0.368.
    #[test]
    fn it_jumps_up_at_once_and_sinks_slowly() {
        for (samples, read_at, expected) in [
            (&[][..], 0, 0.0),
            (&[(0, 100)], 0, 100.0),
            (&[(0, 100)], 10, 36.8),
            (&[(0, 100)], 20, 13.5),
            (&[(0, 100), (0, 900)], 0, 900.0),
            // A fast answer at the same moment changes nothing; after ten seconds the old peak weighs 0.368.
            (&[(0, 900), (0, 100)], 0, 900.0),
            (&[(0, 900), (10, 100)], 10, 394.3),
            (&[(0, 100), (10, 100)], 10, 100.0),
            // A slower one is measured against the peak as it was written, not as it has sunk.
            (&[(0, 900), (10, 600)], 10, 710.4),
            // Time that a thread read earlier takes nothing away.
            (&[(10, 100)], 5, 100.0),
        ] {
            let ewma = PeakEwma::default();
            for (second, millis) in samples {
                ewma.sample(Duration::from_millis(*millis), Timestamp::from_secs(*second));
            }
            let found = ewma.at(Timestamp::from_secs(read_at)).as_secs_f64() * 1e3;
            assert!((found - expected).abs() < 0.05, "{samples:?} read at {read_at} s: {found} ms");
        }
        let ewma = PeakEwma::default();
        ewma.sample(Duration::MAX, Timestamp::ZERO);
        assert_eq!(ewma.at(Timestamp::ZERO), Duration::from_nanos(u64::MAX));
    }
}
