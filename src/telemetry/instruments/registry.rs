//! Which families are there? All that were made here: what is asked for is gathered from them, and a change of the configuration sweeps them.

use super::numbers::{Counter, Gauge, Level, Moment};
use super::owned::{Owned, Swept};
use super::owners::{Owners, Terms};
use super::vector::{Counters, Gauges, Histograms, Instrument, Kept, Vector};
use crate::telemetry::exposition::Family;
use crate::telemetry::table::{Kind, Label, Metric};
use std::fmt::Debug;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Registry {
    terms: Arc<Terms>,
    families: Vec<Arc<dyn Kept>>,
    /// What keeps series of families, or knows something of those who own them.
    caches: Vec<Arc<dyn Swept>>,
}

impl Registry {
    pub fn counters<const N: usize>(&mut self, metric: &'static Metric) -> Arc<Counters<N>> {
        self.vector(metric)
    }

    pub fn gauges<const N: usize>(&mut self, metric: &'static Metric) -> Arc<Gauges<N>> {
        self.vector(metric)
    }

    pub fn histograms<const N: usize>(&mut self, metric: &'static Metric) -> Arc<Histograms<N>> {
        self.vector(metric)
    }

    /// Without labels.
    pub fn counter(&mut self, metric: &'static Metric) -> Arc<Counter> {
        self.vector(metric).get([])
    }

    /// Without labels.
    pub fn gauge(&mut self, metric: &'static Metric) -> Arc<Gauge> {
        self.vector(metric).get([])
    }

    /// Without labels.
    pub fn level(&mut self, metric: &'static Metric) -> Arc<Level> {
        self.vector(metric).get([])
    }

    /// Without labels.
    pub fn moment(&mut self, metric: &'static Metric) -> Arc<Moment> {
        self.vector(metric).get([])
    }

    fn vector<S: Instrument, const N: usize>(&mut self, metric: &'static Metric) -> Arc<Vector<S, N>> {
        let vector = Arc::new(Vector::new(metric, &self.terms));
        self.families.push(vector.clone());
        vector
    }

    /// What is kept beside the families, under labels with the same owners.
    pub fn cache<H, const N: usize>(&mut self, labels: &'static [Label]) -> Arc<Owned<H, N>>
    where
        H: Send + Sync + Debug + 'static,
    {
        let cache = Arc::new(Owned::new(labels, Arc::clone(&self.terms)));
        self.caches.push(cache.clone());
        cache
    }

    /// From now on these own series, and nobody else. One caller at a time.
    ///
    /// Caches are swept last: what one of them takes from a family meanwhile belongs to somebody who is there.
    pub fn sweep(&self, owners: Owners) {
        self.terms.change(owners);
        self.families.iter().for_each(|family| family.sweep());
        self.caches.iter().for_each(|cache| cache.sweep());
    }

    /// Histograms with native buckets from now on, or without. True where that is a change: then they have begun anew, since half of a
    /// history would contradict the other.
    pub fn native_histograms(&self, wanted: bool) -> bool {
        let changes = self.terms.want_native(wanted);
        if changes {
            let histograms = self.families.iter().filter(|family| matches!(family.metric().kind, Kind::Histogram(_)));
            histograms.for_each(|family| family.begin_anew());
        }
        changes
    }

    pub fn gather(&self) -> Vec<Family<'static>> {
        self.families.iter().map(|family| family.gather()).collect()
    }
}
