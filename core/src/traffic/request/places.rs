//! Where is there room for this request? Within the limits of its upstream, and at a backend that it has not asked yet.
//!
//! Whoever finds others waiting waits behind them. Whoever has a place in the queue looks again whenever there may be room, until the
//! deadline of that place.

use super::action::Pin;
use super::place::{Bell, Entered, Place, Queued};
use super::tried::Tried;
use crate::base::identity::BackendKey;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::traffic::endpoint::Lease;
use crate::traffic::load_balancing::PickInput;
use crate::traffic::snapshot::Pool;
use std::sync::Arc;

/// So many full backends in a row, and the request waits: a pool in which others have room finds them sooner.
const FULL_IN_A_ROW: usize = 16;

/// What a request holds of its upstream beside the backend that it asks.
#[derive(Debug)]
pub(super) struct Places<B: Bell> {
    tried: Tried,
    queued: Option<Queued>,
    entered: Option<Entered<B>>,
}

/// What a look depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub pool: &'a Arc<Pool>,
    pub now: Timestamp,
    /// See [`PickInput`].
    pub hash: Option<u64>,
    /// The backend that the client is bound to.
    pub pinned: Option<BackendKey>,
    /// By a connection of its own, which is worth a wait where there is a queue.
    pub bound: bool,
    pub trial_allowed: bool,
    pub last_chance: bool,
}

/// What came of a look.
#[derive(Debug)]
pub(super) enum Found<B: Bell> {
    Place(Place<B>, Pin),
    /// All that were looked at have as much as they may have.
    Full,
    Nobody,
}

/// What somebody holds who is asked beside the first.
#[derive(Debug)]
pub(super) struct Beside<B: Bell> {
    pub place: Place<B>,
    _entered: Option<Entered<B>>,
}

impl<B: Bell> Default for Places<B> {
    fn default() -> Self {
        Self { tried: Tried::default(), queued: None, entered: None }
    }
}

impl<B: Bell> Places<B> {
    pub(super) fn tried(&self) -> &[BackendKey] {
        self.tried.keys()
    }

    /// Looks for a place, without waiting. Whoever finds one has it, and its place in the queue is free.
    pub(super) fn look(&mut self, look: &Look<'_>, rng: &mut Rng, bell: &mut impl FnMut() -> B) -> Found<B> {
        if self.queued.is_none() && others_wait(look.pool) {
            return Found::Full;
        }
        let limit = look.pool.upstream.limits.requests;
        if limit > 0 && self.entered.is_none() {
            self.entered = Entered::within(limit, look.pool, &mut *bell);
            if self.entered.is_none() {
                return Found::Full;
            }
        }
        let found = pick_with_room(&mut self.tried, look, rng, bell);
        if let Found::Place(place, _) = &found {
            self.queued = None;
            self.tried.push(place.lease().member.key);
        }
        found
    }

    /// As [`Self::look`], for one more backend at the same time: it counts for itself, and never waits.
    pub(super) fn look_beside(
        &mut self,
        look: &Look<'_>,
        rng: &mut Rng,
        bell: &mut impl FnMut() -> B,
    ) -> Option<Beside<B>> {
        if others_wait(look.pool) {
            return None;
        }
        let limit = look.pool.upstream.limits.requests;
        let _entered = match limit {
            0 => None,
            _ => Some(Entered::within(limit, look.pool, &mut *bell)?),
        };
        match pick_with_room(&mut self.tried, look, rng, bell) {
            Found::Place(place, _) => Some(Beside { place, _entered }),
            Found::Full | Found::Nobody => None,
        }
    }

    /// The deadline of its place in the queue: of the one that it has, or of one that it takes now. `None`: there is none for it.
    pub(super) fn queue(&mut self, pool: &Arc<Pool>, now: Timestamp, deadline: Timestamp) -> Option<Timestamp> {
        if self.queued.is_none() {
            let until = (now + pool.upstream.limits.queue_timeout).min(deadline);
            self.queued = Queued::behind_others(pool, until);
        }
        self.queued.as_ref().map(Queued::until)
    }

    /// It asks nobody any more.
    pub(super) fn leave(&mut self) {
        self.queued = None;
        self.entered = None;
    }
}

/// Somebody waits for room, where there are limits at all.
fn others_wait(pool: &Pool) -> bool {
    let limited = pool.upstream.limits.requests > 0 || pool.upstream.requests_per_backend() > 0;
    limited && pool.circuit_breaker.waiting() > 0
}

/// A place at a backend that is not in `tried`, which is left as it was.
fn pick_with_room<B: Bell>(
    tried: &mut Tried,
    look: &Look<'_>,
    rng: &mut Rng,
    bell: &mut impl FnMut() -> B,
) -> Found<B> {
    let (limit, before) = (look.pool.upstream.requests_per_backend(), tried.keys().len());
    let found = loop {
        let passed = tried.keys().len() - before;
        if passed == FULL_IN_A_ROW {
            break Found::Full;
        }
        let Some(pick) = look.pool.pick(&look.input(tried.keys(), rng)) else {
            break if passed > 0 { Found::Full } else { Found::Nobody };
        };
        let key = pick.member.key;
        match Lease::within(limit, pick.member, pick.trial) {
            Some(lease) => break Found::Place(Place::new(lease, (limit > 0).then(&mut *bell)), look.pin(key)),
            None if look.bound && look.pinned == Some(key) && look.pool.upstream.limits.queue > 0 => break Found::Full,
            None => tried.push(key),
        }
    };
    tried.truncate(before);
    found
}

impl Look<'_> {
    fn input<'t>(&self, tried: &'t [BackendKey], rng: &mut Rng) -> PickInput<'t> {
        PickInput {
            tried,
            now: self.now,
            random: rng.next_u64(),
            hash: self.hash,
            sticky: self.pinned,
            trial_allowed: self.trial_allowed,
            last_chance: self.last_chance,
        }
    }

    fn pin(&self, chosen: BackendKey) -> Pin {
        match &self.pool.upstream.balance.sticky {
            None => Pin::Unbound,
            Some(_) if self.pinned == Some(chosen) => Pin::Kept,
            Some(_) => Pin::New,
        }
    }
}
