//! Where does news about conditions wait? In a queue that never makes its sender wait; in a flood, the last news of each condition is kept
//! and what it replaces is counted.

use crate::telemetry::instruments::Counter;
use pulsegate_core::alert::{Input, Key};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// News in order; beyond it, one for each condition.
pub(super) const QUEUE: usize = 1024;
/// Conditions in a flood; news of others are dropped.
const CONDITIONS: usize = 20_000;

#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    wake: Notify,
    dropped: Arc<Counter>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Input>,
    flood: BTreeMap<Key, Input>,
}

impl Inbox {
    pub(super) fn new(dropped: Arc<Counter>) -> Self {
        Self { waiting: Mutex::default(), wake: Notify::new(), dropped }
    }

    /// The lock is held for moments, here and in [`Self::take`].
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, input: Input) {
        let mut waiting = self.waiting();
        if waiting.flood.is_empty() && waiting.queue.len() < QUEUE {
            waiting.queue.push_back(input);
        } else if waiting.flood.len() >= CONDITIONS && !waiting.flood.contains_key(&input.key)
            || waiting.flood.insert(input.key.clone(), input).is_some()
        {
            self.dropped.inc();
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Everything that waits, in its order.
    pub(super) fn take(&self) -> Vec<Input> {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.queue.into_iter().chain(waiting.flood.into_values()).collect()
    }

    /// Returns when something was put in since the last time.
    pub(super) async fn filled(&self) {
        self.wake.notified().await;
    }
}
