//! How is each backend, right now? Its effects in force, and the behaviour that follows from them.

use super::behaviour::{Behaviour, BreaksOff, Course, Effect};
use super::scenario::Whom;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::ProbePlan;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::request::Bounds;
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
        self.one(id, id.key());
    }

    /// Its answer to a probe.
    pub(super) fn probed(&mut self, id: &BackendId, probe: &ProbePlan) -> Reading {
        let one = self.one(id, id.key());
        one.behaviour.probed(probe, &mut one.probes)
    }

    /// Its answer to a request.
    pub(super) fn asked(&mut self, endpoint: &Endpoint, bounds: Bounds, now: Timestamp) -> Course {
        let one = self.one(&endpoint.id, endpoint.key);
        one.behaviour.asked(bounds, now, &mut one.requests)
    }

    fn one(&mut self, id: &BackendId, key: BackendKey) -> &mut Known {
        let (effects, latency, seed) = (&self.effects, self.latency, self.seed);
        self.known.entry(key).or_insert_with(|| {
            let stream = |what: &str| Rng::of(seed, &format!("{what} {id}"));
            let (probes, requests) = (stream("probes of"), stream("requests at"));
            Known { id: id.clone(), behaviour: behaviour(latency, effects, id), probes, requests }
        })
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
        let mut changed = Vec::new();
        for (key, one) in &mut self.known {
            let now = behaviour(self.latency, &self.effects, &one.id);
            if now != one.behaviour {
                one.behaviour = now;
                changed.push(*key);
            }
        }
        changed
    }
}

fn behaviour(latency: Duration, effects: &[InForce], id: &BackendId) -> Behaviour {
    let effects = effects.iter().filter(|one| one.whom.covers(id)).map(|one| &one.effect);
    Behaviour::new(latency, effects)
}
