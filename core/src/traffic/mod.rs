//! Who takes this request, may it be tried again, and what did it teach us? Snapshot, load balancing, limits, retries, and the counters that live traffic writes.

pub mod admission;
pub mod cell;
pub mod circuit_breaker;
pub mod endpoint;
pub mod ledger;
pub mod load_balancing;
mod occupancy;
pub mod outcome;
pub mod overhead;
pub mod request;
pub mod retry;
pub mod retry_budget;
pub mod series;
pub mod snapshot;
pub mod traffic_split;
