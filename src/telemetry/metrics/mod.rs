//! What is counted as it happens? By who moves it: requests, what becomes of them on a route, connections, the board's events, probes, admission,
//! and what operators do.
//!
//! What can be read off the board instead of being counted, [`readings`] computes when it is asked for. Counters with labels are found
//! through [`super::instruments`]: no lock and no allocation on the path of a request.

mod admission;
mod connections;
mod events;
mod operations;
mod probes;
mod process;
pub mod readings;
mod requests;
mod routes;

pub use connections::{OpenConnection, WorkerLoad};

use super::exposition::Family;
use super::instruments::{Counters, Owners, Registry};
use super::{access, alert, table, tracing};
use admission::Admission;
use connections::Connections;
use events::Events;
use operations::Operations;
use probes::Probes;
use pulsegate_core::plan::Plan;
use requests::Requests;
use routes::Routes;
use std::sync::Arc;

/// The counters of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub requests: Requests,
    pub routes: Routes,
    pub admission: Admission,
    pub connections: Connections,
    pub events: Events,
    pub probes: Probes,
    pub operations: Operations,
    /// Moved by the webhooks themselves.
    pub webhook_notices: Arc<Counters<2>>,
    /// Moved by the alerts themselves.
    pub alerts: alert::Counts,
    pub access: access::Health,
    pub tracing: tracing::Health,
}

impl Metrics {
    /// `loaded_at`: when the first configuration was loaded, Unix seconds.
    pub fn new(loaded_at: f64) -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        Self {
            requests: Requests::new(r),
            routes: Routes::new(r),
            admission: Admission::new(r),
            connections: Connections::new(r),
            events: Events::new(r),
            probes: Probes::new(r),
            operations: Operations::new(r, loaded_at),
            webhook_notices: r.counters(&table::WEBHOOK_NOTICES),
            alerts: alert::Counts::new(r),
            access: access::Health {
                written: r.counter(&table::ACCESS_LINES),
                dropped: r.counter(&table::ACCESS_DROPPED),
                waiting: r.level(&table::ACCESS_WAITING),
            },
            tracing: tracing::Health::new(r),
            registry,
        }
    }

    /// This plan is in force, or about to be: who is in it owns series, and nobody else.
    pub fn in_force(&self, plan: &Plan) {
        let owners = Owners::of(plan);
        let upstreams: Vec<Box<str>> = owners.upstreams().map(Box::from).collect();
        self.registry.sweep(owners);
        upstreams.iter().for_each(|upstream| self.events.begin(upstream));
    }

    /// Histograms with native buckets from now on, or without. Where that is a change, they begin anew.
    pub fn native_histograms(&self, wanted: bool) {
        if self.registry.native_histograms(wanted) {
            self.requests.begin_anew();
        }
    }

    pub fn gather(&self) -> Vec<Family<'static>> {
        self.registry.gather()
    }
}
