//! How did the traffic of each backend go in the last quarter of an hour? Differences of two readings of its cell, every five seconds.
//!
//! Nothing of it is on the path of a request: whoever shows traffic reads the cells. A point takes eight bytes, and a backend without
//! traffic keeps none, so ten thousand busy backends take some twenty megabytes.

use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::health::latency::Histogram;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Between two points.
pub const PERIOD: Duration = Duration::from_secs(5);
/// A quarter of an hour of them.
pub const POINTS: usize = 180;
/// A backend that joined later than this has no figures yet.
const LEAST: Duration = Duration::from_secs(1);

/// What a cell has counted since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub successes: u64,
    pub failures: u64,
    /// Neither: 429, clients that left, our own limits.
    pub others: u64,
    /// Of whatever answered.
    pub answers: Histogram,
}

/// Traffic of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Attempts that ended.
    pub requests_per_second: f64,
    /// Of all of them, 0 to 1.
    pub error_share: f64,
    /// To the response head; `None` where nothing answered.
    pub p50: Option<Duration>,
    pub p99: Option<Duration>,
}

impl Reading {
    /// What came after `earlier`, which was read so long before.
    fn since(&self, earlier: &Self, span: Duration) -> Figures {
        let count = |now: u64, then: u64| now.saturating_sub(then) as f64;
        let failures = count(self.failures, earlier.failures);
        let all = failures + count(self.successes, earlier.successes) + count(self.others, earlier.others);
        let answers = self.answers.since(&earlier.answers);
        Figures {
            requests_per_second: if span.is_zero() { 0.0 } else { all / span.as_secs_f64() },
            error_share: if all > 0.0 { failures / all } else { 0.0 },
            p50: answers.quantile(0.5),
            p99: answers.quantile(0.99),
        }
    }
}

/// The series of all backends that there are.
#[derive(Debug, Default)]
pub struct Series {
    tracks: BTreeMap<BackendKey, Track>,
    samples: u64,
}

/// One backend's readings and points.
#[derive(Debug, Default)]
struct Track {
    /// The newest, and the one before.
    newest: Option<(Timestamp, Reading)>,
    older: Option<(Timestamp, Reading)>,
    /// Newest last. Empty until there is traffic; what is missing at the front was without any.
    points: VecDeque<Point>,
}

/// Figures in eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Point {
    rate: Coded,
    /// 65535 is all of them.
    errors: u16,
    p50: Coded,
    p99: Coded,
}

/// A figure by its logarithm, from a thousandth to a thousand million, true to 0.02 %; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Coded(u16);

impl Coded {
    const STEPS: f64 = 2_340.0;
    const SMALLEST: f64 = 1e-3;

    fn of(figure: f64) -> Self {
        if figure < Self::SMALLEST {
            return Self(0);
        }
        Self(1 + ((figure / Self::SMALLEST).ln() * Self::STEPS).round().min(65_534.0) as u16)
    }

    fn figure(self) -> f64 {
        match self.0 {
            0 => 0.0,
            code => (f64::from(code - 1) / Self::STEPS).exp() * Self::SMALLEST,
        }
    }
}

impl Point {
    fn of(figures: &Figures) -> Self {
        let millis = |span: Option<Duration>| Coded::of(span.map_or(0.0, |span| span.as_secs_f64() * 1e3));
        Self {
            rate: Coded::of(figures.requests_per_second),
            errors: (figures.error_share * 65_535.0).round() as u16,
            p50: millis(figures.p50),
            p99: millis(figures.p99),
        }
    }

    fn figures(self) -> Figures {
        let span = |coded: Coded| (coded.0 > 0).then(|| Duration::from_secs_f64(coded.figure() / 1e3));
        Figures {
            requests_per_second: self.rate.figure(),
            error_share: f64::from(self.errors) / 65_535.0,
            p50: span(self.p50),
            p99: span(self.p99),
        }
    }
}

impl Series {
    /// One more point for everybody. A backend that is not among `readings` is forgotten.
    pub fn sample(&mut self, readings: impl IntoIterator<Item = (BackendKey, Reading)>, now: Timestamp) {
        let mut before = std::mem::take(&mut self.tracks);
        for (key, reading) in readings {
            let mut track = before.remove(&key).unwrap_or_default();
            track.take(reading, now);
            self.tracks.insert(key, track);
        }
        self.samples += 1;
    }

    /// How often it was sampled: whoever keeps points by himself knows when one is due.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// How it goes: the last five to ten seconds, since a reading is that old.
    pub fn recent(&self, key: BackendKey, reading: &Reading, now: Timestamp) -> Figures {
        let Some(track) = self.tracks.get(&key) else { return Figures::default() };
        match track.older.as_ref().or(track.newest.as_ref()) {
            Some((at, earlier)) if now.since(*at) >= LEAST => reading.since(earlier, now.since(*at)),
            _ => Figures::default(),
        }
    }

    /// At most [`POINTS`], newest last; what is missing was without traffic.
    pub fn points(&self, key: BackendKey) -> impl Iterator<Item = Figures> + '_ {
        self.tracks.get(&key).into_iter().flat_map(|track| track.points.iter().map(|point| point.figures()))
    }
}

impl Track {
    fn take(&mut self, reading: Reading, now: Timestamp) {
        let point = match &self.newest {
            Some((at, earlier)) => Point::of(&reading.since(earlier, now.since(*at))),
            None => Point::default(),
        };
        self.older = self.newest.replace((now, reading));
        if self.points.is_empty() {
            if point == Point::default() {
                return;
            }
            self.points.reserve_exact(POINTS);
        }
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back(point);
        let quiet = |point: &Point| *point == Point::default();
        if quiet(&point) && self.points.iter().all(quiet) {
            self.points = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::latency::Ever;

    const A: BackendKey = BackendKey(1);
    const B: BackendKey = BackendKey(2);

    /// So many successes and failures, and answers of so many milliseconds.
    fn reading(successes: u64, failures: u64, others: u64, answers: &[u64]) -> Reading {
        let ever = Ever::default();
        answers.iter().for_each(|ms| ever.record(Duration::from_millis(*ms)));
        Reading { successes, failures, others, answers: ever.read() }
    }

    #[test]
    fn figures_lie_between_two_readings() {
        let before = reading(100, 10, 0, &[1; 50]);
        let after = reading(130, 16, 4, &[&[1; 50][..], &[20; 98], &[900; 2]].concat());
        let figures = after.since(&before, Duration::from_secs(8));
        assert_eq!((figures.requests_per_second, figures.error_share), (5.0, 0.15));
        let (p50, p99) = (figures.p50.unwrap().as_millis(), figures.p99.unwrap().as_millis());
        assert!((16..25).contains(&p50) && (786..1049).contains(&p99), "{figures:?}");
        assert_eq!(after.since(&after, Duration::from_secs(8)), Figures::default());
        assert_eq!(after.since(&before, Duration::ZERO).requests_per_second, 0.0);
    }

    #[test]
    fn points_keep_their_figures_to_a_thousandth() {
        for (rate, errors, millis) in
            [(0.2, 0.0, 0.064), (1.0, 1.0, 1.0), (12_345.6, 0.333, 31_000.0), (3e6, 1e-4, 9e4)]
        {
            let span = Some(Duration::from_secs_f64(millis / 1e3));
            let figures = Figures { requests_per_second: rate, error_share: errors, p50: span, p99: span };
            let kept = Point::of(&figures).figures();
            assert!((kept.requests_per_second / rate - 1.0).abs() < 1e-3, "{kept:?}");
            assert!((kept.error_share - errors).abs() < 1e-4, "{kept:?}");
            assert!((kept.p99.unwrap().as_secs_f64() * 1e3 / millis - 1.0).abs() < 1e-3, "{kept:?}");
        }
        assert_eq!(Point::of(&Figures::default()).figures(), Figures::default());
        assert_eq!(std::mem::size_of::<Point>(), 8);
    }

    /// Seconds since the newest sample: over which span the recent figures go.
    #[test]
    fn recent_figures_go_back_five_to_ten_seconds() {
        let mut series = Series::default();
        let at = Timestamp::from_millis;
        assert_eq!(series.recent(A, &reading(9, 0, 0, &[]), at(1_000)), Figures::default(), "nobody knows it");
        series.sample([(A, reading(100, 0, 0, &[]))], at(5_000));
        let rate = |series: &Series, count, millis| {
            series.recent(A, &reading(count, 0, 0, &[]), at(millis)).requests_per_second
        };
        assert_eq!(rate(&series, 120, 5_500), 0.0, "too soon to say");
        assert_eq!(rate(&series, 120, 7_000), 10.0);
        series.sample([(A, reading(150, 0, 0, &[]))], at(10_000));
        assert_eq!(rate(&series, 150, 10_000), 10.0);
        assert_eq!(rate(&series, 190, 14_000), 10.0);
        series.sample([(A, reading(200, 0, 0, &[]))], at(15_000));
        assert_eq!(rate(&series, 200, 15_000), 10.0);
    }

    #[test]
    fn a_ring_holds_a_quarter_of_an_hour_and_nothing_of_the_quiet_or_the_gone() {
        let mut series = Series::default();
        let mut total = 0;
        for sample in 0..400_u64 {
            total += sample;
            let readings = [(A, reading(total, 0, 0, &[])), (B, reading(7, 0, 0, &[]))];
            series.sample(readings, Timestamp::from_secs(5 * sample));
        }
        let rates: Vec<f64> = series.points(A).map(|figures| (figures.requests_per_second * 5.0).round()).collect();
        assert_eq!(rates, (220..400).map(f64::from).collect::<Vec<_>>());
        assert_eq!(series.points(B).count(), 0, "without traffic");
        assert_eq!(series.samples(), 400);
        for sample in 400..580 {
            series.sample([(A, reading(total, 0, 0, &[]))], Timestamp::from_secs(5 * sample));
        }
        assert_eq!(series.points(A).count(), 0, "quiet for a quarter of an hour");
        assert!(!series.tracks.contains_key(&B), "gone");
    }
}
