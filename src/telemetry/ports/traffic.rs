//! What do clients' requests and connections tell? Counted, logged and traced in one call each. None of them ever waits.

use crate::clock::Clock;
use crate::telemetry::metrics::{Metrics, OpenConnection, WorkerLoad};
use crate::telemetry::outlets::Outlets;
use crate::telemetry::request::RequestRecord;
use crate::telemetry::scribe::Scribe;
use crate::telemetry::tracing::Tracer;
use arc_swap::Guard;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::traffic::admission::Denial;
use pulsegate_core::traffic::cell::Record;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Debug)]
pub struct Traffic {
    pub(in crate::telemetry) clock: Clock,
    pub(in crate::telemetry) metrics: Arc<Metrics>,
    pub(in crate::telemetry) outlets: Arc<Outlets>,
    /// `None`: nothing is recorded.
    pub(in crate::telemetry) scribe: Option<Arc<dyn Scribe>>,
}

impl Traffic {
    /// `None`: nobody gets traces.
    pub fn tracer(&self) -> Option<Guard<Option<Arc<Tracer>>>> {
        self.outlets.tracer.get()
    }

    /// An attempt has ended, with this outcome.
    pub fn attempt(&self, backend: BackendKey, record: &Record) {
        if let Some(scribe) = &self.scribe {
            scribe.attempt(backend, record);
        }
    }

    /// A request ended: counted, and logged where access logging is on.
    pub fn request(&self, record: &RequestRecord<'_>) {
        self.metrics.requests.ended(record);
        if let Some(access) = self.outlets.access.get().as_deref().and_then(Option::as_ref) {
            access.write(self.clock.wall(record.began + record.took), record);
        }
        if let Some(trace) = record.trace
            && let Some(tracer) = self.outlets.tracer.get().as_deref().and_then(Option::as_ref)
        {
            tracer.record(trace, record);
        }
    }

    /// A connection or a head that never became a request: counted, and logged in the access log, by its stable reason code.
    /// A flood of refusals costs the log lines, not the traffic.
    pub fn refused(&self, listener: &str, client: IpAddr, reason: &'static str) {
        self.metrics.connections.refused(listener, reason);
        if let Some(access) = self.outlets.access.get().as_deref().and_then(Option::as_ref) {
            access.write_refusal(self.wall_now(), listener, client, reason);
        }
    }

    /// Somebody else was asked too, since an answer was late (`sent`), or answered first (`won`).
    pub fn hedged(&self, route: &str, result: &'static str) {
        self.metrics.routes.hedged(route, result);
    }

    /// A request was one of its route's mirrored share: a copy was sent, or could not be.
    pub fn mirrored(&self, route: &str, sent: bool) {
        self.metrics.routes.mirrored(route, sent);
    }

    /// A route's guards did not let a request in: counted, and logged once in a while.
    pub fn denied(&self, route: &str, client: IpAddr, denial: Denial) {
        self.metrics.admission.denied(route, client, denial, self.clock.now());
    }

    /// A rate limit that is not enforced would have denied a request.
    pub fn over_limit(&self, route: &str) {
        self.metrics.admission.over_limit(route);
    }

    /// A client is connected for as long as what comes back is kept.
    #[must_use]
    pub fn connected(&self, listener: &str) -> OpenConnection {
        self.metrics.connections.opened(listener)
    }

    /// Where the connections of this worker are counted.
    pub fn worker(&self, number: usize) -> WorkerLoad {
        self.metrics.connections.of_worker(number)
    }

    fn wall_now(&self) -> SystemTime {
        self.clock.wall(self.clock.now())
    }
}
