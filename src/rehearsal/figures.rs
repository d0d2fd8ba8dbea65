//! What came of it, in numbers? Those of one upstream, and their sum.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub requests: u64,
    pub attempts: u64,
    /// They failed at one backend and were served by another.
    pub saved: u64,
    /// Another backend was asked too, since the answer was late; and it answered first.
    pub hedges: u64,
    pub hedges_won: u64,
    /// Copies of requests to others, and those that were not made, since too many were under way.
    pub copies: u64,
    pub copies_dropped: u64,
    /// Their client got a backend's 5xx.
    pub answered_badly: u64,
    /// Their client got an answer of the gateway, by its reason.
    pub refused: BTreeMap<&'static str, u64>,
    pub probes: u64,
    pub ejections: u64,
    pub refused_ejections: u64,
    pub flaps: u64,
}

impl Figures {
    pub(super) fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Requests whose client saw a failure.
    pub(super) fn failed(&self) -> u64 {
        self.answered_badly + self.refused.values().sum::<u64>()
    }

    pub(super) fn failed_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed() as f64 / self.requests as f64 }
    }

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.saved += other.saved;
        self.hedges += other.hedges;
        self.hedges_won += other.hedges_won;
        self.copies += other.copies;
        self.copies_dropped += other.copies_dropped;
        self.answered_badly += other.answered_badly;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        self.probes += other.probes;
        self.ejections += other.ejections;
        self.refused_ejections += other.refused_ejections;
        self.flaps += other.flaps;
    }
}
