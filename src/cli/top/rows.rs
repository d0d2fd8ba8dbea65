//! Which rows are there, and in which order? One per backend, of what the gateway said last.

use crate::cli::seen::{Backend, Picture, Traffic};
use clap::ValueEnum;
use pulsegate_core::health::standing::Cause;
use std::cmp::Ordering;

/// One backend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub upstream: String,
    pub backend: String,
    pub standing: Cause,
    pub why: String,
    /// "2/3", or "-".
    pub counter: String,
    /// Of its weight, 0 to 1.
    pub share: f64,
    pub in_flight: u32,
    pub traffic: Option<Traffic>,
    pub since_ms: u64,
    pub returns_in_ms: Option<u64>,
}

/// By what rows are sorted. The first of each order is what one looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// Upstream and backend, as the gateway lists them
    #[default]
    Upstream,
    /// Backends that are out first
    Standing,
    /// The busiest first
    InFlight,
    /// The most requests per second first
    Rate,
    /// The most errors first
    Errors,
    /// The slowest first
    P99,
    /// What changed last first
    Since,
}

impl Sort {
    /// The one after it, and after the last the first.
    pub(super) fn next(self) -> Self {
        let all = Self::value_variants();
        let at = all.iter().position(|one| *one == self).unwrap_or_default();
        all.get(at + 1).copied().unwrap_or_default()
    }
}

/// In the gateway's order.
pub(super) fn rows(picture: &Picture) -> Vec<Row> {
    let pools = picture.upstreams.iter();
    pools.flat_map(|pool| pool.backends.iter().map(|backend| row(&pool.name, backend))).collect()
}

fn row(upstream: &str, backend: &Backend) -> Row {
    Row {
        upstream: upstream.to_owned(),
        backend: backend.address.clone(),
        standing: backend.standing,
        why: backend.why.clone(),
        counter: backend.counter.clone().unwrap_or_else(|| "-".to_owned()),
        share: backend.share,
        in_flight: backend.in_flight,
        traffic: backend.traffic.clone(),
        since_ms: backend.since_ms,
        returns_in_ms: backend.earliest_return.as_ref().map(|back| back.in_ms),
    }
}

/// Those that have the text, sorted; equals stay in the gateway's order, in reverse too.
pub(super) fn shown<'a>(rows: &'a [Row], filter: &str, sort: Sort, reverse: bool) -> Vec<&'a Row> {
    let wanted = filter.to_lowercase();
    let has = |row: &&Row| {
        [&row.upstream, &row.backend, row.standing.word(), &row.why]
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    };
    let mut shown: Vec<&Row> = rows.iter().filter(has).collect();
    shown.sort_by(|a, b| if reverse { order(sort, b, a) } else { order(sort, a, b) });
    if reverse && sort == Sort::Upstream {
        shown.reverse();
    }
    shown
}

fn order(sort: Sort, a: &Row, b: &Row) -> Ordering {
    let traffic = |row: &Row, of: fn(&Traffic) -> f64| row.traffic.as_ref().map_or(-1.0, of);
    let most = |of: fn(&Traffic) -> f64| traffic(b, of).total_cmp(&traffic(a, of));
    match sort {
        Sort::Upstream => Ordering::Equal,
        Sort::Standing => (a.standing.eligible(), a.standing).cmp(&(b.standing.eligible(), b.standing)),
        Sort::InFlight => b.in_flight.cmp(&a.in_flight),
        Sort::Rate => most(|traffic| traffic.requests_per_second),
        Sort::Errors => most(|traffic| traffic.error_share),
        Sort::P99 => most(|traffic| traffic.p99_ms.unwrap_or(-1.0)),
        Sort::Since => a.since_ms.cmp(&b.since_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seen::samples::{picture, pool};
    use Cause::*;

    fn sample() -> Vec<Row> {
        let mut rows = rows(&picture(vec![pool("api", &[Up, Down, Drained]), pool("orders", &[Ramping])]));
        for (index, (in_flight, rate, errors, p99, since)) in
            [(3, 5.0, 0.0, Some(9.0), 900), (0, 0.0, 0.5, None, 100), (9, 2.0, 0.1, Some(70.0), 500)]
                .into_iter()
                .enumerate()
        {
            rows[index].in_flight = in_flight;
            rows[index].since_ms = since;
            rows[index].traffic =
                Some(Traffic { requests_per_second: rate, error_share: errors, p50_ms: Some(1.0), p99_ms: p99 });
        }
        rows[3].since_ms = 700;
        rows
    }

    /// The last figure of each row's port and the first letter of its upstream.
    fn names(rows: &[&Row]) -> Vec<String> {
        rows.iter().map(|row| format!("{}{}", &row.upstream[..1], &row.backend[13..])).collect()
    }

    #[test]
    fn every_order_and_its_reverse() {
        let rows = sample();
        for (sort, forth, back) in [
            (Sort::Upstream, ["a1", "a2", "a3", "o1"], ["o1", "a3", "a2", "a1"]),
            (Sort::Standing, ["a3", "a2", "o1", "a1"], ["a1", "o1", "a2", "a3"]),
            (Sort::InFlight, ["a3", "a1", "a2", "o1"], ["a2", "o1", "a1", "a3"]),
            (Sort::Rate, ["a1", "a3", "a2", "o1"], ["o1", "a2", "a3", "a1"]),
            (Sort::Errors, ["a2", "a3", "a1", "o1"], ["o1", "a1", "a3", "a2"]),
            (Sort::P99, ["a3", "a1", "a2", "o1"], ["a2", "o1", "a1", "a3"]),
            (Sort::Since, ["a2", "a3", "o1", "a1"], ["a1", "o1", "a3", "a2"]),
        ] {
            assert_eq!(names(&shown(&rows, "", sort, false)), forth, "{sort:?}");
            assert_eq!(names(&shown(&rows, "", sort, true)), back, "{sort:?} reversed");
        }
    }

    #[test]
    fn a_filter_looks_at_names_standings_and_causes() {
        let rows = sample();
        for (filter, expected) in [
            ("", &["a1", "a2", "a3", "o1"][..]),
            ("ORD", &["o1"]),
            (":9002", &["a2"]),
            ("drained", &["a3"]),
            ("it is r", &["o1"]),
            ("nothing", &[]),
        ] {
            assert_eq!(names(&shown(&rows, filter, Sort::Upstream, false)), expected, "{filter}");
        }
    }

    #[test]
    fn the_orders_go_round() {
        let all: Vec<Sort> = std::iter::successors(Some(Sort::default()), |sort| Some(sort.next())).take(8).collect();
        let (round, [again]) = all.split_at(7) else { panic!("{all:?}") };
        assert_eq!((round, *again), (Sort::value_variants(), Sort::Upstream));
    }
}
