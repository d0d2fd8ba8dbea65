//! What does a finished request move? Everything of its route and upstream, found in one step by a thread that has found it before.

use crate::telemetry::histogram::Histogram;
use crate::telemetry::instruments::{Counter, Counters, Histograms, Near, Owned, Registry};
use crate::telemetry::request::RequestRecord;
use crate::telemetry::table::{self, Label};
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::sync::Arc;

thread_local! {
    static LANES: Near<Lane, 2> = Near::default();
}

#[derive(Debug)]
pub struct Requests {
    lanes: Arc<Owned<Lane, 2>>,
    classes: Arc<Counters<3>>,
    received: Arc<Counters<2>>,
    sent: Arc<Counters<2>>,
    seconds: Arc<Histograms<2>>,
    upstream_seconds: Arc<Histograms<1>>,
    overhead: Arc<Histograms<1>>,
    attempts: Arc<Counters<2>>,
    retries: Arc<Counters<2>>,
    retry_stopped: Arc<Counters<2>>,
    own_answers: Arc<Counters<1>>,
}

const RESULTS: usize = AttemptEnd::RESULTS.len();

/// Everything that one request of one route to one upstream moves.
#[derive(Debug)]
struct Lane {
    /// By class, 1xx to 5xx.
    classes: [Arc<Counter>; 5],
    received: Arc<Counter>,
    sent: Arc<Counter>,
    seconds: Arc<Histogram>,
    toward_upstream: Option<TowardUpstream>,
}

/// What only requests that have an upstream move.
#[derive(Debug)]
struct TowardUpstream {
    seconds: Arc<Histogram>,
    overhead: Arc<Histogram>,
    /// By [`AttemptEnd::result`].
    attempts: [Arc<Counter>; RESULTS],
    retries: [Arc<Counter>; RESULTS],
}

impl Requests {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            lanes: registry.cache(&[Label::Route, Label::Upstream]),
            classes: registry.counters(&table::REQUESTS),
            received: registry.counters(&table::RECEIVED_BYTES),
            sent: registry.counters(&table::SENT_BYTES),
            seconds: registry.histograms(&table::REQUEST_SECONDS),
            upstream_seconds: registry.histograms(&table::UPSTREAM_SECONDS),
            overhead: registry.histograms(&table::OVERHEAD_SECONDS),
            attempts: registry.counters(&table::ATTEMPTS),
            retries: registry.counters(&table::RETRIES),
            retry_stopped: registry.counters(&table::RETRY_STOPPED),
            own_answers: registry.counters(&table::OWN_ANSWERS),
        }
    }

    /// `route` and `upstream` are those of the plan; absent ones count under an empty label.
    pub fn ended(&self, record: &RequestRecord<'_>) {
        let labels = [record.route.unwrap_or_default(), record.upstream.unwrap_or_default()];
        self.lanes.with_near(&LANES, labels, || self.lane(labels), |lane| lane.count(record));
        if let Some(reason) = record.reason {
            self.own_answers.inc([reason]);
        }
        if let (Some(upstream), Some(reason)) = (record.upstream, record.retry_stopped) {
            self.retry_stopped.inc([upstream, reason]);
        }
    }

    /// The histograms have: nobody holds one of before.
    pub(super) fn begin_anew(&self) {
        self.lanes.retain(|_| false);
    }

    fn lane(&self, [route, upstream]: [&str; 2]) -> Lane {
        let class = |class| self.classes.get([route, upstream, class]);
        Lane {
            classes: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            received: self.received.get([route, upstream]),
            sent: self.sent.get([route, upstream]),
            seconds: self.seconds.get([route, upstream]),
            toward_upstream: (!upstream.is_empty()).then(|| TowardUpstream {
                seconds: self.upstream_seconds.get([upstream]),
                overhead: self.overhead.get([upstream]),
                attempts: AttemptEnd::RESULTS.map(|result| self.attempts.get([upstream, result])),
                retries: AttemptEnd::RESULTS.map(|reason| self.retries.get([upstream, reason])),
            }),
        }
    }
}

impl Lane {
    fn count(&self, record: &RequestRecord<'_>) {
        let class = usize::from(record.class()) - 1;
        if let Some(counter) = self.classes.get(class) {
            counter.inc();
        }
        self.received.add(record.bytes_in);
        self.sent.add(record.bytes_out);
        self.seconds.observe(record.took);
        if let Some(toward) = &self.toward_upstream {
            toward.count(record);
        }
    }
}

impl TowardUpstream {
    fn count(&self, record: &RequestRecord<'_>) {
        let mut before: Option<&Arc<Counter>> = None;
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
