//! What is read off the board when metrics are asked for? Everything about backends, the snapshot and the process itself, and what the
//! ledgers of the upstreams hold.
//!
//! Nothing here is kept: a backend that is gone has no series, and a gauge cannot disagree with the admin API, since both are
//! made of the same reports.

use super::process;
use crate::telemetry::exposition::{Family, Value};
use crate::telemetry::{logging, panics, table};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, LastProbe, UpstreamReport};
use pulsegate_core::health::document::Meaning;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::traffic::snapshot::{Pool, Snapshot};
use std::collections::BTreeMap;

/// The addresses of all backends, in their order, as labels.
pub fn addresses(reports: &[UpstreamReport]) -> Vec<Vec<String>> {
    let of =
        |upstream: &UpstreamReport| upstream.backends.iter().map(|backend| backend.id.address.to_string()).collect();
    reports.iter().map(of).collect()
}

/// The families of this moment. `started_at`: Unix seconds; `unix`: the same of any moment. `addresses`: see [`addresses`].
pub fn gather<'a>(
    snapshot: &'a Snapshot,
    reports: &'a [UpstreamReport],
    addresses: &'a [Vec<String>],
    (started_at, unix): (f64, &dyn Fn(Timestamp) -> f64),
) -> Vec<Family<'a>> {
    let mut backends = Backends::new();
    for (upstream, addresses) in reports.iter().zip(addresses) {
        backends.upstream(upstream, addresses, unix);
    }
    let mut families = backends.families();
    families.extend(about_snapshot(snapshot));
    families.extend(about_pools(snapshot));
    families.extend(about_process(started_at));
    families.extend(about_log());
    families
}

fn about_log() -> [Family<'static>; 4] {
    let log = logging::health();
    [
        one(&table::LOG_DROPPED, log.dropped.get() as f64),
        one(&table::LOG_LINES, log.written.get() as f64),
        one(&table::LOG_WAITING, log.waiting.get() as f64),
        one(&table::PANICS, panics::seen() as f64),
    ]
}

fn about_snapshot(snapshot: &Snapshot) -> [Family<'_>; 3] {
    let mut build = Family::of(&table::BUILD);
    build.number([env!("CARGO_PKG_VERSION")], 1.0);
    let first_round = f64::from(u8::from(snapshot.first_round_done));
    [one(&table::GENERATION, snapshot.generation as f64), one(&table::FIRST_ROUND, first_round), build]
}

fn about_pools(snapshot: &Snapshot) -> [Family<'_>; 4] {
    let mut detection = Family::of(&table::DETECTION_FAILED);
    let mut saved = Family::of(&table::SAVED);
    let mut connections = Family::of(&table::UPSTREAM_CONNECTIONS);
    let mut queue = Family::of(&table::QUEUE_REQUESTS);
    for pool in &snapshot.pools {
        let Pool { upstream, ledger, circuit_breaker, .. } = &**pool;
        detection.number([&*upstream.name], ledger.failed_during_detection() as f64);
        for (by, requests) in [("retry", ledger.saved_by_retry() as f64), ("ejection", ledger.saved_by_ejection())] {
            saved.number([&*upstream.name, by], requests);
        }
        let (active, idle) = ledger.connections();
        for (state, open) in [("active", active), ("idle", idle)] {
            connections.number([&*upstream.name, state], open as f64);
        }
        queue.number([&*upstream.name], f64::from(circuit_breaker.waiting()));
    }
    [detection, saved, connections, queue]
}

/// What the system does not tell (another system than Linux, a locked-down /proc) has no series.
fn about_process(started_at: f64) -> Vec<Family<'static>> {
    let seen = process::read();
    let whole = |number: Option<u64>| number.map(|number| number as f64);
    let numbers = [
        (&table::PROCESS_START, Some(started_at)),
        (&table::PROCESS_CPU, seen.cpu_seconds),
        (&table::PROCESS_MEMORY, whole(seen.resident_bytes)),
        (&table::PROCESS_THREADS, whole(seen.threads)),
        (&table::PROCESS_OPEN_FDS, whole(seen.open_fds)),
        (&table::PROCESS_MAX_FDS, whole(seen.max_fds)),
    ];
    numbers.into_iter().filter_map(|(metric, value)| value.map(|value| one(metric, value))).collect()
}

/// A family without labels.
fn one(metric: &'static table::Metric, value: f64) -> Family<'static> {
    let mut family = Family::of(metric);
    family.push([], Value::Number(value));
    family
}

/// Components of one backend that have a series.
const COMPONENTS: usize = 20;

struct Backends<'a> {
    components: Family<'a>,
    eligible: Family<'a>,
    standing: Family<'a>,
    transition: Family<'a>,
    share: Family<'a>,
    in_flight: Family<'a>,
    ejection_nth: Family<'a>,
    outcomes: Family<'a>,
    probe_passed: Family<'a>,
    probe_seconds: Family<'a>,
    members: Family<'a>,
    eligible_members: Family<'a>,
}

impl<'a> Backends<'a> {
    fn new() -> Self {
        Self {
            components: Family::of(&table::BACKEND_COMPONENT),
            eligible: Family::of(&table::BACKEND_ELIGIBLE),
            standing: Family::of(&table::BACKEND_STANDING),
            transition: Family::of(&table::BACKEND_TRANSITION),
            share: Family::of(&table::BACKEND_SHARE),
            in_flight: Family::of(&table::BACKEND_IN_FLIGHT),
            ejection_nth: Family::of(&table::EJECTION_NTH),
            outcomes: Family::of(&table::BACKEND_OUTCOMES),
            probe_passed: Family::of(&table::BACKEND_PROBE_PASSED),
            probe_seconds: Family::of(&table::BACKEND_PROBE_SECONDS),
            members: Family::of(&table::UPSTREAM_BACKENDS),
            eligible_members: Family::of(&table::UPSTREAM_ELIGIBLE),
        }
    }

    fn families(self) -> Vec<Family<'a>> {
        vec![
            self.components,
            self.eligible,
            self.standing,
            self.transition,
            self.share,
            self.in_flight,
            self.ejection_nth,
            self.outcomes,
            self.probe_passed,
            self.probe_seconds,
            self.members,
            self.eligible_members,
        ]
    }

    fn upstream(&mut self, upstream: &'a UpstreamReport, addresses: &'a [String], unix: &dyn Fn(Timestamp) -> f64) {
        let eligible = upstream.backends.iter().filter(|backend| backend.standing.cause.eligible()).count();
        self.members.number([&*upstream.name], upstream.backends.len() as f64);
        self.eligible_members.number([&*upstream.name], eligible as f64);
        for (backend, address) in upstream.backends.iter().zip(addresses) {
            self.backend([&*upstream.name, address], backend);
            self.transition.number([&*upstream.name, address], unix(backend.since));
        }
    }

    fn backend(&mut self, labels: [&'a str; 2], backend: &'a BackendReport) {
        let [upstream, address] = labels;
        let current = backend.standing.cause;
        self.eligible.number(labels, yes(current.eligible()));
        for cause in Cause::ALL {
            self.standing.number([upstream, address, cause.word()], yes(cause == current));
        }
        self.share.number(labels, backend.standing.share);
        self.in_flight.number(labels, f64::from(backend.in_flight));
        self.ejection_nth.number(labels, backend.ejection.map_or(0.0, |ejection| f64::from(ejection.nth)));
        for (outcome, total) in [("success", backend.total_successes), ("failure", backend.total_failures)] {
            self.outcomes.number([upstream, address, outcome], total as f64);
        }
        if let Some(probe) = &backend.last_probe {
            self.probe_passed.number(labels, yes(probe.passed));
            self.probe_seconds.number(labels, probe.took.as_secs_f64());
            for (component, well) in components(probe) {
                self.components.number([upstream, address, component], yes(well));
            }
        }
    }
}

/// Each name once: two series of the same labels would spoil the whole page. Of two parts of one name, the worse counts.
fn components(probe: &LastProbe) -> BTreeMap<&str, bool> {
    let mut known = BTreeMap::new();
    for component in probe.document.iter().flat_map(|document| &document.components).take(COMPONENTS) {
        if let Some(means) = component.said.means {
            *known.entry(component.name.as_str()).or_insert(true) &= means <= Meaning::Degraded;
        }
    }
    known
}

fn yes(so: bool) -> f64 {
    f64::from(u8::from(so))
}
