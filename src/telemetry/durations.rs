//! Which durations are counted? All histograms of the table, with native buckets or without.

use super::exposition::Family;
use super::histogram::Histograms;
use super::table;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The histograms of one process.
#[derive(Debug)]
pub struct Durations {
    /// Do series that begin now have native buckets?
    native: Arc<AtomicBool>,
    /// By route and upstream.
    pub requests: Histograms<2>,
    pub upstream: Histograms<1>,
    pub overhead: Histograms<1>,
    /// By upstream and kind.
    pub probes: Histograms<2>,
    pub probe_start_delay: Histograms<0>,
}

impl Durations {
    pub fn new() -> Self {
        let native = Arc::<AtomicBool>::default();
        let durations = Self {
            requests: Histograms::new(&table::REQUEST_SECONDS, &native),
            upstream: Histograms::new(&table::UPSTREAM_SECONDS, &native),
            overhead: Histograms::new(&table::OVERHEAD_SECONDS, &native),
            probes: Histograms::new(&table::PROBE_SECONDS, &native),
            probe_start_delay: Histograms::new(&table::PROBE_START_DELAY, &native),
            native,
        };
        durations.probe_start_delay.get([]);
        durations
    }

    /// Native buckets from now on, or none. True where that is a change: then all begin anew, since half of a history would contradict
    /// the other.
    pub fn native_buckets(&self, wanted: bool) -> bool {
        let changes = self.native.swap(wanted, Relaxed) != wanted;
        if changes {
            self.retain(|_| false, |_| false);
            self.probe_start_delay.retain(|_| false);
            self.probe_start_delay.get([]);
        }
        changes
    }

    /// Forgets the series of routes and upstreams that are no more.
    pub fn retain(&self, has_route: impl Fn(&str) -> bool, has_upstream: impl Fn(&str) -> bool) {
        self.requests.retain(|[route, upstream]| has_route(route) && has_upstream(upstream));
        self.upstream.retain(|[upstream]| has_upstream(upstream));
        self.overhead.retain(|[upstream]| has_upstream(upstream));
        self.probes.retain(|[upstream, _]| has_upstream(upstream));
    }

    pub fn gather(&self) -> [Family<'static>; 5] {
        [
            self.requests.gather(),
            self.upstream.gather(),
            self.overhead.gather(),
            self.probes.gather(),
            self.probe_start_delay.gather(),
        ]
    }
}
