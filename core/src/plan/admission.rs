//! What is in force at a route's door: who is let in, how often, and which paths are nobody's business.

use crate::http::networks::Networks;
use crate::http::shield::Shield;
use std::time::Duration;

/// At least one of its parts asks for something: a route that lets everything in has none.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests per so many milliseconds: the nanoseconds from one token to the next.
    #[test]
    fn tokens_come_evenly_and_never_all_at_once() {
        for (requests, per, nanos) in [
            (1, 1_000, 1_000_000_000),
            (10, 1_000, 100_000_000),
            (100, 60_000, 600_000_000),
            (3, 1_000, 333_333_333),
            // More than one a nanosecond, and none at all: both stay a limit.
            (u32::MAX, 1_000, 1),
            (0, 1_000, 1_000_000_000),
        ] {
            let plan = RateLimitPlan { per: Duration::from_millis(per), ..RateLimitPlan::of(requests) };
            assert_eq!(plan.interval(), Duration::from_nanos(nanos), "{requests} per {per} ms");
        }
    }

    #[test]
    fn a_plan_with_one_guard_is_not_empty() {
        assert!(AdmissionPlan::default().is_empty());
        // Nobody at all is let in: that asks for more than anything.
        assert!(!AdmissionPlan { allow: Some(Networks::default()), ..AdmissionPlan::default() }.is_empty());
        assert!(!AdmissionPlan { rate_limit: Some(RateLimitPlan::of(1)), ..AdmissionPlan::default() }.is_empty());
    }
}
