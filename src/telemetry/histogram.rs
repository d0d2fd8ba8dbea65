//! How are durations counted? In fixed buckets (classic histograms), and where wanted in exponential ones (Prometheus' native histograms).
//!
//! Two atomic additions per duration, three with native buckets; no lock, no allocation. The count is the sum of the buckets, read when
//! somebody asks, so that it cannot disagree with them.
//!
//! Native buckets are of schema 3: eight per doubling, so no bucket is wider than 9 % of its values. Their places are fixed when a series
//! begins (2.4 KB each): from just below 1 µs to 36 h; what is shorter is "zero", what is longer counts as 36 h.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets per doubling, as a power of two.
pub const SCHEMA: i32 = 3;
const PER_DOUBLING: i32 = 1 << SCHEMA;
/// 2⁻²⁰ s, about a microsecond: up to here a duration is "zero".
const ZERO_EXPONENT: i32 = -20;
/// 2¹⁷ s, about 36 hours.
const LAST_EXPONENT: i32 = 17;
const FIRST_INDEX: i32 = ZERO_EXPONENT * PER_DOUBLING + 1;
const NATIVE_BUCKETS: usize = ((LAST_EXPONENT - ZERO_EXPONENT) * PER_DOUBLING) as usize;
/// The lower bounds of the eighths of [0.5, 1): ½ × 2^(k ÷ 8).
const EIGHTHS: [f64; PER_DOUBLING as usize] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    std::f64::consts::FRAC_1_SQRT_2,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_6,
    0.917_004_043_204_671_2,
];

/// Sums are kept in units of 2⁶ ns, rounded: in nanoseconds 64 bits would last for two days of a hundred thousand requests of a second each.
const SUM_SHIFT: u32 = 6;

/// One series.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds, nanoseconds.
    bounds: Box<[u64]>,
    /// One more than bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    native: Option<Native>,
}

#[derive(Debug)]
struct Native {
    zero: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// A series as read at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Upper bound in seconds and what is in the bucket alone; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
    pub native: Option<Sparse>,
}

/// Native buckets as Prometheus takes them: runs of neighbours, each with the gap to the one before, and the difference of each
/// bucket to its predecessor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    pub zero: u64,
    pub spans: Vec<(i32, u32)>,
    pub deltas: Vec<i64>,
    /// Of all buckets, zero included.
    pub count: u64,
}

impl Sparse {
    pub const ZERO_THRESHOLD: f64 = 1.0 / (1 << -ZERO_EXPONENT) as f64;
}

impl Picture {
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

impl Histogram {
    /// `bounds`: seconds, growing.
    pub fn new(bounds: &[f64], native: bool) -> Self {
        Self {
            bounds: bounds.iter().map(|bound| (bound * 1e9).round() as u64).collect(),
            counts: zeros(bounds.len() + 1),
            sum: AtomicU64::new(0),
            native: native.then(|| Native { zero: AtomicU64::new(0), buckets: zeros(NATIVE_BUCKETS) }),
        }
    }

    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.partition_point(|bound| *bound < nanos);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(nanos.saturating_add(1 << (SUM_SHIFT - 1)) >> SUM_SHIFT, Relaxed);
        if let Some(native) = &self.native {
            native.bucket(took.as_secs_f64()).fetch_add(1, Relaxed);
        }
    }

    pub fn picture(&self) -> Picture {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
        Picture {
            buckets: bounds.zip(self.counts.iter().map(|count| count.load(Relaxed))).collect(),
            sum: (u128::from(self.sum.load(Relaxed)) << SUM_SHIFT) as f64 / 1e9,
            native: self.native.as_ref().map(Native::sparse),
        }
    }
}

impl Native {
    fn bucket(&self, seconds: f64) -> &AtomicU64 {
        match usize::try_from(index(seconds) - FIRST_INDEX) {
            Ok(place) => self.buckets.get(place.min(NATIVE_BUCKETS - 1)).unwrap_or(&self.zero),
            Err(_) => &self.zero,
        }
    }

    fn sparse(&self) -> Sparse {
        let mut sparse = Sparse { zero: self.zero.load(Relaxed), ..Sparse::default() };
        sparse.count = sparse.zero;
        // Where the next bucket of the current run would be, and what the last bucket held.
        let (mut next, mut before) = (None, 0);
        for (place, bucket) in self.buckets.iter().enumerate() {
            let count = bucket.load(Relaxed);
            if count == 0 {
                continue;
            }
            let index = FIRST_INDEX + place as i32;
            match (next, sparse.spans.last_mut()) {
                (Some(expected), Some(span)) if expected == index => span.1 += 1,
                _ => sparse.spans.push((index - next.unwrap_or(0), 1)),
            }
            sparse.deltas.push(count as i64 - before);
            sparse.count += count;
            (next, before) = (Some(index + 1), count as i64);
        }
        sparse
    }
}

/// Which bucket holds this many seconds? Bucket i ends with (and includes) 2^(i ÷ 8).
fn index(seconds: f64) -> i32 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const HALF: u64 = 1022 << 52;
    let bits = seconds.to_bits();
    // As in C's frexp: seconds = fraction × 2^exponent, the fraction between ½ and 1.
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    let fraction = f64::from_bits(bits & MANTISSA | HALF);
    let eighth = EIGHTHS.iter().filter(|bound| **bound < fraction).count() as i32;
    eighth + (exponent - 1) * PER_DOUBLING
}

fn zeros(number: usize) -> Box<[AtomicU64]> {
    std::iter::repeat_with(AtomicU64::default).take(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_duration_is_in_the_first_bucket_that_reaches_it() {
        let histogram = Histogram::new(&[0.001, 0.0025, 1.0], false);
        for took in [Duration::ZERO, MS, MS + Duration::from_nanos(1), 3 * MS, 2000 * MS, Duration::MAX] {
            histogram.observe(took);
        }
        let picture = histogram.picture();
        assert_eq!(picture.buckets, [(0.001, 2), (0.0025, 1), (1.0, 1), (f64::INFINITY, 2)]);
        assert_eq!((picture.count(), picture.native), (6, None));
    }

    #[test]
    fn sums_are_true_to_a_rounding() {
        let histogram = Histogram::new(&[], false);
        (0..1000).for_each(|nanos| histogram.observe(Duration::from_nanos(25_000 + nanos)));
        let (sum, exact) = (histogram.picture().sum, 0.025_499_5);
        assert!((sum - exact).abs() / exact < 1e-4, "{sum}");
    }

    #[test]
    fn the_bounds_of_native_buckets_are_powers_of_two_to_the_eighth() {
        for i in FIRST_INDEX..=LAST_EXPONENT * PER_DOUBLING {
            let bound = 2_f64.powf(f64::from(i) / f64::from(PER_DOUBLING));
            assert_eq!(index(bound * 0.999_999), i, "below {bound}");
            assert_eq!(index(bound * 1.000_001), i + 1, "beyond {bound}");
        }
        // A power of two is the end of its bucket.
        for (seconds, bucket) in [(1.0, 0), (2.0, 8), (0.5, -8), (0.25, -16), (Sparse::ZERO_THRESHOLD, FIRST_INDEX - 1)]
        {
            assert_eq!(index(seconds), bucket, "{seconds}");
        }
    }

    #[test]
    fn native_buckets_are_told_as_runs_and_differences() {
        let histogram = Histogram::new(&[], true);
        let at = |bucket: i32| Duration::from_secs_f64(2_f64.powf((f64::from(bucket) - 0.5) / 8.0));
        for (bucket, times) in [(-10, 2), (-9, 5), (-8, 1), (3, 4), (200, 1)] {
            (0..times).for_each(|_| histogram.observe(at(bucket)));
        }
        histogram.observe(Duration::from_nanos(900));
        histogram.observe(Duration::ZERO);
        let sparse = histogram.picture().native.unwrap();
        assert_eq!(sparse.zero, 2);
        // Three neighbours from -10; after a gap of ten, 3; and what is beyond the last bucket is in the last, 136.
        assert_eq!(sparse.spans, [(-10, 3), (10, 1), (132, 1)]);
        assert_eq!(sparse.deltas, [2, 3, -4, 3, -3]);
        assert_eq!(sparse.count, 15);
    }
}
