//! What may be written of a route's door: how often it opens. Who it opens to stands in the route itself.

use crate::config::values::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// So many requests in a time, in the long run; `burst` of them at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RateLimitSpec {
    /// How many requests `per` time, spread evenly.
    pub requests: u32,
    /// In how long.
    pub per: Option<Span>,
    /// How many may come at once after a silence. Default: as many as `requests`.
    pub burst: Option<u32>,
    /// Whose requests are counted together: `client` (its address; of IPv6 its /64), `header:NAME` (a value of that header; requests
    /// without it count by client) or `route` (all of them). Of 131072 clients or values at most; beyond, those who have used the least are
    /// forgotten first.
    pub by: Option<String>,
    /// `false`: counts what it would have denied, and denies nothing.
    pub enforce: Option<bool>,
}
