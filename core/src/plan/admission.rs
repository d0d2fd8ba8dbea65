//! What is in force at a route's door: who is let in, how often, and which paths are nobody's business.

use crate::http::networks::Networks;
use crate::http::shield::Shield;
use std::time::Duration;

/// At least one of its parts guards something: a route without guards has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdmissionPlan {
    /// Only these come in; `None` = everybody.
    pub allow: Option<Networks>,
    /// These do not, whatever `allow` says.
    pub deny: Networks,
    pub rate_limit: Option<RateLimitPlan>,
    pub shield: Shield,
}

impl AdmissionPlan {
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty() && self.rate_limit.is_none() && self.shield.is_empty()
    }
}

/// A token bucket per key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitPlan {
    /// The same for the same limit of the same route: what has been counted outlives a reload by it.
    pub id: u64,
    pub requests: u32,
    pub per: Duration,
    /// So many at once.
    pub burst: u32,
    pub by: LimitBy,
    /// `false`: only counts what it would deny.
    pub enforce: bool,
}

impl RateLimitPlan {
    /// So many a second, and so many at once, for each client.
    pub fn of(requests: u32) -> Self {
        Self { id: 0, requests, per: Duration::from_secs(1), burst: requests, by: LimitBy::default(), enforce: true }
    }

    /// From one token to the next; never zero.
    pub fn interval(&self) -> Duration {
        (self.per / self.requests.max(1)).max(Duration::from_nanos(1))
    }
}

/// Whose requests share a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LimitBy {
    /// A client's address; of IPv6 its /64, which is one customer.
    #[default]
    Client,
    /// A header's value (its name in lower case); without it, the client's address.
    Header(String),
    /// All of the route.
    Route,
}
