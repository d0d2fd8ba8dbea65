//! What speaks against it? Outcomes of the last seconds, in a row, by kind and by client: the evidence that the board judges.
//!
//! All of it is relaxed: each figure stands for itself, and the board, which reads several of them, tolerates figures that are a few outcomes
//! apart.

use super::clients::LastTwoClients;
use crate::base::sync::{AtomicBool, AtomicU32, Relaxed};
use crate::base::time::Timestamp;
use crate::health::latency::{Histogram, Latencies};
use crate::health::peer_test::Spans;
use crate::health::window::{Tally, Window};
use std::time::Duration;

/// What the board reads off a cell when it judges passive evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Failures in a row.
    pub streak: u32,
    /// At least one failure of the streak was not a status (connect, timeout, reset…).
    pub streak_is_hard: bool,
    pub window: Tally,
    /// Failures of the window that were not statuses.
    pub hard_failures: u32,
    /// Requests of at least two client addresses failed lately.
    pub two_clients_failed: bool,
    /// Requests of at least two client addresses were seen lately.
    pub two_clients_seen: bool,
}

#[derive(Debug, Default)]
pub(super) struct Outcomes {
    streak: AtomicU32,
    streak_is_hard: AtomicBool,
    window: Window,
    /// Failures that were not statuses.
    hard: Window,
    latencies: Latencies,
    clients: LastTwoClients,
    failed_clients: LastTwoClients,
}

impl Outcomes {
    /// An attempt for this client ended, however it did.
    pub(super) fn saw(&self, client: u64, now: Timestamp) {
        self.clients.saw(client, now);
    }

    pub(super) fn succeeded(&self, latency: Duration, now: Timestamp, window: Duration) {
        self.streak.store(0, Relaxed);
        self.streak_is_hard.store(false, Relaxed);
        self.window.record(false, now, window);
        self.latencies.record(latency, now, window);
    }

    /// `hard`: by something else than a status.
    pub(super) fn failed(&self, hard: bool, client: u64, now: Timestamp, window: Duration) {
        self.streak.fetch_add(1, Relaxed);
        self.window.record(true, now, window);
        self.failed_clients.saw(client, now);
        if hard {
            self.streak_is_hard.store(true, Relaxed);
            self.hard.record(true, now, window);
        }
    }

    /// The evidence at `now`.
    pub(super) fn evidence(&self, now: Timestamp, window: Duration) -> Evidence {
        Evidence {
            streak: self.streak.load(Relaxed),
            streak_is_hard: self.streak_is_hard.load(Relaxed),
            window: self.window.tally(now, window),
            hard_failures: self.hard.tally(now, window).failures,
            two_clients_failed: self.failed_clients.two_since(now - window),
            two_clients_seen: self.clients.two_since(now - window),
        }
    }

    /// Failures and successes of the newest parts of the window.
    pub(super) fn spans(&self, now: Timestamp, window: Duration) -> Spans {
        self.window.spans(now, window)
    }

    /// How long the answers of the newest `slices` fifths of the window took.
    pub(super) fn latencies(&self, slices: u64, now: Timestamp, window: Duration) -> Histogram {
        self.latencies.newest(slices, now, window)
    }

    /// Forgets streak and window: after an ejection and after a return.
    pub(super) fn clear(&self) {
        self.streak.store(0, Relaxed);
        self.streak_is_hard.store(false, Relaxed);
        self.window.clear();
        self.hard.clear();
        self.latencies.clear();
    }
}

impl Evidence {
    /// Failures that were not statuses, of all outcomes.
    pub fn hard_share(&self) -> f64 {
        f64::from(self.hard_failures) / f64::from(self.window.total().max(1))
    }

    /// Failed for two clients, where there are two.
    pub fn two_clients(&self) -> bool {
        !self.two_clients_seen || self.two_clients_failed
    }

    /// Not the doing of one client: of several, or more than half of it no mere status.
    pub fn is_of_several_clients(&self) -> bool {
        self.two_clients() || self.hard_failures * 2 > self.window.failures
    }
}
