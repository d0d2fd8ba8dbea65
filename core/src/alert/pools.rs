//! How many of each pool serve? Counted from what events say, so that the machine needs nothing else to know it.
//!
//! A backend that an operator took out, that drains, or that has no verdict yet, is no loss and counts on neither side.

use crate::base::identity::Address;
use crate::health::standing::Cause;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Pools(BTreeMap<Arc<str>, BTreeMap<Address, Cause>>);

/// What a standing means for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    Yes,
    /// It should, and does not.
    No,
    /// Nobody expects it to.
    Excused,
    /// Nobody knows yet: what was said of it before holds on.
    Unknown,
}

pub(super) const fn serves(cause: Cause) -> Serves {
    match cause {
        Cause::ForcedUp | Cause::Degraded | Cause::Ramping | Cause::Up => Serves::Yes,
        Cause::Ejected | Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Trial => Serves::No,
        Cause::ForcedDown | Cause::Drained | Cause::Draining => Serves::Excused,
        Cause::Starting | Cause::Unchecked => Serves::Unknown,
    }
}

impl Pools {
    pub(super) fn stands(&mut self, upstream: &Arc<str>, backend: &Address, cause: Cause) {
        self.0.entry(upstream.clone()).or_default().insert(backend.clone(), cause);
    }

    pub(super) fn left(&mut self, upstream: &str, backend: &Address) {
        if let Some(pool) = self.0.get_mut(upstream) {
            pool.remove(backend);
        }
    }

    pub(super) fn cause(&self, upstream: &str, backend: &Address) -> Option<Cause> {
        self.0.get(upstream)?.get(backend).copied()
    }

    /// Only these upstreams exist.
    pub(super) fn keep(&mut self, upstreams: &[Arc<str>]) {
        self.0.retain(|name, _| upstreams.contains(name));
    }

    /// Of each pool: its name, how many serve, and how many should.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Arc<str>, u32, u32)> {
        self.0.iter().map(|(name, pool)| {
            let count = |wanted| pool.values().filter(|cause| serves(**cause) == wanted).count() as u32;
            let serving = count(Serves::Yes);
            (name, serving, serving + count(Serves::No))
        })
    }
}
