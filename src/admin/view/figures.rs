//! How does it go at a backend? Figures, rounded as they are shown everywhere.

use pulsegate_core::traffic::series::Figures;
use serde::Serialize;
use std::time::Duration;

/// Of the last ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Traffic {
    pub requests_per_second: f64,
    /// 0 to 1.
    pub error_share: f64,
    /// `null` where nothing answered.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// To three places, and latencies to the microsecond.
pub fn traffic(figures: Figures) -> Traffic {
    let rounded = |figure: f64| (figure * 1e3).round() / 1e3;
    let millis = |span: Option<Duration>| span.map(|span| rounded(span.as_secs_f64() * 1e3));
    Traffic {
        requests_per_second: rounded(figures.requests_per_second),
        error_share: (figures.error_share * 1e5).round() / 1e5,
        p50_ms: millis(figures.p50),
        p99_ms: millis(figures.p99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_rounded() {
        let span = |micros: f64| Some(Duration::from_secs_f64(micros / 1e6));
        let figures =
            Figures { requests_per_second: 2.0 / 3.0, error_share: 1.0 / 3.0, p50: span(1234.5678), p99: None };
        let expected = Traffic { requests_per_second: 0.667, error_share: 0.333_33, p50_ms: Some(1.235), p99_ms: None };
        assert_eq!(traffic(figures), expected);
    }
}
