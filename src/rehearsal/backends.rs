//! How is each backend, right now? Its effects in force, and the behaviour that follows from them.

use super::behaviour::{Behaviour, Effect};
use super::scenario::Whom;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use std::collections::BTreeMap;
use std::time::Duration;

/// All of them, those included that nobody has found yet.
#[derive(Debug)]
pub(super) struct Backends {
    latency: Duration,
    known: BTreeMap<BackendKey, (BackendId, Behaviour)>,
    /// In the order in which they began.
    effects: Vec<InForce>,
}

#[derive(Debug)]
struct InForce {
    number: usize,
    whom: Whom,
    effect: Effect,
}

impl Backends {
    /// All well.
    pub(super) fn new(latency: Duration) -> Self {
        Self { latency, known: BTreeMap::new(), effects: Vec::new() }
    }

    /// Somebody is heard of.
    pub(super) fn meet(&mut self, id: &BackendId) {
        let behaviour = self.behaviour(id);
        self.known.entry(id.key()).or_insert_with(|| (id.clone(), behaviour));
    }

    pub(super) fn get(&self, key: BackendKey) -> Behaviour {
        self.known
            .get(&key)
            .map_or_else(|| Behaviour::new(self.latency, std::iter::empty()), |(_, behaviour)| *behaviour)
    }

    /// Everybody whom this is about, of those that were heard of.
    pub(super) fn covered(&self, whom: &Whom) -> Vec<BackendId> {
        self.known.values().filter(|(id, _)| whom.covers(id)).map(|(id, _)| id.clone()).collect()
    }

    /// Returns who is another than before.
    pub(super) fn begin(&mut self, number: usize, whom: &Whom, effect: Effect) -> Vec<BackendKey> {
        self.effects.push(InForce { number, whom: whom.clone(), effect });
        self.renew()
    }

    /// As [`Self::begin`].
    pub(super) fn end(&mut self, number: usize) -> Vec<BackendKey> {
        self.effects.retain(|one| one.number != number);
        self.renew()
    }

    /// Whatever was wrong with these is over. As [`Self::begin`].
    pub(super) fn recover(&mut self, whom: &Whom) -> Vec<BackendKey> {
        let well = self.covered(whom);
        for one in &mut self.effects {
            let others = self.known.values().map(|(id, _)| id).filter(|id| one.whom.covers(id) && !well.contains(id));
            one.whom = Whom(others.map(ToString::to_string).collect());
        }
        self.effects.retain(|one| !one.whom.0.is_empty());
        self.renew()
    }

    fn renew(&mut self) -> Vec<BackendKey> {
        let mut known = std::mem::take(&mut self.known);
        let mut changed = Vec::new();
        for (key, (id, behaviour)) in &mut known {
            let now = self.behaviour(id);
            if now != *behaviour {
                *behaviour = now;
                changed.push(*key);
            }
        }
        self.known = known;
        changed
    }

    fn behaviour(&self, id: &BackendId) -> Behaviour {
        let effects = self.effects.iter().filter(|one| one.whom.covers(id)).map(|one| &one.effect);
        Behaviour::new(self.latency, effects)
    }
}
