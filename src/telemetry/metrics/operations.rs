//! What did operators do, and what is in force? Reloads, calls of the admin API, certificates.

use crate::telemetry::instruments::{Counter, Counters, Gauge, Gauges, Moment, Registry};
use crate::telemetry::table;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub struct Operations {
    admin_writes: Arc<Counters<2>>,
    applied: Arc<Counter>,
    refused: Arc<Counter>,
    reload_ok: Arc<Gauge>,
    reload_at: Arc<Moment>,
    certificates: Arc<Gauges<2>>,
}

impl Operations {
    /// `loaded_at`: Unix seconds.
    pub(super) fn new(registry: &mut Registry, loaded_at: f64) -> Self {
        let reloads = registry.counters(&table::RELOADS);
        let operations = Self {
            admin_writes: registry.counters(&table::ADMIN_WRITES),
            applied: reloads.get(["applied"]),
            refused: reloads.get(["refused"]),
            reload_ok: registry.gauge(&table::RELOAD_OK),
            reload_at: registry.moment(&table::RELOAD_AT),
            certificates: registry.gauges(&table::CERTIFICATE_EXPIRY),
        };
        operations.reload_ok.set(1);
        operations.reload_at.set(loaded_at);
        operations
    }

    pub fn admin_write(&self, action: &'static str, result: &'static str) {
        self.admin_writes.inc([action, result]);
    }

    /// `at`: Unix seconds.
    pub fn reload(&self, applied: bool, at: f64) {
        if applied { &self.applied } else { &self.refused }.inc();
        self.reload_ok.set(i64::from(applied));
        if applied {
            self.reload_at.set(at);
        }
    }

    /// The certificates in force: listener, name, end in Unix seconds. What is not among them any more has no series.
    pub fn certificates(&self, ends: &[(String, String, i64)]) {
        let mut now = BTreeMap::new();
        for (listener, name, end) in ends {
            let earliest = now.entry([listener.as_str(), name.as_str()]).or_insert(*end);
            *earliest = (*earliest).min(*end);
        }
        for (labels, end) in &now {
            self.certificates.with(*labels, |series| series.set(*end));
        }
        self.certificates.retain(|labels| now.contains_key(&labels));
    }
}
