//! What is the board told?

use super::contract::discovery::Found;
use super::contract::probe::ProbeTicket;
use super::takeover::Handover;
use crate::health::reading::Reading;
use crate::plan::Plan;
use crate::traffic::cell::Nudge;
use std::sync::Arc;

#[allow(clippy::large_enum_variant, reason = "the largest is by far the most frequent: what a probe read")]
#[derive(Clone, Debug)]
pub enum Input {
    Reconfigure(Arc<Plan>),
    /// A source answered. `source` is the index into the upstream's `sources`. An empty or failed answer keeps the last set.
    Discovered {
        upstream: Arc<str>,
        source: usize,
        answer: Result<Vec<Found>, String>,
    },
    ProbeDone {
        ticket: ProbeTicket,
        reading: Reading,
    },
    Nudge(Nudge),
    /// What the board of the process before knew: before the first plan, and once more when that process has stopped serving.
    TakeOver(Arc<Handover>),
}
