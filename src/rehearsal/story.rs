//! What has happened? Everything that a rehearsal tells and is judged by.

use super::compile::Rehearsal;
use super::world::since_start;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A return that ends within this time was none.
const FLAP: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Story {
    pub scenario: PathBuf,
    pub config: PathBuf,
    pub seed: u64,
    pub length: Duration,
    /// In the order of their time.
    pub moments: Vec<Moment>,
    /// What each backend was, and since when. `None`: no member.
    pub standings: BTreeMap<BackendId, Vec<(Duration, Option<Cause>)>>,
    /// How many of each upstream's backends were eligible, and since when.
    pub eligible: BTreeMap<Arc<str>, Vec<(Duration, usize)>>,
    pub traffic: Traffic,
    pub probes: u64,
    pub ejections: u64,
    pub refused_ejections: u64,
    pub flaps: u64,
    /// When each backend became eligible.
    returned: BTreeMap<BackendId, Timestamp>,
}

/// One line of it.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub at: Duration,
    pub what: Told,
}

#[derive(Clone, Debug)]
pub(super) enum Told {
    /// By the scenario.
    Scenario(String),
    /// By the board.
    Event(Event),
}

/// What became of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub requests: u64,
    pub attempts: u64,
    /// They failed at one backend and were served by another.
    pub saved: u64,
    /// Their client got a backend's 5xx.
    pub answered_badly: u64,
    /// Their client got an answer of the gateway, by its reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Traffic {
    pub(super) fn refused(&mut self, problem: Problem) {
        *self.refused.entry(problem.reason()).or_default() += 1;
    }

    /// Requests whose client saw a failure.
    pub(super) fn failed(&self) -> u64 {
        self.answered_badly + self.refused.values().sum::<u64>()
    }

    pub(super) fn failed_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed() as f64 / self.requests as f64 }
    }
}

impl Story {
    pub(super) fn new(rehearsal: &Rehearsal) -> Self {
        Self {
            scenario: rehearsal.path.clone(),
            config: rehearsal.config.clone(),
            seed: rehearsal.seed,
            length: rehearsal.scenario.length,
            moments: Vec::new(),
            standings: BTreeMap::new(),
            eligible: BTreeMap::new(),
            traffic: Traffic::default(),
            probes: 0,
            ejections: 0,
            refused_ejections: 0,
            flaps: 0,
            returned: BTreeMap::new(),
        }
    }

    pub(super) fn says(&mut self, now: Timestamp, text: &str) {
        self.moments.push(Moment { at: since_start(now), what: Told::Scenario(text.to_owned()) });
    }

    pub(super) fn event(&mut self, event: &Event) {
        let at = since_start(event.at);
        match &event.kind {
            EventKind::Transition { backend, from, to, .. } => {
                self.stands(backend, at, Some(*to));
                match (from.eligible(), to.eligible()) {
                    // Who comes for the first time returns from nowhere.
                    (false, true) if !matches!(from, Cause::Unchecked | Cause::Starting) => {
                        self.returned.insert(backend.clone(), event.at);
                    }
                    (true, false) => {
                        let since = self.returned.remove(backend);
                        self.flaps += u64::from(since.is_some_and(|since| event.at.since(since) < FLAP));
                    }
                    _ => {}
                }
            }
            EventKind::Ejected { .. } => self.ejections += 1,
            EventKind::EjectionRefused { .. } => self.refused_ejections += 1,
            EventKind::MemberLeft { backend } => self.stands(backend, at, None),
            _ => {}
        }
        self.moments.push(Moment { at, what: Told::Event(event.clone()) });
    }

    fn stands(&mut self, backend: &BackendId, at: Duration, cause: Option<Cause>) {
        self.standings.entry(backend.clone()).or_default().push((at, cause));
    }

    /// What requests see.
    pub(super) fn published(&mut self, snapshot: &Snapshot, now: Timestamp) {
        for pool in &snapshot.pools {
            let eligible = pool.members.iter().filter(|member| member.eligible()).count();
            let known = self.eligible.entry(pool.upstream.name.clone()).or_default();
            if known.last().is_none_or(|(_, last)| *last != eligible) {
                known.push((since_start(now), eligible));
            }
            for member in pool.members.iter() {
                // An unprobed backend begins without a transition.
                if !self.standings.contains_key(&member.id) {
                    self.standings.insert(member.id.clone(), vec![(since_start(now), Some(member.standing.cause))]);
                }
            }
        }
    }
}
