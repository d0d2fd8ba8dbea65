//! What may be written of those who ask the admin listener?

use schemars::JsonSchema;
use serde::Deserialize;

/// What a token or a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ScopeSpec {
    Metrics,
    Read,
    Write,
}

/// A client's certificate that stands in for a token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AdminClientSpec {
    /// Who shows it: for the audit log.
    pub name: String,
    /// The common name of the certificate, or one of its DNS names, URIs or e-mail addresses, exactly as it stands there.
    pub subject: String,
    /// As a token's.
    pub scopes: Option<Vec<ScopeSpec>>,
}

/// How often one client may ask: an IPv4 address, or an IPv6 network of 64 bits. What is more is answered 429.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AdminLimitsSpec {
    /// Requests, twice as many at once; `/livez` and `/readyz` do not count. 0 = no limit.
    pub requests_per_second: Option<u32>,
    /// Wrong tokens that are answered 401; a right one is let in at any time. 0 = no limit.
    pub wrong_tokens_per_minute: Option<u32>,
}
