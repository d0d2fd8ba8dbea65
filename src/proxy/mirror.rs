//! Who else gets this request? A copy goes to the route's mirror when the exchange is over, so that it costs its client nothing.
//!
//! A copy is an exchange of its own with nobody at its client's side. Its answer is read and thrown away, its outcome is written down
//! nowhere, it is tried once, and it waits for nobody. Bodies that were not kept whole (64 KiB) are not copied.

use super::exchange::Exchange;
use super::heads::Body;
use crate::proxy::downstream::{ClientSide, CopyClient};
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::{Forward, RetryPlan, RoutePlan, Target};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Copies under way; more are not made.
const AT_MOST: usize = 256;

/// How many more copies may be under way.
#[derive(Debug)]
pub(super) struct Copies(Arc<Semaphore>);

impl Default for Copies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_MOST)))
    }
}

impl Exchange<'_> {
    /// Sends the copy that the route asks for, if this request is one of its share.
    pub(super) fn mirror(&self, route: &RoutePlan, forward: &Forward) {
        let Some(mirror) = forward.mirror.filter(|mirror| fastrand::f64() < mirror.share) else { return };
        let whole = self.client.body() == Body::None || (self.replay.complete && self.replay.possible());
        let place = self.proxy.copies.0.clone().try_acquire_owned();
        let (true, Ok(place)) = (whole, place) else {
            return self.proxy.telemetry.mirrored(&route.name, false);
        };
        self.proxy.telemetry.mirrored(&route.name, true);

        let target = Target { upstream: mirror.upstream, weight: 1 };
        let forward = Forward { targets: vec![target], mirror: None, ..forward.clone() };
        let route = RoutePlan { retries: RetryPlan { limit: 0, ..route.retries.clone() }, ..route.clone() };
        let client = ClientSide::Copy(Box::new(CopyClient::new(self.client.head().clone(), self.replay.kept())));
        let (proxy, facts) = (Arc::clone(self.proxy), self.facts.clone());
        let (snapshot, target) = (Arc::clone(&self.snapshot), self.target.clone());
        let (request_id, trace) = (self.asker.request_id.clone(), self.asker.trace.map(Trace::told_by_us));
        tokio::spawn(async move {
            let _place = place;
            let mut copy = Exchange::begin(&proxy, client, &facts);
            copy.is_copy = true;
            (copy.snapshot, copy.target) = (snapshot, target);
            (copy.asker.request_id, copy.asker.trace) = (request_id, trace);
            copy.forward(&route, &forward).await;
        });
    }
}
