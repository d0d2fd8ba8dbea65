//! When do spans leave? In batches, soon after the first of one; a collector that is gone or hangs costs spans, and never a request.
//!
//! A batch is tried three times. Meanwhile others wait in a bounded queue; what does not fit is dropped and counted. That a collector fails
//! is said once, and once that it works again.

use super::collector::{Collector, Failure};
use super::otlp::{ExportRequest, Resource, ResourceSpans, Scope, ScopeSpans, Span, attribute};
use super::{Health, Job};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long the first span of a batch waits for others.
const GATHERING: Duration = Duration::from_secs(1);
/// Spans of one batch.
const BATCH: usize = 512;
/// Waits before the second and the third try.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

pub struct Exporter {
    pub collector: Collector,
    pub resource: Resource,
    pub health: Health,
    /// Of one try.
    pub limit: Duration,
    pub failing: bool,
}

/// What is on its way.
#[derive(Default)]
struct Batch {
    spans: Vec<Span>,
    /// Whoever waits until everything is sent.
    flushed: Vec<oneshot::Sender<()>>,
}

impl Exporter {
    /// Until nobody can send any more.
    pub async fn run(mut self, mut jobs: Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            let mut batch = Batch::default();
            self.take(&mut batch, job);
            let gathered = async {
                while batch.spans.len() < BATCH && batch.flushed.is_empty() {
                    let Some(job) = jobs.recv().await else { return };
                    self.take(&mut batch, job);
                }
            };
            let _ = timeout(GATHERING, gathered).await;
            if !batch.spans.is_empty() {
                self.export(batch.spans).await;
            }
            for waiting in batch.flushed {
                // Whoever asked may have gone.
                let _ = waiting.send(());
            }
        }
    }

    fn take(&self, batch: &mut Batch, job: Job) {
        match job {
            Job::Spans(spans) => {
                self.health.waiting.sub(count(&spans));
                batch.spans.extend(spans);
            }
            Job::Flush(done) => batch.flushed.push(done),
        }
    }

    async fn export(&mut self, spans: Vec<Span>) {
        let number = spans.len() as u64;
        let scope = Scope { name: "pulsegate".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
        let resource_spans = vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans }];
        let request = ExportRequest { resource_spans };
        match self.tried(&request).await {
            Ok(rejected) => {
                self.health.exported.add(number.saturating_sub(rejected));
                self.health.dropped.rejected.add(rejected);
                if std::mem::take(&mut self.failing) {
                    log::info!("the trace collector takes spans again");
                }
            }
            Err(Failure::Later(why) | Failure::Never(why)) => {
                self.health.dropped.not_exported.add(number);
                if !std::mem::replace(&mut self.failing, true) {
                    log::warn!(
                        "the trace collector takes no spans ({why}); they are dropped and counted, traffic goes on"
                    );
                }
            }
        }
    }

    async fn tried(&self, request: &ExportRequest) -> Result<u64, Failure> {
        for wait in AGAIN {
            match self.once(request).await {
                Err(Failure::Later(_)) => sleep(wait).await,
                ended => return ended,
            }
        }
        self.once(request).await
    }

    async fn once(&self, request: &ExportRequest) -> Result<u64, Failure> {
        match timeout(self.limit, self.collector.send(request)).await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::Later(format!("no answer within {:?}", self.limit))),
        }
    }
}

pub fn count(spans: &[Span]) -> i64 {
    i64::try_from(spans.len()).unwrap_or(i64::MAX)
}

/// Who we are, in every batch.
pub fn resource(service: &str) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", service),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("service.instance.id", format!("{:032x}", fastrand::u128(..))),
            attribute("process.pid", u64::from(std::process::id())),
        ],
    }
}
