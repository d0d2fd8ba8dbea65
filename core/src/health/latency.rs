//! How long did a backend's answers take lately? A sliding histogram in atomics: two buckets per doubling, five slices of time.
//!
//! Fifty words per slice, each tagged with its slice as in `window`, so one answer costs one compare-and-swap and nothing is ever
//! cleared. It is there to compare backends with each other; for the balancer there is the peak EWMA. For people there is [`Ever`], in
//! the same buckets: it only grows, and whoever reads it twice knows what lies between.

use crate::base::sync::{AtomicU32, AtomicU64, Relaxed};
use crate::base::time::Timestamp;
use crate::health::peer_test::OUTCOMES_AT_LEAST;
use crate::health::window::Tally;
use std::time::Duration;

const SLICES: usize = 5;
/// From below 128 µs to beyond 67 s.
const BUCKETS: usize = 40;
/// The first bucket ends at 2⁷ µs.
const FIRST: u32 = 7;
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
/// As in `window`: what is further ahead was written for a window of another length.
const LATEST: u64 = 10 * SLICES as u64;

/// The latencies of the last `5 × slice`.
#[derive(Debug)]
pub struct Latencies {
    slices: [[AtomicU64; BUCKETS]; SLICES],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { slices: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))) }
    }
}

impl Latencies {
    /// `length` is the whole window's.
    pub fn record(&self, latency: Duration, now: Timestamp, length: Duration) {
        let tick = tick(now, length);
        let slice = self.slices.get((tick % SLICES as u64) as usize);
        let Some(word) = slice.and_then(|slice| slice.get(bucket(latency))) else { return };
        let _ = word.fetch_update(Relaxed, Relaxed, |word| {
            let count = match (word >> COUNT_BITS).wrapping_sub(tick) {
                0 => word & COUNT_MASK,
                // Its slice has moved on: too late to count.
                1..=LATEST => return None,
                _ => 0,
            };
            Some(tick << COUNT_BITS | (count + 1).min(COUNT_MASK))
        });
    }

    /// What the newest `slices` slices hold; the newest is still filling.
    pub fn newest(&self, slices: u64, now: Timestamp, length: Duration) -> Histogram {
        let newest = tick(now, length);
        let mut histogram = Histogram { counts: [0; BUCKETS] };
        for slice in &self.slices {
            for (count, word) in histogram.counts.iter_mut().zip(slice) {
                let word = word.load(Relaxed);
                if word != 0 && newest.wrapping_sub(word >> COUNT_BITS) < slices {
                    *count += (word & COUNT_MASK) as u32;
                }
            }
        }
        histogram
    }

    pub fn clear(&self) {
        self.slices.iter().flatten().for_each(|word| word.store(0, Relaxed));
    }
}

/// The latencies since the process began. Its counts wrap around: only differences mean something.
#[derive(Debug)]
pub struct Ever {
    counts: [AtomicU32; BUCKETS],
}

impl Default for Ever {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Ever {
    pub fn record(&self, latency: Duration) {
        if let Some(count) = self.counts.get(bucket(latency)) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub fn read(&self) -> Histogram {
        Histogram { counts: std::array::from_fn(|index| self.counts[index].load(Relaxed)) }
    }
}

/// Latencies as read at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS] }
    }
}

impl Histogram {
    pub fn total(&self) -> u32 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// Of two readings of one [`Ever`]: what came after the earlier one.
    pub fn since(&self, earlier: &Self) -> Self {
        Self { counts: std::array::from_fn(|index| self.counts[index].wrapping_sub(earlier.counts[index])) }
    }

    /// `None` where there is too little to speak of one.
    pub fn median(&self) -> Option<Duration> {
        if self.total() < OUTCOMES_AT_LEAST { None } else { self.quantile(0.5) }
    }

    /// So long took this share of them at most, true to a bucket; `None` where there are none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = f64::from(self.total()) * share.clamp(0.0, 1.0);
        let mut below = 0.0;
        for (index, count) in self.counts.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && below + count >= rank {
                // As if its answers were spread evenly over the bucket.
                let (start, end) = (start(index).as_secs_f64(), start(index + 1).as_secs_f64());
                return Some(Duration::from_secs_f64(start + (end - start) * (rank - below) / count));
            }
            below += count;
        }
        None
    }

    /// How many took `limit` or longer ("failed") and how many did not. A limit within a bucket counts from the next bucket on.
    pub fn beyond(&self, limit: Duration) -> Tally {
        let beyond = |index: usize| start(index) >= limit;
        let slow = |slow: bool| {
            let counted = self.counts.iter().enumerate().filter(|(index, _)| beyond(*index) == slow);
            counted.map(|(_, count)| *count).sum()
        };
        Tally { successes: slow(false), failures: slow(true) }
    }
}

/// Octaves of microseconds, each cut in two.
fn bucket(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    if micros < 1 << FIRST {
        return 0;
    }
    let octave = micros.ilog2();
    let half = micros >> (octave - 1) & 1;
    (1 + ((octave - FIRST) * 2) as usize + half as usize).min(BUCKETS - 1)
}

/// The shortest latency of a bucket.
fn start(bucket: usize) -> Duration {
    let Some(above) = bucket.checked_sub(1) else { return Duration::ZERO };
    let octave = 1 << (FIRST as usize + above / 2);
    Duration::from_micros(if above % 2 == 0 { octave } else { octave + octave / 2 })
}

/// Which slice of time `now` is in. Never 0, so that an untouched word is told from the first.
fn tick(now: Timestamp, length: Duration) -> u64 {
    let width = (length.as_nanos() as u64 / SLICES as u64).max(1);
    now.0 / width + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn filled(millis: &[u64]) -> Histogram {
        let latencies = Latencies::default();
        millis.iter().for_each(|ms| latencies.record(Duration::from_millis(*ms), Timestamp::from_secs(1), TEN));
        latencies.newest(SLICES as u64, Timestamp::from_secs(1), TEN)
    }

    #[test]
    fn every_latency_has_its_bucket() {
        for micros in [0, 1, 127, 128, 191, 192, 255, 256, 10_000, 100_000, 999_999, 60_000_000] {
            let latency = Duration::from_micros(micros);
            let index = bucket(latency);
            assert!(start(index) <= latency && latency < start(index + 1), "{micros} µs in {index}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert!((1..BUCKETS).all(|index| bucket(start(index)) == index));
    }

    #[test]
    fn the_median_is_true_to_a_bucket() {
        for millis in [1, 10, 100, 1_000, 30_000] {
            let median = filled(&vec![millis; 50]).median().unwrap().as_secs_f64() * 1000.0 / millis as f64;
            assert!((0.66..1.5).contains(&median), "{millis} ms: off by {median}");
        }
        assert_eq!(filled(&[10; 19]).median(), None);
    }

    /// Milliseconds of the answers, a share: what the quantile must lie between.
    #[test]
    fn quantiles_are_true_to_a_bucket() {
        let slow_tail = [vec![10; 98], vec![800; 2]].concat();
        for (millis, share, least, most) in [
            (&vec![10; 100][..], 0.5, 8.2, 12.3),
            (&vec![10; 100], 0.99, 8.2, 12.3),
            (&slow_tail, 0.5, 8.2, 12.3),
            (&slow_tail, 0.98, 8.2, 12.3),
            (&slow_tail, 0.99, 524.0, 1049.0),
            (&[40], 0.0, 32.0, 49.2),
            (&[40], 0.5, 32.0, 49.2),
            (&[40], 1.0, 32.0, 49.2),
            (&[1, 1, 1, 400], 1.0, 393.0, 524.3),
            (&[90_000], 0.99, 50_000.0, 102_000.0),
        ] {
            let found = filled(millis).quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!((least..=most).contains(&found), "{share} of {} answers: {found} ms", millis.len());
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn the_difference_of_two_readings_is_known_also_when_a_count_wraps() {
        let ever = Ever::default();
        ever.counts[bucket(Duration::from_millis(5))].store(u32::MAX, Relaxed);
        let before = ever.read();
        for millis in [5, 5, 300] {
            ever.record(Duration::from_millis(millis));
        }
        assert_eq!(ever.read().since(&before), filled(&[5, 5, 300]));
        assert_eq!(before.since(&before).total(), 0);
    }

    #[test]
    fn a_limit_divides_the_slow_from_the_rest() {
        let histogram = filled(&[10, 10, 10, 100, 250]);
        assert_eq!(histogram.beyond(Duration::from_millis(40)), Tally { successes: 3, failures: 2 });
        assert_eq!(histogram.beyond(Duration::from_secs(90)), Tally { successes: 5, failures: 0 });
    }

    /// Seconds, in the order in which answers are written down: how many stand there in the end. Slices are two seconds wide.
    #[test]
    fn an_answer_that_comes_late_takes_nothing_from_those_after_it() {
        for (seconds, held) in [
            (&[11, 11, 9][..], 3),
            (&[11, 11, 1], 2),
            (&[111, 111, 11], 2),
            // Further ahead than anybody can be late: written for a window of another length.
            (&[121, 121, 11], 1),
        ] {
            let latencies = Latencies::default();
            for second in seconds {
                latencies.record(Duration::from_millis(5), Timestamp::from_secs(*second), TEN);
            }
            let now = Timestamp::from_secs(if held == 1 { 11 } else { seconds[0] });
            assert_eq!(latencies.newest(5, now, TEN).total(), held, "{seconds:?}");
        }
    }

    #[test]
    fn slices_leave_one_by_one() {
        let latencies = Latencies::default();
        for second in [1, 3, 5, 11] {
            latencies.record(Duration::from_millis(5), Timestamp::from_secs(second), TEN);
        }
        let held = |slices| latencies.newest(slices, Timestamp::from_secs(11), TEN).total();
        assert_eq!((held(1), held(2), held(4), held(5)), (1, 1, 2, 3));
        latencies.clear();
        assert_eq!(held(5), 0);
    }
}
