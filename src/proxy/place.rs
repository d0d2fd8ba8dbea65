//! Whose turn is it? A place at a backend for one attempt: picked where there is room, waited for in a bounded queue where there is none, and held
//! for a while where nobody is eligible.
//!
//! The counts are the domain's (`domain::circuit_breaker`, the cells); here is only the waiting. Whoever gives a place back wakes the next.

use super::exchange::Exchange;
use super::heads::Body;
use super::keys;
use arc_swap::ArcSwap;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::RoutePlan;
use pulsegate_core::traffic::endpoint::Lease;
use pulsegate_core::traffic::load_balancing::{Pick, PickInput};
use pulsegate_core::traffic::retry::is_idempotent;
use pulsegate_core::traffic::snapshot::Pool;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::timeout_at;

/// So many full backends in a row, and the request waits: a pool in which others have room finds them sooner.
const FULL_IN_A_ROW: usize = 16;

/// Those who wait, by upstream.
#[derive(Debug, Default)]
pub(super) struct Queues(ArcSwap<HashMap<Arc<str>, Arc<Notify>>>);

impl Queues {
    fn of(&self, upstream: &Arc<str>) -> Arc<Notify> {
        if let Some(queue) = self.0.load().get(upstream) {
            return Arc::clone(queue);
        }
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(Arc::clone(upstream)).or_default();
            known
        });
        self.0.load().get(upstream).cloned().unwrap_or_default()
    }
}

/// What a request holds of its upstream, for as long as it is under way.
#[derive(Debug)]
pub(super) struct Entered {
    pool: Arc<Pool>,
    queue: Arc<Notify>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.pool.circuit_breaker.leave();
        self.queue.notify_one();
    }
}

/// A place at a backend. Its parts are given up in this order: whoever is woken finds the place free.
#[derive(Debug)]
pub(super) struct Place {
    pub lease: Lease,
    _next: WakeNext,
}

/// Wakes whoever waits longest, where somebody may wait at all.
#[derive(Debug)]
struct WakeNext(Option<Arc<Notify>>);

impl Drop for WakeNext {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.notify_one();
        }
    }
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pool: Arc<Pool>,
    queue: Arc<Notify>,
    until: Timestamp,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.pool.circuit_breaker.quit();
    }
}

/// What came of looking for a place.
pub(super) enum Found {
    Place {
        place: Place,
        new_pin: bool,
    },
    /// All that were looked at have as much as they may have.
    Full,
    Nobody,
}

impl Exchange<'_> {
    /// Looks for a place, without waiting.
    pub(super) fn look(&mut self, pool: &Arc<Pool>, route: &RoutePlan) -> Found {
        let (limits, limit) = (&pool.upstream.limits, pool.upstream.requests_per_backend());
        let limited = limits.requests > 0 || limit > 0;
        if limited && self.queued.is_none() && pool.circuit_breaker.waiting() > 0 {
            return Found::Full;
        }
        if limits.requests > 0 && self.entered.is_none() {
            if !pool.circuit_breaker.enter(limits.requests) {
                return Found::Full;
            }
            let queue = self.proxy.queues.of(&pool.upstream.name);
            self.entered = Some(Entered { pool: Arc::clone(pool), queue });
        }
        let queue = (limit > 0).then(|| self.proxy.queues.of(&pool.upstream.name));
        let found = self.pick_with_room(pool, route, limit, queue);
        if matches!(found, Found::Place { .. }) {
            self.queued = None;
        }
        found
    }

    fn pick_with_room(&self, pool: &Arc<Pool>, route: &RoutePlan, limit: u32, queue: Option<Arc<Notify>>) -> Found {
        let mut passed = self.tried.clone();
        let full = passed.len() + FULL_IN_A_ROW;
        while passed.len() < full {
            let (Some(pick), pinned) = self.pick(pool, route, &passed) else {
                return if passed.len() > self.tried.len() { Found::Full } else { Found::Nobody };
            };
            let key = pick.member.key;
            let new_pin = pool.upstream.balance.sticky.is_some() && pinned != Some(key);
            match Lease::within(limit, pick.member, pick.trial) {
                Some(lease) => return Found::Place { place: Place { lease, _next: WakeNext(queue) }, new_pin },
                None => passed.push(key),
            }
        }
        Found::Full
    }

    fn pick(&self, pool: &Pool, route: &RoutePlan, tried: &[BackendKey]) -> (Option<Pick>, Option<BackendKey>) {
        let head = self.client.head();
        let pinned = self.proxy.pinned(pool, head);
        let again = is_idempotent(head.method.as_str()) && self.story.attempts < route.retries.limit;
        let input = PickInput {
            tried,
            now: self.clock().now(),
            random: fastrand::u64(..),
            hash: keys::hash_key(pool, head, self.asker.client, &self.target.path),
            sticky: pinned,
            trial_allowed: !self.is_copy && self.client.body() == Body::None && again,
            last_chance: !self.is_copy && !again,
        };
        (pool.pick(&input), pinned)
    }

    /// Waits until there may be room. False: the queue is full, or the wait was in vain.
    pub(super) async fn wait_for_room(&mut self, pool: &Arc<Pool>, route: &RoutePlan) -> bool {
        let limits = &pool.upstream.limits;
        if self.queued.is_none() {
            if !pool.circuit_breaker.join(limits.queue) {
                return false;
            }
            let until = (self.clock().now() + limits.queue_timeout).min(self.deadline(route));
            let queue = self.proxy.queues.of(&pool.upstream.name);
            self.queued = Some(Queued { pool: Arc::clone(pool), queue, until });
        }
        let Some(queued) = &self.queued else { return false };
        let woken = async {
            tokio::select! {
                () = queued.queue.notified() => {}
                () = self.newer_snapshot() => {}
            }
        };
        let began = self.clock().now();
        let has_room = timeout_at(self.clock().instant(queued.until), woken).await.is_ok();
        self.story.queued += self.clock().now().since(began);
        has_room
    }

    /// Waits while nobody is eligible, where the upstream holds such requests. False: it does not, or the wait was in vain.
    pub(super) async fn hold(&mut self, pool: &Pool, route: &RoutePlan) -> bool {
        let hold = pool.upstream.limits.hold;
        if hold.is_zero() || !is_idempotent(self.client.head().method.as_str()) {
            return false;
        }
        let until = (self.began + hold).min(self.deadline(route));
        let began = self.clock().now();
        let changed = timeout_at(self.clock().instant(until), self.newer_snapshot()).await.is_ok();
        self.story.queued += self.clock().now().since(began);
        changed
    }

    /// Returns when another snapshot than ours is in force.
    async fn newer_snapshot(&self) {
        let ours = self.snapshot.generation;
        // It fails only when the process ends.
        let _ = self.proxy.handle.generation().wait_for(|generation| *generation != ours).await;
    }
}
