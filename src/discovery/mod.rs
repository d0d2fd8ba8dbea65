//! Which backends are there? Names and files are watched; every answer goes to the board as it is.
//!
//! An empty or failed answer is reported like any other: that the last set stays is the board's decision.

use crate::control::Handle;
use crate::domain::plan::Plan;

/// The watchers of the plan in force.
#[derive(Debug)]
pub struct Discovery {}

impl Discovery {
    pub fn new(_handle: Handle) -> Self {
        todo!()
    }

    /// Starts watchers for new sources, ends those that are gone, leaves equal ones alone (same upstream, same position, same source).
    pub fn apply(&mut self, _plan: &Plan) {
        todo!()
    }
}
