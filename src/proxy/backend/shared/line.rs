//! Who gets the next stream where all connections that there may be are full? Who has waited longest: one looks, the others stand behind.

use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Those who wait for a stream to one backend.
#[derive(Debug)]
pub(in crate::proxy) struct Line {
    /// The first place: whoever has it looks when a stream has ended.
    first: Arc<Semaphore>,
    freed: Notify,
}

/// The first place in a line.
#[derive(Debug)]
pub(in crate::proxy) struct Turn {
    _first: OwnedSemaphorePermit,
}

impl Default for Line {
    fn default() -> Self {
        Self { first: Arc::new(Semaphore::new(1)), freed: Notify::new() }
    }
}

impl Line {
    /// Returns when it is worth looking (again).
    pub(in crate::proxy) async fn wait(&self, turn: &mut Option<Turn>) {
        match turn {
            Some(_) => self.freed.notified().await,
            // It fails only when the semaphore is closed, which nobody does.
            None => *turn = Arc::clone(&self.first).acquire_owned().await.ok().map(|first| Turn { _first: first }),
        }
    }

    pub(super) fn is_waited(&self) -> bool {
        self.first.available_permits() == 0
    }

    /// There may be room.
    pub(super) fn ring(&self) {
        if self.is_waited() {
            self.freed.notify_one();
        }
    }
}
