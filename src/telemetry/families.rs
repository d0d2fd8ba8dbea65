//! How does a row of the table become a family of series?
//!
//! The only place that hands names, help and labels to the `prometheus` crate; it takes them from the table alone. Rows are
//! constants: one that the crate refuses is an error of ours, and stops the process at start and every test that makes metrics.

use super::table::Metric;
use prometheus::core::{Atomic, Collector, GenericCounterVec, GenericGauge, GenericGaugeVec};
use prometheus::{IntCounter, Opts, Registry};

pub fn counters<P: Atomic + 'static>(registry: &Registry, metric: &Metric) -> GenericCounterVec<P> {
    register(registry, GenericCounterVec::new(opts(metric), metric.labels))
}

pub fn gauges<P: Atomic + 'static>(registry: &Registry, metric: &Metric) -> GenericGaugeVec<P> {
    register(registry, GenericGaugeVec::new(opts(metric), metric.labels))
}

/// A counter without labels.
pub fn counter(registry: &Registry, metric: &Metric) -> IntCounter {
    register(registry, IntCounter::with_opts(opts(metric)))
}

/// A gauge without labels.
pub fn gauge<P: Atomic + 'static>(registry: &Registry, metric: &Metric) -> GenericGauge<P> {
    register(registry, GenericGauge::with_opts(opts(metric)))
}

fn opts(metric: &Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

#[allow(clippy::expect_used, reason = "rows are constants; a bad one fails at start and in every test")]
fn register<C: Collector + Clone + 'static>(registry: &Registry, family: prometheus::Result<C>) -> C {
    let family = family.expect("the row's name, help and labels are valid");
    registry.register(Box::new(family.clone())).expect("each row is registered once");
    family
}
