//! What has happened? Everything that a rehearsal tells and is judged by.

use super::clock::since_start;
use super::compile::Rehearsal;
use super::figures::Figures;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::standing::Cause;
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
    pub upstreams: BTreeMap<Arc<str>, Figures>,
    /// Of requests that no route leads anywhere.
    pub unrouted: Figures,
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
            upstreams: BTreeMap::new(),
            unrouted: Figures::default(),
            returned: BTreeMap::new(),
        }
    }

    /// The figures of an upstream, to be counted up.
    pub(super) fn of(&mut self, upstream: &Arc<str>) -> &mut Figures {
        self.upstreams.entry(Arc::clone(upstream)).or_default()
    }

    /// The figures of an upstream, or of those requests that have none.
    pub(super) fn of_some(&mut self, upstream: Option<&Arc<str>>) -> &mut Figures {
        match upstream {
            Some(upstream) => self.of(upstream),
            None => &mut self.unrouted,
        }
    }

    /// The figures of all.
    pub(super) fn total(&self) -> Figures {
        let mut total = self.unrouted.clone();
        for figures in self.upstreams.values() {
            total.add(figures);
        }
        total
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
                        let flap = since.is_some_and(|since| event.at.since(since) < FLAP);
                        self.of(&backend.upstream).flaps += u64::from(flap);
                    }
                    _ => {}
                }
            }
            EventKind::Ejected { backend, .. } => self.of(&backend.upstream).ejections += 1,
            EventKind::EjectionRefused { backend, .. } => self.of(&backend.upstream).refused_ejections += 1,
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
