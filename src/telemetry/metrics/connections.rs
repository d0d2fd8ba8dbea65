//! Who is connected? Open connections of each listener, those it has accepted, and what it refused before it became a request.

use crate::telemetry::instruments::{Counters, Gauge, Gauges, Registry};
use crate::telemetry::table;
use std::sync::Arc;

#[derive(Debug)]
pub struct Connections {
    accepted: Arc<Counters<1>>,
    open: Arc<Gauges<1>>,
    refused: Arc<Counters<2>>,
    by_worker: Arc<Gauges<1>>,
}

/// The connections of one worker: what is shown is what is compared when the next one is given away.
#[derive(Debug)]
pub struct WorkerLoad(Arc<Gauge>);

impl WorkerLoad {
    /// One more, until it is dropped.
    pub fn opened(&self) -> OpenConnection {
        self.0.add(1);
        OpenConnection(Arc::clone(&self.0))
    }

    pub fn open(&self) -> i64 {
        self.0.get()
    }
}

/// Counts as open until it is dropped, where it was counted: its listener may be gone by then, and another may have its name.
#[derive(Debug)]
pub struct OpenConnection(Arc<Gauge>);

impl Connections {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            accepted: registry.counters(&table::CONNECTIONS_ACCEPTED),
            open: registry.gauges(&table::CONNECTIONS),
            refused: registry.counters(&table::REFUSED),
            by_worker: registry.gauges(&table::WORKER_CONNECTIONS),
        }
    }

    pub fn opened(&self, listener: &str) -> OpenConnection {
        self.accepted.inc([listener]);
        let open = self.open.get([listener]);
        open.add(1);
        OpenConnection(open)
    }

    pub fn of_worker(&self, number: usize) -> WorkerLoad {
        WorkerLoad(self.by_worker.get([&number.to_string()]))
    }

    pub fn refused(&self, listener: &str, reason: &'static str) {
        self.refused.inc([listener, reason]);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.sub(1);
    }
}
