//! Which backend does a client's cookie name? What sticky clients keep of the answers that they got.

use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::StickyPlan;
use pulsegate_core::traffic::snapshot::Pool;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Pins(BTreeMap<Arc<str>, BTreeMap<u64, Pinned>>);

#[derive(Clone, Copy, Debug)]
struct Pinned {
    backend: BackendKey,
    until: Timestamp,
}

impl Pins {
    /// An answer binds this client to `backend`.
    pub(super) fn set(&mut self, pool: &Pool, client: u64, backend: BackendKey, now: Timestamp) {
        let ttl = pool.upstream.balance.sticky.as_ref().and_then(|plan: &StickyPlan| plan.ttl);
        let until = ttl.map_or(Timestamp::NEVER, |ttl| now + ttl);
        self.0.entry(Arc::clone(&pool.upstream.name)).or_default().insert(client, Pinned { backend, until });
    }

    /// The member of this pool to which this client is bound.
    pub(super) fn of(&self, pool: &Pool, client: u64, now: Timestamp) -> Option<BackendKey> {
        let pinned = self.0.get(&pool.upstream.name)?.get(&client).filter(|pinned| now < pinned.until)?;
        pool.members.iter().map(|member| member.key).find(|key| *key == pinned.backend)
    }
}
