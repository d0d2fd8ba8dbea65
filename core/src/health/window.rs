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
/// Nothing was counted in it: no bucket with an outcome looks like that.
const UNTOUCHED: u64 = 0;
/// An outcome that is written down so many ticks late, ten windows, is still known for late.
const LATEST: u64 = 10 * BUCKETS as u64;

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
            let (successes, failures) = match word >> (2 * COUNT_BITS) {
                held if held == tick & TICK_MASK => counts(word),
                held if word != UNTOUCHED && has_moved_on(held, tick) => return None,
                _ => (0, 0),
            };
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
            if word != UNTOUCHED {
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
            if word != UNTOUCHED && age < BUCKETS as u64 {
                let (successes, failures) = counts(word);
                tally.successes += successes as u32;
                tally.failures += failures as u32;
            }
        }
        tally
    }

    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(UNTOUCHED, Relaxed);
        }
    }
}

/// Is the tick of a bucket a later one than that of an outcome, which comes too late to count? Only so much later: what is further
/// ahead was written for a window of another length, and is overwritten.
fn has_moved_on(held: u64, tick: u64) -> bool {
    (1..=LATEST).contains(&(held.wrapping_sub(tick) & TICK_MASK))
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

    /// Seconds at which outcomes ended, in the order in which they are written down: how many of them stand there at a second.
    #[test]
    fn an_outcome_that_comes_late_takes_nothing_from_those_after_it() {
        for (seconds, now, held) in [
            // Late within the window: it counts.
            (&[13, 13, 12][..], 13, 3),
            (&[13, 13, 4], 13, 3),
            // A whole window late, or ten: its bucket has moved on.
            (&[13, 13, 3], 13, 2),
            (&[113, 113, 13], 113, 2),
            (&[113, 113, 13], 13, 0),
            // Further ahead than anybody can be late: written for a window of another length.
            (&[123, 123, 13], 13, 1),
            (&[123, 123, 13], 123, 0),
        ] {
            let window = Window::default();
            seconds.iter().for_each(|second| window.record(true, Timestamp::from_secs(*second), TEN));
            assert_eq!(window.tally(Timestamp::from_secs(now), TEN).failures, held, "{seconds:?} at {now}");
        }
    }

    #[test]
    fn a_count_that_is_full_stays_full_and_spills_into_nothing() {
        let (window, now) = (Window::default(), Timestamp::from_secs(3));
        let full = Tally { successes: COUNT_MASK as u32, failures: COUNT_MASK as u32 };
        let almost = tick(now, TEN) << (2 * COUNT_BITS) | (COUNT_MASK - 1) << COUNT_BITS | (COUNT_MASK - 1);
        window.buckets[(tick(now, TEN) % BUCKETS as u64) as usize].store(almost, Relaxed);
        for failed in [true, true, false, false] {
            window.record(failed, now, TEN);
        }
        assert_eq!(window.tally(now, TEN), full);
    }

    /// The tick of a bucket is kept in 24 bits: the window goes on where they overflow.
    #[test]
    fn the_window_goes_on_where_its_ticks_overflow() {
        for first in (1 << 24) - 12..(1 << 24) + 2 {
            let window = Window::default();
            (0..12).for_each(|second| window.record(true, Timestamp::from_secs(first + second), TEN));
            let tally = |second| window.tally(Timestamp::from_secs(first + second), TEN).failures;
            assert_eq!((tally(11), tally(12), tally(20), tally(21)), (10, 9, 1, 0), "from {first}");
        }
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

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::*;
    use loom::thread::{JoinHandle, spawn};
    use std::sync::Arc;

    const TEN: Duration = Duration::from_secs(10);
    /// The same bucket, one turn later.
    const BEFORE: Timestamp = Timestamp::from_secs(3);
    const AFTER: Timestamp = Timestamp::from_secs(13);

    fn recording(window: &Arc<Window>, failed: bool, now: Timestamp) -> JoinHandle<()> {
        let window = Arc::clone(window);
        spawn(move || window.record(failed, now, TEN))
    }

    /// Begun last: loom moves it before what others have done, and misses some of these orders where it begins first.
    fn reading(window: &Arc<Window>, now: Timestamp) -> JoinHandle<Tally> {
        let window = Arc::clone(window);
        spawn(move || window.tally(now, TEN))
    }

    /// A bucket as it was before its turn, two outcomes that meet there, and what somebody reads meanwhile.
    fn turn(read_at: Timestamp) -> (Tally, Tally) {
        let window = Arc::new(Window::default());
        window.record(true, BEFORE, TEN);
        let other = recording(&window, true, AFTER);
        let reader = reading(&window, read_at);
        window.record(false, AFTER, TEN);
        other.join().unwrap();
        let meanwhile = reader.join().unwrap();
        (meanwhile, window.tally(AFTER, TEN))
    }

    #[test]
    fn outcomes_that_meet_at_the_turn_of_a_bucket_are_all_counted_and_nothing_else_is() {
        loom::model(|| {
            let (meanwhile, finally) = turn(AFTER);
            assert!(meanwhile.failures <= 1 && meanwhile.successes <= 1, "{meanwhile:?}");
            assert_eq!(finally, Tally { successes: 1, failures: 1 });
        });
    }

    /// Whoever looks at the moment before the turn sees what was there, or nothing, and never what came later.
    #[test]
    fn a_reader_of_the_moment_before_sees_nothing_that_came_after() {
        loom::model(|| {
            let (meanwhile, _) = turn(BEFORE);
            assert!(meanwhile.successes == 0 && meanwhile.failures <= 1, "{meanwhile:?}");
        });
    }

    /// One outcome took its time before the turn and is written down after it.
    #[test]
    fn an_outcome_that_comes_a_turn_late_takes_nothing_from_those_after_it() {
        loom::model(|| {
            let window = Arc::new(Window::default());
            let records = [recording(&window, true, BEFORE), recording(&window, false, AFTER)];
            window.record(false, AFTER, TEN);
            for record in records {
                record.join().unwrap();
            }
            assert_eq!(window.tally(AFTER, TEN), Tally { successes: 2, failures: 0 });
        });
    }
}
