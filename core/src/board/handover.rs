//! What does a board leave to the one that comes after it? What is known about every backend, in durations instead of moments.
//!
//! Two processes have two clocks that know nothing of each other: what lies ahead is told as "for so long still", what lies behind
//! as "so long ago". Each machine says in its own file what another process must know of it; written down, it is what 0.1.0 wrote.

use super::member::state::BackendState;
use super::upstream::sources::SourceState;

/// What one board tells the next.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Handover {
    pub backends: Vec<BackendState>,
    pub sources: Vec<SourceState>,
}
