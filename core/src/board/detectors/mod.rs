//! Who stands out by its live traffic? The detectors: each is one file with a pure function from a view of the pool to what it finds, what
//! it says of that, and what it waits for. What follows for whoever was found is the upstream's business.

mod consecutive_failures;
mod failure_outlier;
mod failure_ratio;
mod latency_outlier;
#[cfg(test)]
mod rig;
pub(super) mod view;

use super::desk::place::Seat;
use crate::plan::Detector;
use std::time::Duration;
use view::{PoolView, Prospect};

/// Every detector, in the order in which they look.
pub(super) const ALL: [Kind; 4] =
    [consecutive_failures::KIND, failure_ratio::KIND, failure_outlier::KIND, latency_outlier::KIND];

pub(super) struct Kind {
    pub detector: Detector,
    /// Each look is at the pool as the one before left it.
    pub looks: &'static [(Pace, Look)],
    /// What it would take to find this backend: for people. `None`: it cannot, as things are.
    pub waits_for: fn(&Prospect<'_>) -> Option<String>,
}

/// How often a detector looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// At a backend with every failure of it.
    EachFailure,
    /// At the pool after a failure, but not with each of many.
    Soon,
    /// At the pool, once a second.
    Regular,
}

pub(super) type Look = fn(&PoolView<'_>) -> Vec<Finding>;

/// What a detector has found against a backend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub seat: Seat,
    /// By how much it stands out. The worst goes first: the cap may not leave room for all.
    pub excess: f64,
    /// A sentence.
    pub why: String,
    /// What a trial request must keep within.
    pub limit: Option<Duration>,
}
