//! What is "now" in the core? Nanoseconds since an origin before the process started, handed in by the caller.
//!
//! A wall clock can jump; this one only grows. Shells turn it into dates for people, the core never does.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment: nanoseconds since the origin of the process's clock (584 years fit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const ZERO: Self = Self(0);
    /// Later than every moment that will be reached.
    pub const NEVER: Self = Self(u64::MAX);

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates: `NEVER` plus anything is `NEVER`.
    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at zero.
    fn sub(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

/// A span for people, exact where little is left: "250 ms", "1.8 s", "12 s", "3 min 20 s", "2 h 5 min".
pub fn brief(span: Duration) -> String {
    let tenths = (span.as_millis() + 50) / 100;
    let secs = (span.as_millis() + 500) / 1000;
    match secs {
        _ if span < Duration::from_secs(1) => format!("{} ms", span.as_millis()),
        ..10 if !tenths.is_multiple_of(10) => format!("{}.{} s", tenths / 10, tenths % 10),
        ..60 => format!("{secs} s"),
        60..3_600 => two(secs / 60, "min", secs % 60, "s"),
        3_600..86_400 => two(secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3_600, "h"),
    }
}

fn two(large: u128, large_unit: &str, small: u128, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment and a span in nanoseconds: the moment so much later, and so much earlier.
    #[test]
    fn moments_end_at_zero_and_never() {
        for (at, span, later, earlier) in [
            (10, Duration::from_nanos(3), 13, 7),
            (3, Duration::from_nanos(10), 13, 0),
            (0, Duration::ZERO, 0, 0),
            (u64::MAX, Duration::from_nanos(1), u64::MAX, u64::MAX - 1),
            (u64::MAX - 1, Duration::from_nanos(5), u64::MAX, u64::MAX - 6),
            (10, Duration::MAX, u64::MAX, 0),
        ] {
            assert_eq!(
                (Timestamp(at) + span, Timestamp(at) - span),
                (Timestamp(later), Timestamp(earlier)),
                "{at} {span:?}"
            );
        }
    }

    #[test]
    fn the_time_since_a_later_moment_is_none() {
        for (now, earlier, nanos) in [(13, 10, 3), (10, 10, 0), (10, 13, 0), (u64::MAX, 0, u64::MAX)] {
            assert_eq!(Timestamp(now).since(Timestamp(earlier)), Duration::from_nanos(nanos), "{now} {earlier}");
        }
    }

    #[test]
    fn little_time_is_written_exactly() {
        for (millis, written) in [
            (0, "0 ms"),
            (499, "499 ms"),
            (1_000, "1 s"),
            (1_849, "1.8 s"),
            (2_000, "2 s"),
            (9_970, "10 s"),
            (12_400, "12 s"),
            (59_700, "1 min"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (356_400_000, "4 d 3 h"),
        ] {
            assert_eq!(brief(Duration::from_millis(millis)), written);
        }
    }
}
