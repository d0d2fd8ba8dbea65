//! Who reads the cells for those who look at traffic? One task, every five seconds; no request knows of it.

use super::source::Source;
use crate::clock::Clock;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::series::{Figures, PERIOD, Series};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// The series of every backend. Only those who ask the admin listener, and the task that samples, ever wait for its lock.
#[derive(Debug, Default)]
pub struct Traffic {
    series: Mutex<Series>,
}

/// How it goes at this moment, at every backend.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    figures: BTreeMap<BackendKey, Figures>,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Points {
    /// See [`Series::samples`].
    pub samples: u64,
    pub backends: Vec<(BackendId, Vec<Figures>)>,
}

impl Recent {
    /// Nothing of a backend that nobody knows.
    pub fn of(&self, backend: &BackendId) -> Figures {
        self.figures.get(&backend.key()).copied().unwrap_or_default()
    }
}

impl Traffic {
    /// Samples until `stop` is true.
    pub async fn watch(self: Arc<Self>, source: Arc<dyn Source>, mut stop: watch::Receiver<bool>) {
        let clock: Clock = source.clock();
        let mut due = interval(PERIOD);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let (traffic, snapshot) = (Arc::clone(&self), source.snapshot());
            // Ten thousand cells are milliseconds of work that requests and probes must not wait for.
            let _ = spawn_blocking(move || traffic.sample(&snapshot, clock.now())).await;
        }
    }

    fn sample(&self, snapshot: &Snapshot, now: Timestamp) {
        self.series().sample(members(snapshot).map(|member| (member.key, member.cell.reading())), now);
    }

    pub fn recent(&self, snapshot: &Snapshot, now: Timestamp) -> Recent {
        let series = self.series();
        let figures =
            members(snapshot).map(|member| (member.key, series.recent(member.key, &member.cell.reading(), now)));
        Recent { figures: figures.collect() }
    }

    /// The last quarter of an hour of these, newest last.
    pub fn points(&self, backends: &[BackendId]) -> Points {
        let series = self.series();
        let points = backends.iter().map(|id| (id.clone(), series.points(id.key()).collect()));
        Points { samples: series.samples(), backends: points.collect() }
    }

    /// See [`Series::samples`].
    pub fn samples(&self) -> u64 {
        self.series().samples()
    }

    fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<Endpoint>> {
    snapshot.pools.iter().flat_map(|pool| pool.members.iter())
}
