//! How is each backend, right now? Its effects in force, and the behaviour that follows from them.

use super::behaviour::{Behaviour, BreaksOff, Effect, Ending, Patience};
use super::scenario::Whom;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::rng::Rng;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::ProbePlan;
use std::collections::BTreeMap;
use std::time::Duration;

/// All of them, those included that nobody has found yet.
#[derive(Debug)]
pub(super) struct Backends {
    seed: u64,
    latency: Duration,
    known: BTreeMap<BackendKey, Known>,
    /// In the order in which they began.
    effects: Vec<InForce>,
}

#[derive(Debug)]
struct Known {
    id: BackendId,
    behaviour: Behaviour,
    /// What its answers to probes and to requests are drawn from: neither shifts the other.
    probes: Rng,
    requests: Rng,
}

#[derive(Debug)]
struct InForce {
    number: usize,
    whom: Whom,
    effect: Effect,
}

impl Backends {
    /// All well.
    pub(super) fn new(seed: u64, latency: Duration) -> Self {
        Self { seed, latency, known: BTreeMap::new(), effects: Vec::new() }
    }

    /// Somebody is heard of.
    pub(super) fn meet(&mut self, id: &BackendId) {
        let key = id.key();
        if !self.known.contains_key(&key) {
            let behaviour = self.behaviour(id);
            let stream = |what: &str| Rng::of(self.seed, &format!("{what} {id}"));
            let (probes, requests) = (stream("probes of"), stream("requests at"));
            self.known.insert(key, Known { id: id.clone(), behaviour, probes, requests });
        }
    }

    /// Its answer to a probe. `None`: nobody has heard of it.
    pub(super) fn probed(&mut self, key: BackendKey, probe: &ProbePlan) -> Option<Reading> {
        self.known.get_mut(&key).map(|one| one.behaviour.probed(probe, &mut one.probes))
    }

    /// Its answer to a request. As [`Self::probed`].
    pub(super) fn asked(&mut self, key: BackendKey, patience: Patience) -> Option<Ending> {
        self.known.get_mut(&key).map(|one| one.behaviour.asked(patience, &mut one.requests))
    }

    /// What becomes of the requests that it has.
    pub(super) fn breaks_off(&self, key: BackendKey) -> Option<BreaksOff> {
        self.known.get(&key)?.behaviour.breaks_off()
    }

    /// Everybody whom this is about, of those that were heard of.
    pub(super) fn covered(&self, whom: &Whom) -> Vec<BackendId> {
        self.known.values().map(|one| &one.id).filter(|id| whom.covers(id)).cloned().collect()
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
            let others =
                self.known.values().map(|known| &known.id).filter(|id| one.whom.covers(id) && !well.contains(id));
            one.whom = Whom(others.map(ToString::to_string).collect());
        }
        self.effects.retain(|one| !one.whom.0.is_empty());
        self.renew()
    }

    fn renew(&mut self) -> Vec<BackendKey> {
        let mut known = std::mem::take(&mut self.known);
        let mut changed = Vec::new();
        for (key, one) in &mut known {
            let now = self.behaviour(&one.id);
            if now != one.behaviour {
                one.behaviour = now;
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
