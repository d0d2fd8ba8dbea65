//! How are moments and spans written for people? In one way everywhere.
//!
//! Moments are RFC 3339 in UTC with milliseconds; spans are in the largest unit that leaves one or two figures.

use std::time::{Duration, SystemTime};

/// "2026-11-24T08:15:30.250Z". A date beyond the year 9999 is written as the last one before.
pub fn rfc3339(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// "250 ms", "12 s", "3 min 20 s", "2 h 5 min", "4 d 3 h"; rounded to the nearest second from one second on.
pub fn span(span: Duration) -> String {
    let millis = span.as_millis();
    let secs = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    match secs {
        _ if millis < 1000 => format!("{millis} ms"),
        ..60 => format!("{secs} s"),
        60..3_600 => two(secs / 60, "min", secs % 60, "s"),
        3_600..86_400 => two(secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// Whole seconds and fraction since 1970; 0 for anything earlier.
pub fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_and_are_in_utc() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_507_200_250);
        assert_eq!(rfc3339(at), "2026-11-24T08:00:00.250Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn spans_are_written_in_units_that_fit() {
        let written = |millis| span(Duration::from_millis(millis));
        assert_eq!(written(250), "250 ms");
        assert_eq!(written(11_970), "12 s");
        assert_eq!(written(12_400), "12 s");
        assert_eq!(written(999), "999 ms");
        assert_eq!(written(59_700), "1 min");
        assert_eq!(written(200_000), "3 min 20 s");
        assert_eq!(written(7_500_000), "2 h 5 min");
        assert_eq!(written(120_000), "2 min");
        assert_eq!(written(356_400_000), "4 d 3 h");
    }
}
