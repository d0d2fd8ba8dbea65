//! What is a family? A row of the table and its series, by the values of its labels.

use super::numbers::{Counter, Gauge, Level, Moment};
use super::owned::{Owned, Swept};
use super::owners::Terms;
use crate::telemetry::exposition::{Family, Value};
use crate::telemetry::histogram::Histogram;
use crate::telemetry::table::{Kind, Metric};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// A family of `S` with `N` labels.
#[derive(Debug)]
pub struct Vector<S, const N: usize> {
    metric: &'static Metric,
    terms: Arc<Terms>,
    series: Owned<Arc<S>, N>,
}

pub type Counters<const N: usize> = Vector<Counter, N>;
pub type Gauges<const N: usize> = Vector<Gauge, N>;
pub type Histograms<const N: usize> = Vector<Histogram, N>;

/// One series.
pub trait Instrument: Send + Sync + Debug + 'static {
    fn begin(metric: &Metric, native: bool) -> Self;
    fn value(&self) -> Value;
}

impl Instrument for Counter {
    fn begin(_: &Metric, _: bool) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        Value::Number(self.get() as f64)
    }
}

impl Instrument for Gauge {
    fn begin(_: &Metric, _: bool) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        Value::Number(self.get() as f64)
    }
}

impl Instrument for Level {
    fn begin(_: &Metric, _: bool) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        Value::Number(self.get() as f64)
    }
}

impl Instrument for Moment {
    fn begin(_: &Metric, _: bool) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        Value::Number(self.get())
    }
}

impl Instrument for Histogram {
    fn begin(metric: &Metric, native: bool) -> Self {
        match metric.kind {
            Kind::Histogram(bounds) => Self::new(bounds, native),
            Kind::Counter | Kind::Gauge => Self::new(&[], native),
        }
    }

    fn value(&self) -> Value {
        Value::Histogram(self.picture())
    }
}

impl<S: Instrument, const N: usize> Vector<S, N> {
    pub(super) fn new(metric: &'static Metric, terms: &Arc<Terms>) -> Self {
        debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
        let series = Owned::new(metric.labels, Arc::clone(terms));
        let vector = Self { metric, terms: Arc::clone(terms), series };
        vector.begin_alone();
        vector
    }

    /// A family without labels is one series, which is always there.
    fn begin_alone(&self) {
        if N == 0 {
            self.get([""; N]);
        }
    }

    /// The series of these labels, in the order of the table, to be kept by who moves it often. Where nobody owns it, or once its owner is
    /// gone, what is counted there is seen nowhere.
    pub fn get(&self, labels: [&str; N]) -> Arc<S> {
        let mut found = None;
        self.series.with(labels, || self.begin(), |series| found = Some(Arc::clone(series)));
        found.unwrap_or_else(|| self.begin())
    }

    pub fn with(&self, labels: [&str; N], act: impl FnOnce(&S)) {
        self.series.with(labels, || self.begin(), |series| act(series));
    }

    /// Drops all series but these.
    pub fn retain(&self, keep: impl Fn([&str; N]) -> bool) {
        self.series.retain(keep);
    }

    fn begin(&self) -> Arc<S> {
        Arc::new(S::begin(self.metric, self.terms.native()))
    }
}

impl<const N: usize> Counters<N> {
    pub fn inc(&self, labels: [&str; N]) {
        self.with(labels, Counter::inc);
    }
}

impl<const N: usize> Histograms<N> {
    pub fn observe(&self, labels: [&str; N], took: Duration) {
        self.with(labels, |histogram| histogram.observe(took));
    }
}

/// A family of any kind.
pub(super) trait Kept: Swept {
    fn metric(&self) -> &'static Metric;
    fn begin_anew(&self);
    /// As it is at this moment, in the order of the labels.
    fn gather(&self) -> Family<'static>;
}

impl<S: Instrument, const N: usize> Swept for Vector<S, N> {
    fn sweep(&self) {
        self.series.sweep();
    }
}

impl<S: Instrument, const N: usize> Kept for Vector<S, N> {
    fn metric(&self) -> &'static Metric {
        self.metric
    }

    fn begin_anew(&self) {
        self.series.retain(|_| false);
        self.begin_alone();
    }

    fn gather(&self) -> Family<'static> {
        let mut family = Family::of(self.metric);
        self.series.each(|labels, series| {
            family.push(labels.map(|label| label.to_owned().into()), series.value());
        });
        family.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        family
    }
}
