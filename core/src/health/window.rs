//! How many of the last seconds' outcomes failed? An exact sliding window of buckets, in atomics.
//!
//! Ten buckets, each tagged with the tick it belongs to; a bucket of an older tick counts as empty. Exact to one bucket's
//! width, unlike a moving average, in which a burst hides. Written by many threads without a lock: a tag and two counts share
//! one 64-bit word, so a bucket changes hands in one compare-and-swap and no outcome lands in the wrong tick.

use crate::base::sync::{AtomicU64, Relaxed};
use crate::base::time::Timestamp;
use std::time::Duration;

const BUCKETS: usize = 10;
/// Into so many parts a window can be looked at.
pub const SPANS: usize = BUCKETS;
/// 24 bits of tick, 20 bits each for successes and failures (a million per bucket; more saturates).
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const TICK_MASK: u64 = (1 << 24) - 1;

/// The last `10 × width` of outcomes.
#[derive(Debug, Default)]
pub struct Window {
    buckets: [AtomicU64; BUCKETS],
}

/// What the window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub successes: u32,
    pub failures: u32,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.successes += other.successes;
        self.failures += other.failures;
    }
}

impl std::ops::Sub for Tally {
    type Output = Self;

    /// Saturates at nothing.
    fn sub(self, other: Self) -> Self {
        Self {
            successes: self.successes.saturating_sub(other.successes),
            failures: self.failures.saturating_sub(other.failures),
        }
    }
}

impl Tally {
    pub fn total(self) -> u32 {
        self.successes + self.failures
    }

    /// 0.0 for an empty window.
    pub fn failed_share(self) -> f64 {
        if self.total() == 0 { 0.0 } else { f64::from(self.failures) / f64::from(self.total()) }
    }
}

impl Window {
    /// Counts one outcome. `length` is the whole window's.
    pub fn record(&self, failed: bool, now: Timestamp, length: Duration) {
        let tick = tick(now, length);
        let Some(bucket) = self.buckets.get((tick % BUCKETS as u64) as usize) else { return };
        let _ = bucket.fetch_update(Relaxed, Relaxed, |word| {
            let (successes, failures) =
                if word >> (2 * COUNT_BITS) == tick & TICK_MASK { counts(word) } else { (0, 0) };
            let (successes, failures) = if failed {
                (successes, (failures + 1).min(COUNT_MASK))
            } else {
                ((successes + 1).min(COUNT_MASK), failures)
            };
            Some((tick & TICK_MASK) << (2 * COUNT_BITS) | successes << COUNT_BITS | failures)
        });
    }

    /// What the newest 1, 2, … tenths of `length` hold, summed up: the last is [`Self::tally`].
    pub fn spans(&self, now: Timestamp, length: Duration) -> [Tally; SPANS] {
        let newest = tick(now, length);
        let mut spans = [Tally::default(); SPANS];
        for bucket in &self.buckets {
            let word = bucket.load(Relaxed);
            let age = (newest & TICK_MASK).wrapping_sub(word >> (2 * COUNT_BITS)) & TICK_MASK;
            if word != 0 {
                let (successes, failures) = counts(word);
                for span in spans.iter_mut().skip(age as usize) {
                    *span += Tally { successes: successes as u32, failures: failures as u32 };
                }
            }
        }
        spans
    }

    /// What the last `length` holds.
    pub fn tally(&self, now: Timestamp, length: Duration) -> Tally {
        let newest = tick(now, length);
        let mut tally = Tally::default();
        for bucket in &self.buckets {
            let word = bucket.load(Relaxed);
            let age = (newest & TICK_MASK).wrapping_sub(word >> (2 * COUNT_BITS)) & TICK_MASK;
            if word != 0 && age < BUCKETS as u64 {
                let (successes, failures) = counts(word);
                tally.successes += successes as u32;
                tally.failures += failures as u32;
            }
        }
        tally
    }

    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Relaxed);
        }
    }
}

fn counts(word: u64) -> (u64, u64) {
    (word >> COUNT_BITS & COUNT_MASK, word & COUNT_MASK)
}

/// Which bucket of time `now` is in. Never 0, so that an untouched word is told from tick 0.
fn tick(now: Timestamp, length: Duration) -> u64 {
    let width = (length.as_nanos() as u64 / BUCKETS as u64).max(1);
    now.0 / width + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn outcomes_leave_after_ten_buckets() {
        let window = Window::default();
        window.record(true, Timestamp::from_millis(500), TEN);
        window.record(false, Timestamp::from_millis(1500), TEN);
        assert_eq!(window.tally(Timestamp::from_millis(9_900), TEN), Tally { successes: 1, failures: 1 });
        assert_eq!(window.tally(Timestamp::from_millis(10_100), TEN), Tally { successes: 1, failures: 0 });
        assert_eq!(window.tally(Timestamp::from_millis(11_100), TEN), Tally::default());
    }

    #[test]
    fn a_bucket_is_emptied_when_its_place_comes_round_again() {
        let window = Window::default();
        for _ in 0..7 {
            window.record(true, Timestamp::from_secs(3), TEN);
        }
        window.record(false, Timestamp::from_secs(13), TEN);
        assert_eq!(window.tally(Timestamp::from_secs(13), TEN), Tally { successes: 1, failures: 0 });
    }

    #[test]
    fn spans_grow_from_the_newest_part_to_the_whole() {
        let window = Window::default();
        for millis in [500, 7_500, 9_200, 9_300] {
            window.record(millis == 9_200, Timestamp::from_millis(millis), TEN);
        }
        let now = Timestamp::from_millis(9_900);
        let spans = window.spans(now, TEN);
        assert_eq!(spans[0], Tally { successes: 1, failures: 1 });
        assert_eq!(spans[1], spans[0]);
        assert_eq!(spans[2], Tally { successes: 2, failures: 1 });
        assert_eq!(spans[9], window.tally(now, TEN));
    }

    #[test]
    fn threads_lose_nothing() {
        let window = Window::default();
        std::thread::scope(|scope| {
            for failed in [true, false, true, false] {
                let window = &window;
                scope.spawn(move || (0..1000).for_each(|_| window.record(failed, Timestamp::from_secs(5), TEN)));
            }
        });
        assert_eq!(window.tally(Timestamp::from_secs(6), TEN), Tally { successes: 2000, failures: 2000 });
    }
}
