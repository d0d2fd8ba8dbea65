//! Which way does a request go through all services? Traces: begun or continued here, and sent to an OTLP collector.
//!
//! What is not recorded costs the reading of a header and the writing of one. What is recorded becomes spans when the request has ended,
//! in one piece, and waits in a bounded queue for the exporter: traffic waits for nobody.

mod collector;
mod exporter;
mod otlp;
mod probe;
mod spans;

use super::instruments::{Counter, Gauge, Registry};
use super::request::RequestRecord;
use super::table;
use crate::clock::Clock;
use collector::Collector;
use exporter::Exporter;
use otlp::Span;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::http::trace::{self, Trace, TraceParent};
use pulsegate_core::plan::{OtlpPlan, Redacted, TracingPlan};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Requests whose spans may wait.
const QUEUE: usize = 2048;

/// The longest that [`Tracer::flush`] waits for a collector.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

enum Job {
    /// Of one request, or of one probe.
    Spans(Vec<Span>),
    /// Answered when everything before it is sent or given up.
    Flush(oneshot::Sender<()>),
}

/// How the exporter fares.
#[derive(Clone, Debug, Default)]
pub struct Health {
    exported: Arc<Counter>,
    dropped: Lost,
    /// Spans in the queue.
    waiting: Arc<Gauge>,
}

/// Spans that are lost, by why.
#[derive(Clone, Debug, Default)]
struct Lost {
    /// There was no room.
    queue_full: Arc<Counter>,
    /// No try worked.
    not_exported: Arc<Counter>,
    /// The collector did not want them.
    rejected: Arc<Counter>,
}

impl Health {
    pub fn new(registry: &mut Registry) -> Self {
        let dropped = registry.counters(&table::SPANS_DROPPED);
        let [queue_full, not_exported, rejected] =
            ["queue_full", "not_exported", "rejected"].map(|reason| dropped.get([reason]));
        Self {
            exported: registry.counter(&table::SPANS_EXPORTED),
            dropped: Lost { queue_full, not_exported, rejected },
            waiting: registry.gauge(&table::SPANS_WAITING),
        }
    }
}

/// The way to the exporter, which ends when this is dropped, with everything sent or given up.
#[derive(Debug)]
pub struct Tracer {
    plan: TracingPlan,
    clock: Clock,
    jobs: Sender<Job>,
    health: Health,
    /// Keys of a query whose values are in no span.
    secrets: Vec<String>,
}

/// Can this collector be asked at all? It need not answer.
///
/// # Errors
/// Why not, as a sentence.
pub fn check(plan: &OtlpPlan) -> Result<(), String> {
    Collector::new(plan).map(drop)
}

impl Tracer {
    /// Within a runtime: the exporter is a task.
    ///
    /// # Errors
    /// The collector's CA cannot be used; a sentence.
    pub fn start(plan: &TracingPlan, clock: Clock, health: Health) -> Result<Self, String> {
        let exporter = Exporter {
            collector: Collector::new(&plan.otlp)?,
            resource: exporter::resource(&plan.service),
            health: health.clone(),
            limit: plan.otlp.timeout,
            failing: false,
        };
        let (jobs, waiting) = channel(QUEUE);
        tokio::spawn(exporter.run(waiting));
        Ok(Self { plan: plan.clone(), clock, jobs, health, secrets: Redacted::default().query })
    }

    pub fn plan(&self) -> &TracingPlan {
        &self.plan
    }

    /// What a request with this `traceparent` is told on; `trusted`: of a peer that may decide what is recorded. `None`: as it came.
    pub fn begin(&self, parent: Option<TraceParent>, trusted: bool) -> Option<Trace> {
        trace::begin(parent, trusted, (self.plan.ratio, self.plan.follow_parent), draw())
    }

    /// The trace of one probe; `None`: it is not recorded.
    pub fn begin_probe(&self) -> Option<Trace> {
        trace::begin(None, true, (self.plan.probes, false), draw()).filter(Trace::is_recorded)
    }

    /// A probe has ended whose trace is recorded.
    pub fn record_probe(&self, trace: &Trace, job: &ProbeJob, reading: &Reading, began: Timestamp) {
        self.queue(vec![probe::of(trace, job, reading, began, self.clock)]);
    }

    /// A request has ended whose trace is recorded.
    pub fn record(&self, trace: &Trace, record: &RequestRecord<'_>) {
        if self.jobs.capacity() == 0 {
            return self.health.dropped.queue_full.add(1 + u64::from(record.attempts));
        }
        self.queue(spans::of(trace, record, &self.secrets, self.clock));
    }

    fn queue(&self, spans: Vec<Span>) {
        let count = exporter::count(&spans);
        self.health.waiting.add(count);
        if self.jobs.try_send(Job::Spans(spans)).is_err() {
            self.health.waiting.sub(count);
            self.health.dropped.queue_full.add(count.unsigned_abs());
        }
    }

    /// Returns when everything so far is sent or given up, but after two seconds at most. For the end of the process.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        let flushed = async {
            if self.jobs.send(Job::Flush(done)).await.is_ok() {
                let _ = wait.await;
            }
        };
        let _ = timeout(FLUSH_LIMIT, flushed).await;
    }
}

/// Ids for a trace and a span, from the whole range, where nothing has to be divided; 0 is none.
fn draw() -> (u128, u64) {
    (fastrand::u128(..).max(1), fastrand::u64(..).max(1))
}

#[cfg(test)]
mod tests;
