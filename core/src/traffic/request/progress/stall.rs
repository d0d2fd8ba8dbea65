//! How long has a client kept its answer waiting? Added up over all the times at which there was something for it that it did not take.

use crate::base::time::Timestamp;
use std::time::Duration;

/// The waiting of one answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stall {
    /// `None`: the client has taken all.
    since: Option<Timestamp>,
    before: Duration,
}

impl Stall {
    /// There is something for the client that it does not take at once.
    pub fn begins(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// It has taken all.
    pub(super) fn ends(&mut self, now: Timestamp) {
        if let Some(since) = self.since.take() {
            self.before += now.since(since);
        }
    }

    /// It has waited, or waits.
    pub fn is_any(&self) -> bool {
        self.since.is_some() || !self.before.is_zero()
    }

    /// In all.
    pub fn took(&self, now: Timestamp) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.since(since))
    }
}
