//! What is read off the board when metrics are asked for? Everything about backends, the snapshot and the process itself.
//!
//! Nothing here is kept: a backend that is gone has no series, and a gauge cannot disagree with the admin API, since both are
//! made of the same reports.

use super::families::{counters, gauge, gauges};
use super::process;
use super::table;
use crate::domain::board::{BackendReport, UpstreamReport};
use crate::domain::document::Meaning;
use crate::domain::snapshot::Snapshot;
use crate::domain::standing::Cause;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

/// The families of this moment. `started_at`: Unix seconds.
pub fn gather(snapshot: &Snapshot, reports: &[UpstreamReport], started_at: f64) -> Vec<MetricFamily> {
    let registry = Registry::new();
    about_snapshot(&registry, snapshot);
    about_process(&registry, started_at);
    let backends = Backends::new(&registry);
    for upstream in reports {
        backends.upstream(upstream);
    }
    registry.gather()
}

fn about_snapshot(registry: &Registry, snapshot: &Snapshot) {
    let generation: IntGauge = gauge(registry, &table::GENERATION);
    generation.set(i64::try_from(snapshot.generation).unwrap_or(i64::MAX));
    let first_round: IntGauge = gauge(registry, &table::FIRST_ROUND);
    first_round.set(i64::from(snapshot.first_round_done));
    let build: IntGaugeVec = gauges(registry, &table::BUILD);
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
}

/// What the system does not tell (another system than Linux, a locked-down /proc) has no series.
fn about_process(registry: &Registry, started_at: f64) {
    let start: Gauge = gauge(registry, &table::PROCESS_START);
    start.set(started_at);
    let seen = process::read();
    if let Some(seconds) = seen.cpu_seconds {
        let cpu = Counter::with_opts(prometheus::Opts::new(table::PROCESS_CPU.name, table::PROCESS_CPU.help));
        if let Ok(cpu) = cpu {
            cpu.inc_by(seconds);
            let _ = registry.register(Box::new(cpu));
        }
    }
    let numbers = [
        (&table::PROCESS_MEMORY, seen.resident_bytes),
        (&table::PROCESS_THREADS, seen.threads),
        (&table::PROCESS_OPEN_FDS, seen.open_fds),
        (&table::PROCESS_MAX_FDS, seen.max_fds),
    ];
    for (metric, value) in numbers {
        if let Some(value) = value {
            let number: Gauge = gauge(registry, metric);
            number.set(value as f64);
        }
    }
}

/// Components of one backend that have a series.
const COMPONENTS: usize = 20;

struct Backends {
    components: IntGaugeVec,
    eligible: IntGaugeVec,
    standing: IntGaugeVec,
    share: GaugeVec,
    in_flight: IntGaugeVec,
    ejection_nth: IntGaugeVec,
    outcomes: IntCounterVec,
    probe_passed: IntGaugeVec,
    probe_seconds: GaugeVec,
    members: IntGaugeVec,
    eligible_members: IntGaugeVec,
}

impl Backends {
    fn new(registry: &Registry) -> Self {
        Self {
            components: gauges(registry, &table::BACKEND_COMPONENT),
            eligible: gauges(registry, &table::BACKEND_ELIGIBLE),
            standing: gauges(registry, &table::BACKEND_STANDING),
            share: gauges(registry, &table::BACKEND_SHARE),
            in_flight: gauges(registry, &table::BACKEND_IN_FLIGHT),
            ejection_nth: gauges(registry, &table::EJECTION_NTH),
            outcomes: counters(registry, &table::BACKEND_OUTCOMES),
            probe_passed: gauges(registry, &table::BACKEND_PROBE_PASSED),
            probe_seconds: gauges(registry, &table::BACKEND_PROBE_SECONDS),
            members: gauges(registry, &table::UPSTREAM_BACKENDS),
            eligible_members: gauges(registry, &table::UPSTREAM_ELIGIBLE),
        }
    }

    fn upstream(&self, upstream: &UpstreamReport) {
        let eligible = upstream.backends.iter().filter(|backend| backend.standing.cause.eligible()).count();
        self.members.with_label_values(&[&*upstream.name]).set(count(upstream.backends.len()));
        self.eligible_members.with_label_values(&[&*upstream.name]).set(count(eligible));
        for backend in &upstream.backends {
            self.backend(&upstream.name, &backend.id.address.to_string(), backend);
        }
    }

    fn backend(&self, upstream: &str, address: &str, backend: &BackendReport) {
        let labels = &[upstream, address];
        let current = backend.standing.cause;
        self.eligible.with_label_values(labels).set(i64::from(current.eligible()));
        for cause in Cause::ALL {
            let series = self.standing.with_label_values(&[upstream, address, cause.word()]);
            series.set(i64::from(cause == current));
        }
        self.share.with_label_values(labels).set(backend.standing.share);
        self.in_flight.with_label_values(labels).set(i64::from(backend.in_flight));
        self.ejection_nth.with_label_values(labels).set(backend.ejection.map_or(0, |ejection| i64::from(ejection.nth)));
        for (outcome, total) in [("success", backend.total_successes), ("failure", backend.total_failures)] {
            self.outcomes.with_label_values(&[upstream, address, outcome]).inc_by(total);
        }
        if let Some(probe) = &backend.last_probe {
            self.probe_passed.with_label_values(labels).set(i64::from(probe.passed));
            self.probe_seconds.with_label_values(labels).set(probe.took.as_secs_f64());
            let components = probe.document.iter().flat_map(|document| &document.components);
            for component in components.take(COMPONENTS) {
                if let Some(means) = component.said.means {
                    let series = self.components.with_label_values(&[upstream, address, &component.name]);
                    series.set(i64::from(means <= Meaning::Degraded));
                }
            }
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
