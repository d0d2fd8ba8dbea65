//! How do probes fare? What they came to, how long they took, and how late they started.

use crate::telemetry::instruments::{Counters, Histograms, Registry};
use crate::telemetry::table;
use pulsegate_core::plan::ProbeKind;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub struct Probes {
    results: Arc<Counters<3>>,
    seconds: Arc<Histograms<2>>,
    start_delay: Arc<Histograms<0>>,
}

impl Probes {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            results: registry.counters(&table::PROBES),
            seconds: registry.histograms(&table::PROBE_SECONDS),
            start_delay: registry.histograms(&table::PROBE_START_DELAY),
        }
    }

    pub fn started(&self, late: Duration) {
        self.start_delay.observe([], late);
    }

    pub fn ended(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.results.inc([upstream, kind.word(), result]);
        self.seconds.observe([upstream, kind.word()], took);
    }
}
