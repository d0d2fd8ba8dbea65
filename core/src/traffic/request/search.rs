//! Who is to take it? The upstream, chosen once; then a place in its pool of the moment, or what to wait for and until when.

use super::action::{Awaited, Pin, Wait};
use super::facts::{Facts, Kind};
use super::performer::{Moment, Performer};
use super::place::{Bell, Place};
use super::places::{Beside, Found, Look, Places};
use super::stage::Waiting;
use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::plan::Policy;
use crate::traffic::snapshot::{Emptiness, Pool, Snapshot};
use crate::traffic::traffic_split;
use std::sync::Arc;

/// Where a request looks, and what it holds there.
#[derive(Debug)]
pub(super) struct Search<B: Bell> {
    /// Index into the upstreams of its plan, once it is chosen.
    upstream: Option<usize>,
    places: Places<B>,
}

/// How far the request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoFar {
    pub attempts: u32,
    /// An attempt has failed.
    pub failed: bool,
}

/// What came of looking.
#[derive(Debug)]
pub(super) enum Sought<B: Bell> {
    Place(Place<B>, Pin, Arc<Pool>),
    Wait(Waiting),
    /// There is nothing to wait for, or not any more.
    None(Lack, Arc<Pool>),
    /// The upstream is no more.
    Gone,
}

/// What an upstream lacks that takes nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Room,
    Somebody,
}

impl<B: Bell> Default for Search<B> {
    fn default() -> Self {
        Self { upstream: None, places: Places::default() }
    }
}

impl<B: Bell> Search<B> {
    /// Chooses the upstream that takes it, for good. False: there is none.
    pub(super) fn choose<P: Performer<Bell = B>>(&mut self, facts: &Facts, at: &mut Moment<'_, P>) -> bool {
        let serves = |upstream: usize| {
            let name = facts.terms.plan().upstreams.get(upstream).map(|upstream| &upstream.name);
            let pool = name.and_then(|name| pool_of(at.snapshot, upstream, name));
            pool.is_some_and(|pool| matches!(pool.emptiness, Emptiness::Serving | Emptiness::AllUnchecked))
        };
        self.upstream = match facts.kind {
            Kind::Copy { upstream } => Some(upstream),
            Kind::Original => {
                let targets = facts.terms.forward().map_or(&[][..], |forward| &forward.targets);
                traffic_split::choose(targets, at.rng.next_u64(), serves)
            }
        };
        self.name(facts).is_some()
    }

    /// The name of the upstream, once it is chosen.
    pub(super) fn name<'f>(&self, facts: &'f Facts) -> Option<&'f Arc<str>> {
        facts.terms.plan().upstreams.get(self.upstream?).map(|upstream| &upstream.name)
    }

    /// Its pool in this snapshot.
    pub(super) fn pool<'s>(&self, facts: &Facts, snapshot: &'s Snapshot) -> Option<&'s Arc<Pool>> {
        pool_of(snapshot, self.upstream?, self.name(facts)?)
    }

    pub(super) fn tried(&self) -> &[BackendKey] {
        self.places.tried()
    }

    /// It asks nobody any more.
    pub(super) fn leave(&mut self) {
        self.places.leave();
    }

    /// A place in the pool of this moment, or a wait for one.
    pub(super) fn seek<P: Performer<Bell = B>>(
        &mut self,
        facts: &Facts,
        so_far: SoFar,
        at: &mut Moment<'_, P>,
    ) -> Sought<B> {
        let Some(pool) = self.pool(facts, at.snapshot).map(Arc::clone) else { return Sought::Gone };
        let verdicts = facts.began + facts.terms.plan().start.wait;
        if pool.emptiness == Emptiness::AllUnchecked && at.now < verdicts {
            let wait = Wait { why: Awaited::Verdicts, until: verdicts };
            return Sought::Wait(Waiting { wait, since: at.now, pool });
        }
        let look = look(&pool, facts, so_far, at);
        match self.places.look(&look, at.rng, &mut || at.performer.bell(&pool.upstream.name)) {
            Found::Place(place, pin) => Sought::Place(place, pin, pool),
            Found::Full => self.queue(facts, pool, at),
            Found::Nobody => hold(facts, so_far, pool, at),
        }
    }

    /// A place at one more backend of this pool, without waiting.
    pub(super) fn beside<P: Performer<Bell = B>>(
        &mut self,
        facts: &Facts,
        pool: &Arc<Pool>,
        at: &mut Moment<'_, P>,
    ) -> Option<Beside<B>> {
        let look = look(pool, facts, SoFar { attempts: 1, failed: false }, at);
        if look.bound {
            // Nobody else knows the client.
            return None;
        }
        let look = Look { trial_allowed: false, last_chance: false, ..look };
        self.places.look_beside(&look, at.rng, &mut || at.performer.bell(&pool.upstream.name))
    }

    /// All have as much as they may have. Copies do not queue.
    fn queue<P>(&mut self, facts: &Facts, pool: Arc<Pool>, at: &Moment<'_, P>) -> Sought<B> {
        let until = if facts.is_copy() { None } else { self.places.queue(&pool, at.now, facts.deadline()) };
        wait_until(until, Awaited::Room, pool, at)
    }
}

/// Nobody is eligible: some upstreams hold such requests for a while.
fn hold<B: Bell, P>(facts: &Facts, so_far: SoFar, pool: Arc<Pool>, at: &Moment<'_, P>) -> Sought<B> {
    let hold = pool.upstream.limits.hold;
    let held = !facts.is_copy() && !so_far.failed && facts.idempotent && !hold.is_zero();
    let until = held.then(|| (facts.began + hold).min(facts.deadline()));
    wait_until(until, Awaited::Somebody, pool, at)
}

fn wait_until<B: Bell, P>(until: Option<Timestamp>, why: Awaited, pool: Arc<Pool>, at: &Moment<'_, P>) -> Sought<B> {
    match until.filter(|until| at.now < *until) {
        Some(until) => Sought::Wait(Waiting { wait: Wait { why, until }, since: at.now, pool }),
        None => Sought::None(if why == Awaited::Room { Lack::Room } else { Lack::Somebody }, pool),
    }
}

fn look<'p, P: Performer>(pool: &'p Arc<Pool>, facts: &Facts, so_far: SoFar, at: &mut Moment<'_, P>) -> Look<'p> {
    let balance = &pool.upstream.balance;
    let bound = if facts.may_be_bound(&pool.upstream) { at.performer.bound(pool, at.now) } else { None };
    let again = facts.idempotent && so_far.attempts < facts.terms.route().retries.limit;
    let is_copy = facts.is_copy();
    Look {
        pool,
        now: at.now,
        hash: match &balance.policy {
            Policy::Hash(by) => at.performer.hash(by),
            _ => None,
        },
        pinned: bound.or_else(|| balance.sticky.as_ref().and_then(|plan| at.performer.pinned(pool, plan))),
        bound: bound.is_some(),
        trial_allowed: !is_copy && !facts.has_body && again && bound.is_none(),
        last_chance: !is_copy && !again,
    }
}

/// The pool of an upstream; it is where it was in the plan that the request began with, most often.
fn pool_of<'s>(snapshot: &'s Snapshot, position: usize, name: &str) -> Option<&'s Arc<Pool>> {
    let is_it = |pool: &&Arc<Pool>| &*pool.upstream.name == name;
    snapshot.pools.get(position).filter(is_it).or_else(|| snapshot.pools.iter().find(is_it))
}
