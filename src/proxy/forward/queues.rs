//! Who waits for room? Those of one upstream wait at one bell, which rings for whoever waits longest.

use arc_swap::ArcSwap;
use pulsegate_core::traffic::request::Bell;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// Those who wait, by upstream.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Queues(ArcSwap<HashMap<Arc<str>, Arc<Notify>>>);

/// The bell of one upstream.
#[derive(Debug)]
pub(in crate::proxy) struct Wake(Arc<Notify>);

impl Bell for Wake {
    fn ring(&self) {
        self.0.notify_one();
    }
}

impl Wake {
    /// Until it rings for us.
    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}

impl Queues {
    pub(super) fn of(&self, upstream: &Arc<str>) -> Wake {
        if let Some(queue) = self.0.load().get(upstream) {
            return Wake(Arc::clone(queue));
        }
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(Arc::clone(upstream)).or_default();
            known
        });
        Wake(self.0.load().get(upstream).cloned().unwrap_or_default())
    }
}
