//! Which columns does a row have, and which of them fit? The less a column says about health, the sooner it gives way.

use super::rows::Row;
use crate::cli::seen::Traffic;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Upstream,
    Backend,
    Standing,
    Counter,
    Share,
    InFlight,
    Rate,
    Errors,
    P50,
    P99,
    Since,
    Cause,
}

/// A column as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    pub column: Column,
    pub width: u16,
}

use Column::*;

/// From left to right.
const ALL: [Column; 12] = [Upstream, Backend, Standing, Counter, Share, InFlight, Rate, Errors, P50, P99, Since, Cause];
/// In a narrow terminal those that stay longest come first.
const NEEDED: [Column; 12] =
    [Standing, Backend, Upstream, Since, Rate, Errors, InFlight, P99, Counter, Share, P50, Cause];
/// Between two columns.
pub(super) const GAP: u16 = 1;
/// Less of a cause says nothing.
const CAUSE_AT_LEAST: u16 = 16;
/// Names longer than this are cut where there is not room for everything.
const NAME_AT_MOST: u16 = 24;

impl Column {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Upstream => "UPSTREAM",
            Backend => "BACKEND",
            Standing => "STANDING",
            Counter => "COUNT",
            Share => "SHARE",
            InFlight => "INFL",
            Rate => "REQ/S",
            Errors => "ERR%",
            P50 => "P50ms",
            P99 => "P99ms",
            Since => "SINCE",
            Cause => "CAUSE",
        }
    }

    /// Figures stand at the right of their column.
    pub(super) const fn right(self) -> bool {
        matches!(self, Counter | Share | InFlight | Rate | Errors | P50 | P99 | Since)
    }

    pub(super) fn cell(self, row: &Row) -> String {
        match self {
            Upstream => row.upstream.clone(),
            Backend => row.backend.clone(),
            Standing => row.standing.word().to_owned(),
            Counter => row.counter.clone(),
            Share => format!("{:.0}%", row.share * 100.0),
            InFlight => row.in_flight.to_string(),
            Rate => figure(row, |traffic| Some(traffic.requests_per_second)),
            Errors => figure(row, |traffic| Some(traffic.error_share * 100.0)),
            P50 => figure(row, |traffic| traffic.p50_ms),
            P99 => figure(row, |traffic| traffic.p99_ms),
            Since => short(Duration::from_millis(row.since_ms)),
            Cause => row.why.clone(),
        }
    }

    /// As wide as the widest of its cells.
    fn wish(self, rows: &[&Row]) -> u16 {
        let widest = rows.iter().map(|row| self.cell(row).chars().count()).max().unwrap_or_default();
        u16::try_from(widest.max(self.title().len())).unwrap_or(u16::MAX)
    }
}

/// The columns that fit in `width`; the cause gets what is left.
pub(super) fn fitting(rows: &[&Row], width: u16) -> Vec<Drawn> {
    let mut left = width;
    let mut chosen = Vec::new();
    for column in NEEDED {
        let wish = match column {
            Cause => CAUSE_AT_LEAST,
            Upstream | Backend if width < u16::MAX => column.wish(rows).min(NAME_AT_MOST),
            _ => column.wish(rows),
        };
        let gap = if chosen.is_empty() { 0 } else { GAP };
        let Some(after) = left.checked_sub(wish.saturating_add(gap)) else { continue };
        left = after;
        chosen.push(Drawn { column, width: wish });
    }
    if let Some(cause) = chosen.iter_mut().find(|one| one.column == Cause) {
        cause.width = cause.width.saturating_add(left);
    }
    chosen.sort_by_key(|one| ALL.iter().position(|column| *column == one.column));
    chosen
}

fn figure(row: &Row, of: impl Fn(&Traffic) -> Option<f64>) -> String {
    match row.traffic.as_ref().and_then(of) {
        None => "-".to_owned(),
        Some(value) if value >= 9_999.5 => format!("{:.0}k", value / 1000.0),
        Some(value) if value >= 99.95 || value == 0.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// "12s", "3m20s", "2h05m", "4d03h".
fn short(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        ..60 => format!("{secs}s"),
        60..3_600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3_600..86_400 => format!("{}h{:02}m", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seen::samples::{picture, pool};
    use crate::cli::top::rows::rows;
    use pulsegate_core::health::standing;

    #[test]
    fn columns_give_way_in_their_order() {
        let rows = rows(&picture(vec![pool("orders", &[standing::Cause::NotReady])]));
        let rows: Vec<&Row> = rows.iter().collect();
        let names = |width| fitting(&rows, width).iter().map(|one| one.column).collect::<Vec<_>>();
        assert_eq!(names(120), ALL);
        assert_eq!(names(80), [Upstream, Backend, Standing, Counter, Share, InFlight, Rate, Errors, P50, P99, Since]);
        assert_eq!(names(61), [Upstream, Backend, Standing, InFlight, Rate, Errors, P99, Since]);
        assert_eq!(names(40), [Upstream, Backend, Standing, Since]);
        assert_eq!(names(24), [Backend, Standing]);
        assert_eq!(names(8), [Upstream], "whatever fits");
        assert_eq!(names(0), []);
        for width in 0..200 {
            let drawn = fitting(&rows, width);
            let gaps = u16::try_from(drawn.len().saturating_sub(1)).unwrap();
            assert!(drawn.iter().map(|one| one.width).sum::<u16>() + gaps <= width, "{width}: {drawn:?}");
        }
        assert_eq!(fitting(&rows, u16::MAX).len(), ALL.len());
    }

    #[test]
    fn figures_are_short() {
        let mut row = rows(&picture(vec![pool("orders", &[standing::Cause::Up])])).remove(0);
        assert_eq!((Rate.cell(&row), P50.cell(&row), Share.cell(&row)), ("-".into(), "-".into(), "100%".into()));
        for (rate, told) in [
            (0.0, "0"),
            (0.04, "0.0"),
            (7.25, "7.2"),
            (99.94, "99.9"),
            (99.96, "100"),
            (9_999.0, "9999"),
            (12_345.0, "12k"),
        ] {
            row.traffic =
                Some(Traffic { requests_per_second: rate, error_share: 0.125, p50_ms: None, p99_ms: Some(3.0) });
            assert_eq!(Rate.cell(&row), told);
        }
        assert_eq!((Errors.cell(&row), P50.cell(&row), P99.cell(&row)), ("12.5".into(), "-".into(), "3.0".into()));
        for (secs, told) in [(0, "0s"), (59, "59s"), (200, "3m20s"), (7_500, "2h05m"), (356_400, "4d03h")] {
            assert_eq!(short(Duration::from_secs(secs)), told);
        }
    }
}
