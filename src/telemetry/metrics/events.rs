//! What has happened to upstreams? The events of the board.
//!
//! Counters of rare events that alerts wait for begin at 0, before anything has happened: Prometheus sees no increase in a series that is born
//! with its first event, and an alert on it would come with the second.

use crate::telemetry::event::Tally;
use crate::telemetry::instruments::{Counters, Registry};
use crate::telemetry::table;
use pulsegate_core::health::event::{Disagreement, EjectedBy};
use pulsegate_core::plan::{Detector, ProbeKind};
use std::sync::Arc;

#[derive(Debug)]
pub struct Events {
    transitions: Arc<Counters<2>>,
    ejections: Arc<Counters<2>>,
    ejections_refused: Arc<Counters<1>>,
    disagreements: Arc<Counters<2>>,
    pools_held: Arc<Counters<1>>,
    would_eject: Arc<Counters<2>>,
    timeouts_held: Arc<Counters<1>>,
    discovery_kept: Arc<Counters<1>>,
    pool_emptied: Arc<Counters<1>>,
    restarted: Arc<Counters<1>>,
    need_restart: Arc<Counters<2>>,
}

impl Events {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            transitions: registry.counters(&table::TRANSITIONS),
            ejections: registry.counters(&table::EJECTIONS),
            ejections_refused: registry.counters(&table::EJECTIONS_REFUSED),
            disagreements: registry.counters(&table::DISAGREEMENTS),
            pools_held: registry.counters(&table::POOL_HELD),
            would_eject: registry.counters(&table::WOULD_EJECT),
            timeouts_held: registry.counters(&table::PROBE_TIMEOUTS_HELD),
            discovery_kept: registry.counters(&table::DISCOVERY_KEPT),
            pool_emptied: registry.counters(&table::POOL_EMPTIED),
            restarted: registry.counters(&table::RESTARTED),
            need_restart: registry.counters(&table::NEED_RESTART),
        }
    }

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

    /// The series of rare events of this upstream, as far as they are not there.
    pub(super) fn begin(&self, upstream: &str) {
        for family in [
            &self.pools_held,
            &self.ejections_refused,
            &self.timeouts_held,
            &self.discovery_kept,
            &self.pool_emptied,
            &self.restarted,
        ] {
            family.get([upstream]);
        }
        for cause in Detector::ALL.map(EjectedBy::Detector).into_iter().chain([EjectedBy::Trial]) {
            self.ejections.get([upstream, cause.word()]);
        }
        for what in [Disagreement::LyingReadiness, Disagreement::FailingReadiness] {
            self.disagreements.get([upstream, what.word()]);
        }
        for probe in [ProbeKind::Startup, ProbeKind::Liveness] {
            self.need_restart.get([upstream, probe.word()]);
        }
    }
}
