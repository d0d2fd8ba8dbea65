//! What is known of a connection that is on its way? Who waits for it, until the backend has said how many streams it takes.

use tokio::sync::watch;

/// A connection that is on its way.
pub(super) struct Expected {
    told: watch::Receiver<bool>,
    /// How many wait for it, with the one that opens it.
    promised: usize,
}

impl Expected {
    /// By whoever opens it.
    pub(super) fn of(told: watch::Receiver<bool>) -> Self {
        Self { told, promised: 1 }
    }

    pub(super) fn is_told_by(&self, told: &watch::Receiver<bool>) -> bool {
        self.told.same_channel(told)
    }

    /// For one more, where it is to have room for so many.
    pub(super) fn promise(&mut self, takes: usize) -> Option<watch::Receiver<bool>> {
        (self.promised < takes).then(|| {
            self.promised += 1;
            self.told.clone()
        })
    }

    /// True when the backend has said what it takes.
    pub(super) fn told(&self) -> watch::Receiver<bool> {
        self.told.clone()
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.told.has_changed().is_ok()
    }
}
