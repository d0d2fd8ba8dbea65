//! How are durations counted? In fixed buckets (classic histograms), and where wanted in exponential ones (Prometheus' native histograms).
//!
//! Two additions per duration, three with native buckets, in the row of whoever counts; no lock, no allocation. The count is the sum of the
//! buckets, read when somebody asks, so that it cannot disagree with them.
//!
//! Native buckets are of schema 3: eight per doubling, so no bucket is wider than 9 % of its values. Their places are fixed when a series
//! begins (2.4 KB for each worker): from just below 1 µs to 36 h; what is shorter is "zero", what is longer counts as 36 h.

use pulsegate_core::base::stripes::Stripes;
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

/// The columns of a row.
const SUM: usize = 0;
const BUCKETS: usize = 1;

/// One series.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds, nanoseconds.
    bounds: Box<[u64]>,
    /// By the number of binary digits of a duration: the first bucket that may hold it.
    first: [u8; 65],
    native: bool,
    /// Its columns: the sum; the buckets, one more than bounds; where they are wanted, native ones, "zero" first.
    numbers: Stripes,
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
        let bounds: Box<[u64]> = bounds.iter().map(|bound| (bound * 1e9).round() as u64).collect();
        let least = |digits: usize| digits.checked_sub(1).map_or(0, |zeros| 1_u64 << zeros);
        let first = |digits| bounds.partition_point(|bound| *bound < least(digits)) as u8;
        Self {
            first: std::array::from_fn(first),
            native,
            numbers: Stripes::new(BUCKETS + bounds.len() + 1 + if native { 1 + NATIVE_BUCKETS } else { 0 }),
            bounds,
        }
    }

    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let row = self.numbers.row();
        row.add(BUCKETS + self.bucket(nanos), 1);
        row.add(SUM, nanos.saturating_add(1 << (SUM_SHIFT - 1)) >> SUM_SHIFT);
        if self.native {
            row.add(self.native_buckets() + place(took.as_secs_f64()), 1);
        }
    }

    fn bucket(&self, nanos: u64) -> usize {
        let digits = (u64::BITS - nanos.leading_zeros()) as usize;
        let first = self.first.get(digits).map_or(0, |first| usize::from(*first));
        let beyond = self.bounds.get(first..).unwrap_or_default();
        first + beyond.iter().take_while(|bound| **bound < nanos).count()
    }

    /// Where they begin.
    fn native_buckets(&self) -> usize {
        BUCKETS + self.bounds.len() + 1
    }

    pub fn picture(&self) -> Picture {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
        let counts = (BUCKETS..).map(|column| self.numbers.sum(column));
        Picture {
            buckets: bounds.zip(counts).collect(),
            sum: (u128::from(self.numbers.sum(SUM)) << SUM_SHIFT) as f64 / 1e9,
            native: self.native.then(|| self.sparse()),
        }
    }

    fn sparse(&self) -> Sparse {
        let zero = self.numbers.sum(self.native_buckets());
        let mut sparse = Sparse { zero, count: zero, ..Sparse::default() };
        // Where the next bucket of the current run would be, and what the last bucket held.
        let (mut next, mut before) = (None, 0);
        for place in 0..NATIVE_BUCKETS {
            let count = self.numbers.sum(self.native_buckets() + 1 + place);
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

/// Which of the native columns holds this many seconds? 0 is "zero", the last all that is longer.
fn place(seconds: f64) -> usize {
    usize::try_from(index(seconds) - FIRST_INDEX).map_or(0, |place| 1 + place.min(NATIVE_BUCKETS - 1))
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
    fn a_bound_is_in_its_bucket_and_what_is_longer_in_the_next() {
        let bounds = [0.000_025, 0.000_05, 0.000_1, 0.001, 0.001_1, 0.001_2, 0.5, 1.0, 60.0];
        let histogram = Histogram::new(&bounds, false);
        for (bucket, bound) in bounds.into_iter().enumerate() {
            let nanos = (bound * 1e9).round() as u64;
            assert_eq!((histogram.bucket(nanos), histogram.bucket(nanos + 1)), (bucket, bucket + 1), "{bound}");
        }
        assert_eq!((histogram.bucket(0), histogram.bucket(u64::MAX)), (0, bounds.len()));
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
