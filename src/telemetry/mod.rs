//! Who is told what happened? Log lines, metrics, and the access log, each from one place.
//!
//! An [`Event`] becomes log line + metric in one match; a finished request becomes an access-log line + counters in one call.
//! This room decides nothing and never makes traffic wait.

mod access;
pub mod alert;
mod doors;
mod durations;
pub mod escape;
pub mod event;
mod exposition;
mod families;
mod gauges;
mod handles;
mod histogram;
mod logging;
mod metrics;
mod process;
pub mod table;
mod tracing;
mod tries;
pub mod webhook;

pub use access::check as check_access_file;
pub use exposition::Format;
pub use logging::{LEVELS, Verbosity, apply as apply_logging, init as init_logging, order as order_level, verbosity};
pub use tracing::{Tracer, check as check_collector};
pub use tries::{Tries, Try};

use self::access::AccessLog;
use self::alert::Alerting;
use self::exposition::Family;
use self::metrics::Metrics;
use self::webhook::{Notice, Ready, Webhooks};
use crate::clock::{Clock, when};
use crate::control::{Handle, Reporter};
use arc_swap::ArcSwapOption;
use http::HeaderMap;
use pulsegate_core::alert::{GroupState, Input as AlertInput};
use pulsegate_core::base::identity::{Address, BackendKey};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Input, ProbeJob, UpstreamReport};
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::reading::Reading;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::{AccessPlan, Plan, ProbeKind, TracingPlan};
use pulsegate_core::traffic::admission::Denial;
use pulsegate_core::traffic::cell::Record;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast;

/// Events that wait for a listener; of more, it misses the oldest and is told how many.
const LISTENED: usize = 1024;

/// A finished request, as the access log and the counters see it.
#[derive(Clone, Debug)]
pub struct RequestRecord<'a> {
    pub request_id: &'a str,
    pub client: IpAddr,
    pub listener: &'a str,
    pub method: &'a str,
    pub host: &'a str,
    /// The normalised path, without query.
    pub path: &'a str,
    /// With its `?`. It may carry secrets.
    pub query: &'a str,
    /// As the client sent them. They may carry secrets.
    pub headers: Option<&'a HeaderMap>,
    /// "HTTP/1.1", "HTTP/2"…
    pub protocol: &'static str,
    pub route: Option<&'a str>,
    pub upstream: Option<&'a str>,
    /// The backend of the last attempt.
    pub backend: Option<&'a Address>,
    /// As sent to the client; 499 when the client left before an answer.
    pub status: u16,
    /// The stable reason code where Pulsegate answered by itself (`no_route`, `none_eligible`…) or the exchange broke.
    pub reason: Option<&'static str>,
    /// 0 where no backend was asked.
    pub attempts: u32,
    pub tries: &'a Tries,
    /// Why no further try was made, where one was wanted ("budget", "limit"…).
    pub retry_stopped: Option<&'static str>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The client came over TLS.
    pub tls: bool,
    pub began: Timestamp,
    pub took: Duration,
    /// From the request's head to the response's.
    pub head_took: Option<Duration>,
    /// Of that, spent in waiting for a backend that may be asked.
    pub queued: Duration,
    /// Of the last attempt, to its response head.
    pub upstream_took: Option<Duration>,
    /// What the gateway itself added to the time to the response's head, where a backend answered.
    pub overhead: Option<Duration>,
    pub trace_id: Option<u128>,
    /// Where it is recorded.
    pub trace: Option<&'a Trace>,
}

/// A call of the admin API that wants to change something.
#[derive(Clone, Debug)]
pub struct AdminWrite<'a> {
    /// The token's name, or where it came from when there are no tokens.
    pub by: &'a str,
    pub from: SocketAddr,
    /// One of a fixed set of words.
    pub action: &'static str,
    /// The path that was asked, or the upstream and the backend.
    pub what: &'a str,
    pub result: WriteResult,
    /// A sentence.
    pub detail: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Applied,
    /// It could not be done.
    Refused,
    /// Who asked may not.
    Denied,
}

impl WriteResult {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Denied => "denied",
        }
    }
}

/// A prepared change of where lines and spans go.
#[derive(Debug)]
pub struct Change {
    native_histograms: bool,
    access: Option<Arc<AccessLog>>,
    tracer: Option<Arc<Tracer>>,
}

/// The counters and the access log of one process.
#[derive(Debug)]
pub struct Telemetry {
    clock: Clock,
    metrics: Metrics,
    /// `None`: switched off, or it could not be started (said at start).
    access: ArcSwapOption<AccessLog>,
    webhooks: Arc<Webhooks>,
    alerts: Alerting,
    tracer: ArcSwapOption<Tracer>,
    /// `None`: nothing is recorded.
    scribe: Option<Arc<dyn Scribe>>,
    /// Every event, for whoever listens.
    events: broadcast::Sender<Event>,
}

/// Writes everything down that a replay needs. It is told on the path of requests and must never wait.
pub trait Scribe: Send + Sync + std::fmt::Debug {
    fn event(&self, event: &Event);
    /// The board is told this.
    fn heard(&self, input: &Input, now: Timestamp);
    fn probe_begins(&self, job: &ProbeJob);
    /// An attempt has ended.
    fn attempt(&self, backend: BackendKey, record: &Record);
    /// Waits until what was told is written, for a moment at most. For the end of the process.
    fn flush(&self);
}

impl Telemetry {
    /// Starts the writer of the access log, where there is to be one. The process's logger is set by [`init_logging`].
    pub fn new(access: Option<&AccessPlan>, clock: Clock) -> Self {
        let metrics = Metrics::new(when::unix_seconds(clock.wall(clock.now())));
        let access = access.and_then(|plan| start_access_log(plan, &metrics));
        let webhooks = Arc::new(Webhooks::new(metrics.webhook_notices.clone()));
        let alerts = Alerting::new(metrics.alerts.clone());
        Self {
            clock,
            metrics,
            access: ArcSwapOption::new(access.map(Arc::new)),
            tracer: ArcSwapOption::empty(),
            webhooks,
            alerts,
            scribe: None,
            events: broadcast::Sender::new(LISTENED),
        }
    }

    /// The webhooks in force. Each has a task on the current runtime.
    pub fn call_webhooks(&self, ready: Vec<Ready>) {
        self.webhooks.apply(ready);
    }

    /// Alerts begin: of what holds now, except what the process before this one `told`, and of what comes. Within a runtime.
    pub fn begin_alerts(&self, plan: &Plan, handle: Handle, told: Vec<GroupState>) {
        self.alerts.begin(plan, self.webhooks.clone(), handle, told);
    }

    /// What alerts know of upstreams and receivers is `plan` now.
    pub fn change_alerts(&self, plan: &Plan) {
        self.alerts.reconfigure(plan);
    }

    /// What receivers were told and was not over, for the process after this one.
    pub async fn told_alerts(&self) -> Vec<GroupState> {
        self.alerts.known().await
    }

    /// Another process tells them from now on.
    pub fn end_alerts(&self) {
        self.alerts.end();
    }

    /// Returns when everybody who is to be told was told, or after two seconds. For the end of the process.
    pub async fn flush_webhooks(&self) {
        self.webhooks.flush(Duration::from_secs(2)).await;
    }

    fn notice(&self, event: &Event, line: &event::Line) -> Notice {
        let at = self.clock.wall(event.at);
        Notice::new(event.full_id(), line, (&when::rfc3339(at), when::unix_seconds(at) as i64))
    }

    /// Every event from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// With somebody who writes everything down.
    pub fn with_scribe(self, scribe: Option<Arc<dyn Scribe>>) -> Self {
        Self { scribe, ..self }
    }

    /// An attempt has ended, with this outcome. Never blocks.
    pub fn attempt(&self, backend: BackendKey, record: &Record) {
        if let Some(scribe) = &self.scribe {
            scribe.attempt(backend, record);
        }
    }

    /// Begins to trace. Within a runtime.
    pub fn start_tracing(&self, plan: &TracingPlan) {
        match Tracer::start(plan, self.clock, self.metrics.tracing.clone()) {
            Ok(tracer) => self.tracer.store(Some(Arc::new(tracer))),
            Err(why) => log::error!("nothing is traced: {why}"),
        }
    }

    /// `None`: nobody gets traces.
    pub fn tracer(&self) -> arc_swap::Guard<Option<Arc<Tracer>>> {
        self.tracer.load()
    }

    /// The trace of a probe that is about to be sent; `None`: it is not traced.
    pub fn probe_trace(&self) -> Option<Trace> {
        self.tracer.load().as_ref()?.begin_probe()
    }

    /// It has ended.
    pub fn probe_traced(&self, trace: &Trace, job: &ProbeJob, reading: &Reading, began: Timestamp) {
        if let Some(tracer) = &*self.tracer.load() {
            tracer.record_probe(trace, job, reading, began);
        }
    }

    /// Opens what a changed plan asks for; nothing is in force before [`Self::change`].
    ///
    /// # Errors
    /// What cannot be opened, as a sentence.
    pub fn prepare(&self, plan: &Plan) -> Result<Change, String> {
        let current = self.access.load_full();
        let access = match &plan.logging.access {
            Some(wanted) if current.as_ref().is_some_and(|current| current.plan() == wanted) => current,
            Some(wanted) => Some(Arc::new(AccessLog::open(wanted, self.metrics.access.clone())?)),
            None => None,
        };
        let current = self.tracer.load_full();
        let tracer = match &plan.tracing {
            Some(wanted) if current.as_ref().is_some_and(|current| current.plan() == wanted) => current,
            Some(wanted) => Some(Arc::new(Tracer::start(wanted, self.clock, self.metrics.tracing.clone())?)),
            None => None,
        };
        Ok(Change { native_histograms: plan.metrics.native_histograms, access, tracer })
    }

    /// From now on lines go where the new plan says. What the former log holds is still written.
    pub fn change(&self, change: Change) {
        self.native_histograms(change.native_histograms);
        self.access.store(change.access);
        self.tracer.store(change.tracer);
    }

    /// Histograms with native buckets from now on, or without. Where that is a change, they begin anew.
    pub fn native_histograms(&self, wanted: bool) {
        self.metrics.native_histograms(wanted);
    }

    /// A request ended: counted, and logged where access logging is on. Never blocks.
    pub fn request(&self, record: &RequestRecord<'_>) {
        self.metrics.request(record);
        if let Some(access) = &*self.access.load() {
            access.write(self.wall_now(), record);
        }
        if let (Some(trace), Some(tracer)) = (record.trace, &*self.tracer.load()) {
            tracer.record(trace, record);
        }
    }

    /// A connection or a head that never became a request: counted, and logged in the access log, by its stable reason code.
    /// Never blocks: a flood of refusals costs the log lines, not the traffic.
    pub fn refused(&self, listener: &str, client: IpAddr, reason: &'static str) {
        self.metrics.refused(listener, reason);
        if let Some(access) = &*self.access.load() {
            access.write_refusal(self.wall_now(), listener, client, reason);
        }
    }

    /// Somebody else was asked too, since an answer was late (`sent`), or answered first (`won`).
    pub fn hedged(&self, route: &str, result: &'static str) {
        self.metrics.hedged(route, result);
    }

    /// A route's guards did not let a request in: counted, and logged once in a while.
    pub fn denied(&self, route: &str, client: IpAddr, denial: Denial) {
        self.metrics.doors.denied(route, client, denial, self.clock.now());
    }

    /// A rate limit that is not enforced would have denied a request.
    pub fn over_limit(&self, route: &str) {
        self.metrics.doors.over_limit(route);
    }

    /// A request was one of its route's mirrored share: a copy was sent, or could not be.
    pub fn mirrored(&self, route: &str, sent: bool) {
        self.metrics.mirrored(route, sent);
    }

    pub fn connection_opened(&self, listener: &str) {
        self.metrics.connection_opened(listener);
    }

    pub fn connection_closed(&self, listener: &str) {
        self.metrics.connection_closed(listener);
    }

    /// The certificates in force: listener, name, end in Unix seconds.
    pub fn certificates(&self, ends: &[(String, String, i64)]) {
        self.metrics.certificates(ends);
    }

    /// Somebody wanted to change something over the admin API: counted, and one line in the audit log.
    pub fn admin_write(&self, write: &AdminWrite<'_>) {
        emit(&event::admin_write(write));
        self.metrics.admin_write(write.action, write.result.word());
    }

    /// As [`Self::admin_write`] without the line: for those of a flood.
    pub fn admin_write_counted(&self, action: &'static str, result: WriteResult) {
        self.metrics.admin_write(action, result.word());
    }

    /// A reload was tried; `refused`: why it was not applied.
    pub fn alert_reload(&self, refused: Option<&str>) {
        let at = self.clock.now();
        let id = format!("reload-{}", when::unix_seconds(self.clock.wall(at)) as u64);
        self.alerts.put(AlertInput::reload(refused, id, at));
    }

    /// A reload was tried.
    pub fn reload(&self, applied: bool) {
        self.metrics.reload(applied, when::unix_seconds(self.wall_now()));
    }

    /// All metrics, sorted by name, in the format that was asked for.
    pub fn expose(&self, snapshot: &Snapshot, reports: &[UpstreamReport], format: Format) -> Vec<u8> {
        let unix = |at| when::unix_seconds(self.clock.wall(at));
        let counted = self.metrics.gather(&snapshot.plan);
        let addresses = gauges::addresses(reports);
        let mut families: Vec<Family<'_>> = counted.iter().filter_map(Family::gathered).collect();
        families.extend(self.metrics.durations.gather());
        families.extend(gauges::gather(snapshot, reports, &addresses, (unix(self.clock.started()), &unix)));
        exposition::write(families, format)
    }

    /// Returns when the collector has the spans so far, or after two seconds. For the end of the process.
    pub async fn flush_traces(&self) {
        if let Some(tracer) = self.tracer.load_full() {
            tracer.flush().await;
        }
    }

    /// Blocks until the access log has written what it holds (two seconds at most). For the end of the process.
    pub fn flush(&self) {
        if let Some(access) = &*self.access.load() {
            access.flush();
        }
        if let Some(scribe) = &self.scribe {
            scribe.flush();
        }
    }

    fn wall_now(&self) -> SystemTime {
        self.clock.wall(self.clock.now())
    }
}

impl Reporter for Telemetry {
    fn report(&self, event: &Event) {
        let (line, tally) = event::tell(event);
        if let Some(tally) = tally {
            self.metrics.tally(tally);
        }
        emit(&line);
        if let EventKind::NeedsRestart { webhook: Some(name), .. } = &event.kind {
            self.webhooks.tell(name, self.notice(event, &line));
        }
        self.alerts.hear(event);
        if let Some(scribe) = &self.scribe {
            scribe.event(event);
        }
        if self.events.receiver_count() > 0 {
            let _ = self.events.send(event.clone());
        }
    }

    fn probe_started(&self, late: std::time::Duration) {
        self.metrics.probe_started(late);
    }

    fn probed(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.metrics.probed(upstream, kind, result, took);
    }

    fn probe_begins(&self, job: &ProbeJob) {
        if let Some(scribe) = &self.scribe {
            scribe.probe_begins(job);
        }
    }

    fn heard(&self, input: &Input, now: Timestamp) {
        if let Some(scribe) = &self.scribe {
            scribe.heard(input, now);
        }
    }
}

fn emit(line: &event::Line) {
    let name = ("event", line.name);
    let fields: Vec<(&str, &str)> =
        std::iter::once(name).chain(line.fields.iter().map(|(key, value)| (*key, value.as_str()))).collect();
    log::logger().log(
        &log::Record::builder()
            .level(line.level)
            .target("pulsegate::event")
            .args(format_args!("{}", line.message))
            .key_values(&fields.as_slice())
            .build(),
    );
}

fn start_access_log(plan: &AccessPlan, metrics: &Metrics) -> Option<AccessLog> {
    let started = AccessLog::open(plan, metrics.access.clone());
    started.inspect_err(|error| log::error!("the access log is off: {error}")).ok()
}

#[cfg(test)]
mod tests;
