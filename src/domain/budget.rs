//! How many retries may the gateway add to its backends' load?
//!
//! A token bucket per upstream after Finagle's and tower's retry budget: each request deposits `ratio` of a token, a retry
//! takes one, tokens live `ttl`, and a reserve of `min_per_second` serves small traffic. Lock-free: it stands on the path of
//! a request.

use super::plan::BudgetPlan;
use super::time::Timestamp;

/// The bucket.
#[derive(Debug)]
pub struct Budget {}

impl Budget {
    pub fn new(_plan: BudgetPlan) -> Self {
        todo!()
    }

    /// A request arrived.
    pub fn deposit(&self, _now: Timestamp) {
        todo!()
    }

    /// May a retry go out? Takes a token if so.
    pub fn withdraw(&self, _now: Timestamp) -> bool {
        todo!()
    }
}
