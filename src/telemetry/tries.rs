//! What came of each attempt of a request? Kept while the request lives, for its line and its spans. The first has its place in the
//! request itself: only what is tried again costs an allocation.

use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::time::Duration;

/// One attempt.
#[derive(Clone, Debug)]
pub struct Try {
    pub backend: Address,
    pub end: AttemptEnd,
    pub began: Timestamp,
    pub took: Duration,
    /// Its span, and what was asked for: where the trace is recorded.
    pub span: u64,
    pub url: Option<String>,
}

/// All attempts, in their order.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    first: Option<Try>,
    more: Vec<Try>,
}

impl Tries {
    pub fn push(&mut self, one: Try) {
        match self.first {
            None => self.first = Some(one),
            Some(_) => self.more.push(one),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Try> {
        self.first.iter().chain(&self.more)
    }

    /// One attempt, and the backend answered: the request's own fields tell all of it.
    pub fn went_well(&self) -> bool {
        self.more.is_empty() && self.first.as_ref().is_none_or(|first| matches!(first.end, AttemptEnd::Response { .. }))
    }
}
