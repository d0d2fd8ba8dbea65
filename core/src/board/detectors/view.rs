//! What does a detector see? The traffic of those that it may find, and how their peers fare.

use crate::base::time::Timestamp;
use crate::board::desk::place::Seat;
use crate::health::window::Tally;
use crate::plan::PassivePlan;
use crate::traffic::cell::{Cell, Evidence};
use std::cell::OnceCell;

pub(in crate::board) struct PoolView<'a> {
    pub plan: &'a PassivePlan,
    pub now: Timestamp,
    pub suspects: Vec<Suspect<'a>>,
    pub peers: Peers<'a>,
}

/// A backend that may be found.
#[derive(Clone, Copy, Debug)]
pub(in crate::board) struct Suspect<'a> {
    pub seat: Seat,
    pub cell: &'a Cell,
    /// It has just come back: its caches are cold, its code is not compiled yet.
    pub ramps: bool,
}

/// The failed shares of all that had traffic, in order. They are read once for everything that is judged at one moment, and only where
/// somebody asks.
#[derive(Clone, Copy)]
pub(in crate::board) struct Peers<'a> {
    pub shares: &'a OnceCell<Vec<f64>>,
    pub read: &'a dyn Fn() -> Vec<f64>,
}

/// What there is to say about the chance that one backend is found.
pub(in crate::board) struct Prospect<'a> {
    pub plan: &'a PassivePlan,
    pub traffic: &'a Evidence,
    /// How many of the pool are fit.
    pub fit: u32,
}

impl PoolView<'_> {
    pub(super) fn evidence(&self, suspect: &Suspect<'_>) -> Evidence {
        suspect.cell.evidence(self.now, self.plan)
    }

    /// Failures other than statuses speak for themselves (`hard`). Statuses alone count only against a backend that does worse than the
    /// median of its peers, and only from two clients where there are two: a poison request must not take out half a pool.
    pub(super) fn stands_out(&self, evidence: &Evidence, hard: bool) -> bool {
        hard || evidence.two_clients() && evidence.window.failed_share() > self.peers.median_without(evidence.window)
    }
}

impl Peers<'_> {
    /// The median failed share of the others that had traffic; −1 (everybody is worse) where there are none.
    fn median_without(&self, own: Tally) -> f64 {
        let shares = self.shares.get_or_init(self.read);
        // Without one that equals its own share, the rest are the others.
        let own = position_of(shares, own);
        let others = shares.len() - usize::from(own.is_some());
        let middle = others / 2;
        let median = if own.is_some_and(|own| own <= middle) { middle + 1 } else { middle };
        shares.get(median).copied().unwrap_or(-1.0)
    }
}

/// Where this one's share stands among all in order.
pub(in crate::board) fn position_of(shares: &[f64], own: Tally) -> Option<usize> {
    if own.total() == 0 {
        return None;
    }
    shares.binary_search_by(|other| other.total_cmp(&own.failed_share())).ok()
}
