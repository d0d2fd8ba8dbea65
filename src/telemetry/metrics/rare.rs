//! Which counters begin at 0, before anything has happened? Those of rare events that alerts wait for.
//!
//! Prometheus sees no increase in a series that is born with its first event: an alert on it would come with the second. So an upstream has
//! these series from the first scrape that knows it, until the first that does not.

use super::{Metrics, forget};
use prometheus::IntCounterVec;
use pulsegate_core::health::event::{Disagreement, EjectedBy};
use pulsegate_core::plan::{Detector, Plan, ProbeKind};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The upstreams whose series have begun.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<BTreeSet<Box<str>>>);

impl Metrics {
    pub(super) fn begin_rare(&self, plan: &Plan) {
        let mut begun = self.begun.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now: BTreeSet<Box<str>> = plan.upstreams.iter().map(|upstream| Box::from(&*upstream.name)).collect();
        for name in now.difference(&begun) {
            self.of_rare_events(name, |family, labels| drop(family.with_label_values(labels)));
        }
        for name in begun.difference(&now) {
            self.of_rare_events(name, forget);
        }
        *begun = now;
    }

    fn of_rare_events(&self, upstream: &str, act: impl Fn(&IntCounterVec, &[&str])) {
        for family in self.by_upstream() {
            act(&family.family, &[upstream]);
        }
        for cause in Detector::ALL.map(EjectedBy::Detector).into_iter().chain([EjectedBy::Trial]) {
            act(&self.ejections.family, &[upstream, cause.word()]);
        }
        for what in [Disagreement::LyingReadiness, Disagreement::FailingReadiness] {
            act(&self.disagreements.family, &[upstream, what.word()]);
        }
        for probe in [ProbeKind::Startup, ProbeKind::Liveness] {
            act(&self.need_restart.family, &[upstream, probe.word()]);
        }
    }
}
