//! What may be written of a route: what it matches, what it does, how long that may take.

use super::rate_limit::RateLimitSpec;
use crate::config::values::{Share, Span, Words};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// A route: what it matches, and one of `upstream`, `split`, `redirect`, `respond`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RouteSpec {
    /// For logs and metrics. Default: made from the match.
    pub name: Option<String>,
    /// Which requests; absent = all.
    #[serde(default, rename = "match")]
    pub matches: MatchSpec,
    /// The pool that serves them.
    pub upstream: Option<String>,
    /// Several pools with their weights, such as `{ stable: 95, canary: 5 }`, instead of one. Default: none.
    #[serde(default)]
    pub split: BTreeMap<String, u32>,
    /// Another pool gets a copy of a share of the requests; nobody waits for its answers.
    pub mirror: Option<MirrorSpec>,
    /// Answer with a redirect.
    pub redirect: Option<RedirectSpec>,
    /// Answer with a fixed response.
    pub respond: Option<RespondSpec>,
    /// Take the matched prefix off the path. Default: `false`.
    #[serde(default)]
    pub strip_prefix: bool,
    /// Put this in the place of the matched prefix.
    pub replace_prefix: Option<String>,
    /// The Host for the backend: `keep` or a name. Default: `keep`.
    pub host: Option<String>,
    /// Accept `%2F` and `%5C` in the path. Default: `false`.
    #[serde(default)]
    pub allow_encoded_slashes: bool,
    /// Networks (CIDR) or addresses of clients that come in; all others get 403. The client is the one that a PROXY header or a trusted proxy
    /// names, else the peer. Default: `["0.0.0.0/0", "::/0"]`.
    pub allow: Option<Vec<String>>,
    /// Networks (CIDR) or addresses of clients that do not come in (403), whatever `allow` says. Default: `[]`.
    #[serde(default)]
    pub deny: Vec<String>,
    /// How many requests come in; beyond it they get 429 with `Retry-After`. Default: no limit.
    pub rate_limit: Option<RateLimitSpec>,
    /// `true`: answer 404 for paths at which the upstreams of this route are probed; `false`: not on this route. Default: the upstream's.
    pub shield_health: Option<bool>,
    /// Changes to request headers.
    #[serde(default)]
    pub request_headers: EditsSpec,
    /// Changes to response headers.
    #[serde(default)]
    pub response_headers: EditsSpec,
    /// The upstream's, changed for this route.
    pub timeouts: Option<TimeoutsSpec>,
    /// The upstream's, changed for this route.
    pub retries: Option<RetriesSpec>,
    /// Ask another backend too when the answer is so late, within the retry budget: idempotent requests without a body, and no sticky
    /// clients. Default: never.
    pub hedge: Option<Span>,
}

/// What a route matches; all parts must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MatchSpec {
    /// `api.example.com`, or `*.example.com`. Default: any.
    pub host: Option<String>,
    /// A prefix, by segment. Default: `/`.
    pub path: Option<String>,
    /// The exact path, instead of a prefix.
    pub path_exact: Option<String>,
    /// Any of these. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Header values; `*` = present. What says who the client is counts only where backends would be told it too. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl RouteSpec {
    /// The pools that serve it, with their weights.
    pub(in crate::config) fn targets(&self) -> impl Iterator<Item = (&String, u32)> {
        self.upstream.iter().map(|name| (name, 1)).chain(self.split.iter().map(|(name, weight)| (name, *weight)))
    }
}

/// A copy of requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MirrorSpec {
    /// The pool that gets it.
    pub upstream: String,
    /// Of how many requests.
    pub share: Option<Share>,
}

/// A redirect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RedirectSpec {
    /// 301, 302, 303, 307 or 308.
    pub status: Option<u16>,
    /// May hold `{host}`, `{path}` and `{query}` (with its `?`).
    pub location: String,
}

/// A fixed response.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RespondSpec {
    /// 200 to 599.
    pub status: Option<u16>,
    pub content_type: Option<String>,
    /// The body. Default: empty.
    #[serde(default)]
    pub body: String,
}

/// Changes to headers: first `remove`, then `set`, then `add`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EditsSpec {
    /// Names. Default: `[]`.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Replaces. Default: `{}`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Appends. Default: `{}`.
    #[serde(default)]
    pub add: BTreeMap<String, String>,
}

/// How long things may take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TimeoutsSpec {
    /// Connect, TLS included.
    pub connect: Option<Span>,
    /// From the request being fully sent to the response head; `none` for long polls.
    pub per_try: Option<DeadlineSpec>,
    /// A client that expects a 100 before it sends its body is told by us to send it when the backend has said nothing for so long.
    pub expect_continue: Option<Span>,
    /// Silence between bytes.
    pub idle: Option<Span>,
    /// The whole request, retries included; `none` for streams.
    pub total: Option<DeadlineSpec>,
}

/// A duration, or `none`.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum DeadlineSpec {
    Never,
    After(Span),
}

impl<'de> Deserialize<'de> for DeadlineSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(word) if word == "none" => Ok(Self::Never),
            other => serde_json::from_value(other).map(Self::After).map_err(D::Error::custom),
        }
    }
}

/// Retries.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RetriesSpec {
    /// Tries beyond the first.
    pub limit: Option<u32>,
    /// `connect`, `reset`, `timeout`, and statuses.
    pub on: Option<Words>,
}
