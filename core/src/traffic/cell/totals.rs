//! What has traffic come to since the process started, and when did it last succeed or fail? Counts that only grow.

use crate::base::sync::{AtomicU64, Relaxed};
use crate::base::time::Timestamp;
use crate::health::latency::Ever;
use crate::traffic::series::Reading;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Totals {
    successes: AtomicU64,
    failures: AtomicU64,
    /// Attempts that were neither.
    others: AtomicU64,
    last_success: AtomicU64,
    last_failure: AtomicU64,
    /// Of whatever answered, failures included.
    answers: Ever,
}

impl Totals {
    pub(super) fn succeeded(&self, now: Timestamp) {
        self.successes.fetch_add(1, Relaxed);
        self.last_success.store(now.0.max(1), Relaxed);
    }

    pub(super) fn failed(&self, now: Timestamp) {
        self.failures.fetch_add(1, Relaxed);
        self.last_failure.store(now.0.max(1), Relaxed);
    }

    /// Neither a success nor a failure.
    pub(super) fn other(&self) {
        self.others.fetch_add(1, Relaxed);
    }

    /// It said something, for better or worse.
    pub(super) fn answered(&self, latency: Duration) {
        self.answers.record(latency);
    }

    /// Has traffic succeeded after `since`?
    pub(super) fn succeeded_after(&self, since: Timestamp) -> bool {
        self.last_success.load(Relaxed) > since.0
    }

    /// Has traffic failed after `since`?
    pub(super) fn failed_after(&self, since: Timestamp) -> bool {
        self.last_failure.load(Relaxed) > since.0
    }

    /// Successes and failures.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.successes.load(Relaxed), self.failures.load(Relaxed))
    }

    pub(super) fn reading(&self) -> Reading {
        let (successes, failures) = self.counts();
        Reading { successes, failures, others: self.others.load(Relaxed), answers: self.answers.read() }
    }
}
