//! What is counted as it happens? Requests, connections, reloads and events.
//!
//! What can be read off the board instead of being counted, [`super::gauges`] computes when it is asked for. Counters with labels
//! are found through [`Handles`]: no lock and no allocation on the path of a request.

mod rare;

use super::doors::Doors;
use super::durations::Durations;
use super::event::Tally;
use super::families::{counter, counters, gauge, gauges};
use super::handles::Handles;
use super::histogram::Histogram;
use super::table;
use super::{RequestRecord, access, alert, tracing};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use pulsegate_core::plan::{Plan, ProbeKind};
use pulsegate_core::traffic::outcome::AttemptEnd;
use rare::Begun;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The counters of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,

    lanes: Handles<Lane, 2>,
    requests: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    pub durations: Durations,
    attempts: IntCounterVec,
    retries: IntCounterVec,

    retry_stopped: Counted<2>,
    own_answers: Counted<1>,
    refused: Counted<2>,
    mirrored: Counted<2>,
    hedged: Counted<2>,
    /// Of routes' guards.
    pub(super) doors: Doors,
    connections_accepted: Counted<1>,
    connections: Handles<IntGauge, 1>,
    connections_vec: IntGaugeVec,

    transitions: Counted<2>,
    ejections: Counted<2>,
    ejections_refused: Counted<1>,
    disagreements: Counted<2>,
    pools_held: Counted<1>,
    would_eject: Counted<2>,
    timeouts_held: Counted<1>,
    discovery_kept: Counted<1>,
    pool_emptied: Counted<1>,
    restarted: Counted<1>,
    need_restart: Counted<2>,
    /// Moved by the webhooks themselves.
    pub webhook_notices: IntCounterVec,
    /// Moved by the alerts themselves.
    pub alerts: alert::Counts,
    pub access: access::Health,
    pub tracing: tracing::Health,
    probes: Counted<3>,
    begun: Begun,

    certificates: IntGaugeVec,
    /// The labels that `certificates` has.
    certified: Mutex<BTreeMap<(String, String), i64>>,
    admin_writes: IntCounterVec,
    reloads: IntCounterVec,
    reload_ok: IntGauge,
    reload_at: Gauge,
}

const RESULTS: usize = AttemptEnd::RESULTS.len();

/// Everything that one request of one route to one upstream moves.
#[derive(Debug)]
struct Lane {
    /// By class, 1xx to 5xx.
    classes: [IntCounter; 5],
    received: IntCounter,
    sent: IntCounter,
    request_seconds: Arc<Histogram>,
    toward_upstream: Option<TowardUpstream>,
}

/// What only requests that have an upstream move.
#[derive(Debug)]
struct TowardUpstream {
    seconds: Arc<Histogram>,
    overhead: Arc<Histogram>,
    /// By [`AttemptEnd::result`].
    attempts: [IntCounter; RESULTS],
    retries: [IntCounter; RESULTS],
}

/// A counter family with its handles.
#[derive(Debug)]
pub(super) struct Counted<const N: usize> {
    family: IntCounterVec,
    handles: Handles<IntCounter, N>,
}

impl<const N: usize> Counted<N> {
    pub(super) fn new(family: IntCounterVec) -> Self {
        Self { family, handles: Handles::default() }
    }

    pub(super) fn inc(&self, labels: [&str; N]) {
        self.handles.with(labels, || self.family.with_label_values(&labels), IntCounter::inc);
    }

    pub(super) fn retain(&self, keep: impl Fn([&str; N]) -> bool) {
        self.handles.retain(keep, |labels| forget(&self.family, &labels));
    }
}

impl Metrics {
    /// `loaded_at`: when the first configuration was loaded, Unix seconds.
    pub fn new(loaded_at: f64) -> Self {
        let registry = Registry::new();
        let r = &registry;
        let metrics = Self {
            lanes: Handles::default(),
            requests: counters(r, &table::REQUESTS),
            received: counters(r, &table::RECEIVED_BYTES),
            sent: counters(r, &table::SENT_BYTES),
            durations: Durations::new(),
            attempts: counters(r, &table::ATTEMPTS),
            retries: counters(r, &table::RETRIES),
            retry_stopped: Counted::new(counters(r, &table::RETRY_STOPPED)),
            own_answers: Counted::new(counters(r, &table::OWN_ANSWERS)),
            refused: Counted::new(counters(r, &table::REFUSED)),
            mirrored: Counted::new(counters(r, &table::MIRRORED)),
            hedged: Counted::new(counters(r, &table::HEDGED)),
            doors: Doors::new(r),
            connections_accepted: Counted::new(counters(r, &table::CONNECTIONS_ACCEPTED)),
            connections: Handles::default(),
            connections_vec: gauges(r, &table::CONNECTIONS),
            transitions: Counted::new(counters(r, &table::TRANSITIONS)),
            ejections: Counted::new(counters(r, &table::EJECTIONS)),
            ejections_refused: Counted::new(counters(r, &table::EJECTIONS_REFUSED)),
            disagreements: Counted::new(counters(r, &table::DISAGREEMENTS)),
            pools_held: Counted::new(counters(r, &table::POOL_HELD)),
            would_eject: Counted::new(counters(r, &table::WOULD_EJECT)),
            timeouts_held: Counted::new(counters(r, &table::PROBE_TIMEOUTS_HELD)),
            discovery_kept: Counted::new(counters(r, &table::DISCOVERY_KEPT)),
            pool_emptied: Counted::new(counters(r, &table::POOL_EMPTIED)),
            restarted: Counted::new(counters(r, &table::RESTARTED)),
            need_restart: Counted::new(counters(r, &table::NEED_RESTART)),
            webhook_notices: counters(r, &table::WEBHOOK_NOTICES),
            probes: Counted::new(counters(r, &table::PROBES)),
            begun: Begun::default(),
            alerts: alert::Counts {
                firing: gauges(r, &table::ALERTS_FIRING),
                dropped: counter(r, &table::ALERT_TRANSITIONS_DROPPED),
            },
            access: access::Health {
                written: counter(r, &table::ACCESS_LINES),
                dropped: counter(r, &table::ACCESS_DROPPED),
                waiting: gauge(r, &table::ACCESS_WAITING),
            },
            tracing: tracing::Health {
                exported: counter(r, &table::SPANS_EXPORTED),
                dropped: counters(r, &table::SPANS_DROPPED),
                waiting: gauge(r, &table::SPANS_WAITING),
            },
            certificates: gauges(r, &table::CERTIFICATE_EXPIRY),
            certified: Mutex::default(),
            admin_writes: counters(r, &table::ADMIN_WRITES),
            reloads: counters(r, &table::RELOADS),
            reload_ok: gauge(r, &table::RELOAD_OK),
            reload_at: gauge(r, &table::RELOAD_AT),
            registry,
        };
        metrics.begin(loaded_at);
        metrics
    }

    /// Series that are there before anything happens.
    fn begin(&self, loaded_at: f64) {
        self.reload_ok.set(1);
        self.reload_at.set(loaded_at);
        for result in ["applied", "refused"] {
            self.reloads.with_label_values(&[result]);
        }
        for reason in tracing::LOST {
            self.tracing.dropped.with_label_values(&[reason]);
        }
    }

    /// A request ended. `route` and `upstream` are those of the plan; absent ones count under an empty label.
    pub fn request(&self, record: &RequestRecord<'_>) {
        let labels = [record.route.unwrap_or_default(), record.upstream.unwrap_or_default()];
        self.lanes.with(labels, || self.lane(labels), |lane| lane.count(record));
        if let Some(reason) = record.reason {
            self.own_answers.inc([reason]);
        }
        if let (Some(upstream), Some(reason)) = (record.upstream, record.retry_stopped) {
            self.retry_stopped.inc([upstream, reason]);
        }
    }

    fn lane(&self, [route, upstream]: [&str; 2]) -> Lane {
        let class = |class| self.requests.with_label_values(&[route, upstream, class]);
        Lane {
            classes: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            received: self.received.with_label_values(&[route, upstream]),
            sent: self.sent.with_label_values(&[route, upstream]),
            request_seconds: self.durations.requests.get([route, upstream]),
            toward_upstream: (!upstream.is_empty()).then(|| TowardUpstream {
                seconds: self.durations.upstream.get([upstream]),
                overhead: self.durations.overhead.get([upstream]),
                attempts: AttemptEnd::RESULTS.map(|result| self.attempts.with_label_values(&[upstream, result])),
                retries: AttemptEnd::RESULTS.map(|reason| self.retries.with_label_values(&[upstream, reason])),
            }),
        }
    }

    pub fn hedged(&self, route: &str, result: &'static str) {
        self.hedged.inc([route, result]);
    }

    pub fn mirrored(&self, route: &str, sent: bool) {
        self.mirrored.inc([route, if sent { "sent" } else { "dropped" }]);
    }

    pub fn refused(&self, listener: &str, reason: &'static str) {
        self.refused.inc([listener, reason]);
    }

    pub fn connection_opened(&self, listener: &str) {
        self.connections_accepted.inc([listener]);
        self.open_connections(listener, IntGauge::inc);
    }

    pub fn connection_closed(&self, listener: &str) {
        self.open_connections(listener, IntGauge::dec);
    }

    fn open_connections(&self, listener: &str, act: impl FnOnce(&IntGauge)) {
        self.connections.with([listener], || self.connections_vec.with_label_values(&[listener]), act);
    }

    /// An event of the board.
    pub fn tally(&self, tally: Tally<'_>) {
        match tally {
            Tally::Transition { upstream, to } => self.transitions.inc([upstream, to.word()]),
            Tally::Ejected { upstream, cause } => self.ejections.inc([upstream, cause.word()]),
            Tally::EjectionRefused(upstream) => self.ejections_refused.inc([upstream]),
            Tally::Disagreement { upstream, what } => self.disagreements.inc([upstream, what.word()]),
            Tally::PoolHeld(upstream) => self.pools_held.inc([upstream]),
            Tally::WouldEject { upstream, detector } => self.would_eject.inc([upstream, detector.word()]),
            Tally::TimeoutsHeld(upstream) => self.timeouts_held.inc([upstream]),
            Tally::DiscoveryKept(upstream) => self.discovery_kept.inc([upstream]),
            Tally::PoolEmptied(upstream) => self.pool_emptied.inc([upstream]),
            Tally::NeedsRestart { upstream, probe } => self.need_restart.inc([upstream, probe.word()]),
            Tally::Restarted(upstream) => self.restarted.inc([upstream]),
        }
    }

    pub fn probe_started(&self, late: Duration) {
        self.durations.probe_start_delay.observe([], late);
    }

    pub fn probed(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.probes.inc([upstream, kind.word(), result]);
        self.durations.probes.observe([upstream, kind.word()], took);
    }

    /// Histograms with native buckets from now on, or without.
    pub fn native_histograms(&self, wanted: bool) {
        if self.durations.native_buckets(wanted) {
            self.lanes.retain(|_| false, |_| ());
        }
    }

    /// The certificates in force: listener, name, end in Unix seconds. What is not among them any more has no series.
    pub fn certificates(&self, ends: &[(String, String, i64)]) {
        let mut now = BTreeMap::new();
        for (listener, name, end) in ends {
            let earliest = now.entry((listener.clone(), name.clone())).or_insert(*end);
            *earliest = (*earliest).min(*end);
        }
        for ((listener, name), end) in &now {
            self.certificates.with_label_values(&[listener, name]).set(*end);
        }
        let mut before = self.certified.lock().unwrap_or_else(PoisonError::into_inner);
        for (listener, name) in before.keys().filter(|labels| !now.contains_key(*labels)) {
            let _ = self.certificates.remove_label_values(&[listener, name]);
        }
        *before = now;
    }

    pub fn admin_write(&self, action: &'static str, result: &'static str) {
        self.admin_writes.with_label_values(&[action, result]).inc();
    }

    /// `at`: Unix seconds.
    pub fn reload(&self, applied: bool, at: f64) {
        self.reloads.with_label_values(&[if applied { "applied" } else { "refused" }]).inc();
        self.reload_ok.set(i64::from(applied));
        if applied {
            self.reload_at.set(at);
        }
    }

    /// Every family that has a series, after the series of routes and upstreams that `plan` no longer has are forgotten.
    pub fn gather(&self, plan: &Plan) -> Vec<MetricFamily> {
        self.begin_rare(plan);
        self.forget_removed(plan);
        self.registry.gather()
    }

    fn forget_removed(&self, plan: &Plan) {
        let has_upstream = |name: &str| name.is_empty() || plan.upstreams.iter().any(|u| &*u.name == name);
        let has_route = |name: &str| name.is_empty() || plan.routes.iter().any(|r| &*r.name == name);
        self.lanes.retain(
            |[route, upstream]| has_route(route) && has_upstream(upstream),
            |[route, upstream]| {
                self.forget_lane(route, upstream);
                if !has_upstream(upstream) {
                    self.forget_upstream(upstream);
                }
            },
        );
        self.durations.retain(has_route, has_upstream);
        self.probes.retain(|[upstream, ..]| has_upstream(upstream));
        for family in [
            &self.retry_stopped,
            &self.ejections,
            &self.transitions,
            &self.need_restart,
            &self.would_eject,
            &self.disagreements,
        ] {
            family.retain(|[upstream, _]| has_upstream(upstream));
        }
        self.doors.retain(has_route);
        for family in self.by_upstream() {
            family.retain(|[upstream]| has_upstream(upstream));
        }
    }

    fn by_upstream(&self) -> [&Counted<1>; 6] {
        [
            &self.pools_held,
            &self.ejections_refused,
            &self.timeouts_held,
            &self.discovery_kept,
            &self.pool_emptied,
            &self.restarted,
        ]
    }

    fn forget_lane(&self, route: &str, upstream: &str) {
        for class in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
            forget(&self.requests, &[route, upstream, class]);
        }
        forget(&self.received, &[route, upstream]);
        forget(&self.sent, &[route, upstream]);
    }

    fn forget_upstream(&self, upstream: &str) {
        for result in AttemptEnd::RESULTS {
            forget(&self.attempts, &[upstream, result]);
            forget(&self.retries, &[upstream, result]);
        }
    }
}

impl Lane {
    fn count(&self, record: &RequestRecord<'_>) {
        let class = usize::from(record.status / 100).clamp(1, 5) - 1;
        if let Some(counter) = self.classes.get(class) {
            counter.inc();
        }
        self.received.inc_by(record.bytes_in);
        self.sent.inc_by(record.bytes_out);
        self.request_seconds.observe(record.took);
        if let Some(toward) = &self.toward_upstream {
            toward.count(record);
        }
    }
}

impl TowardUpstream {
    fn count(&self, record: &RequestRecord<'_>) {
        let mut before: Option<&IntCounter> = None;
        for one in record.tries.iter() {
            let result = one.end.result();
            if let Some(retries) = before {
                retries.inc();
            }
            before = self.retries.get(result);
            if let Some(attempts) = self.attempts.get(result) {
                attempts.inc();
            }
        }
        if let Some(took) = record.upstream_took {
            self.seconds.observe(took);
        }
        if let Some(overhead) = record.overhead {
            self.overhead.observe(overhead);
        }
    }
}

/// Silent where the series is not there: another render was faster.
fn forget(family: &IntCounterVec, labels: &[&str]) {
    let _ = family.remove_label_values(labels);
}
