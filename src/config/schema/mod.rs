//! What may be written? One type per mapping of the YAML; the schema, the reference and the strict reading come from these.
//!
//! A field is what the operator wrote, absent where nothing was. Defaults are filled in by the compile step, from the plan; so does
//! [`super::defaults`] when it completes what the schema says of a key. In the comments here stand only those that are words or empty, in one
//! form (``Default: …``) from which the reference is made.

mod admin;
mod alerts;
mod document;
mod logging;
mod metrics;
mod probe;
mod protocol;
mod rate_limit;
mod routes;
mod tls;
mod tracing;
mod upstreams;
mod webhooks;

pub(super) use admin::*;
pub(super) use alerts::*;
pub(super) use document::*;
pub(super) use logging::*;
pub(super) use metrics::*;
pub(super) use probe::*;
pub(super) use protocol::*;
pub(super) use rate_limit::*;
pub(super) use routes::*;
pub(super) use tls::*;
pub(super) use tracing::*;
pub(super) use upstreams::*;
pub(super) use webhooks::*;

use crate::config::values::{Size, Span};
use pulsegate_core::plan::HalfClosedClients;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole configuration. Its first three keys and `include` are taken out before it is read as one (each part is read by itself), so
/// they are here for the schema.
#[allow(dead_code, reason = "the schema is made of them")]
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    /// Worker threads, which serve connections; 0 = one per core that this process may use. Probes, operators and all else have two of their own.
    pub threads: Option<usize>,
    /// Where clients connect.
    #[serde(default)]
    pub listeners: Vec<ListenerSpec>,
    /// Which request goes where; the most specific match wins.
    #[serde(default)]
    pub routes: Vec<RouteSpec>,
    /// The pools, by name.
    #[serde(default)]
    pub upstreams: BTreeMap<String, UpstreamSpec>,
    /// Who outside is told of events and alerts by POST, by name.
    #[serde(default)]
    pub webhooks: BTreeMap<String, WebhookSpec>,
    /// Who is told of alerts by e-mail, by name.
    #[serde(default)]
    pub smtp: BTreeMap<String, SmtpSpec>,
    /// Which alerts go to whom.
    #[serde(default)]
    pub alerts: AlertsSpec,
    /// The admin listener; `off` for none.
    pub admin: Option<AdminSpec>,
    /// Logging.
    #[serde(default)]
    pub logging: LoggingSpec,
    /// Metrics.
    #[serde(default)]
    pub metrics: MetricsSpec,
    /// Tracing. Default: none.
    pub tracing: Option<TracingSpec>,
    /// Leaving.
    #[serde(default)]
    pub shutdown: ShutdownSpec,
    /// Probing, all upstreams together.
    #[serde(default)]
    pub probing: ProbingSpec,
    /// Starting.
    #[serde(default)]
    pub start: StartSpec,
    /// Reloading.
    #[serde(default)]
    pub reload: ReloadSpec,
    /// Handing over to a new binary.
    #[serde(default)]
    pub upgrade: UpgradeSpec,
    /// Write down what happens, for `pulsegate replay`. Default: nothing is recorded.
    pub record: Option<RecordSpec>,
    /// Refuse keys that every user of the machine may read, or others than their owner replace, instead of warning. Default: `false`.
    #[serde(default)]
    pub strict_permissions: bool,
    /// More files, as globs (`*` and `?` in the last part), relative to this one. Default: `[]`.
    #[serde(default)]
    pub include: Vec<String>,
}

/// A listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerSpec {
    /// For logs and metrics. Default: the address.
    pub name: Option<String>,
    /// IP address and port.
    pub address: String,
    /// Certificates; absent = plain HTTP.
    pub tls: Option<ListenerTlsSpec>,
    /// Networks (CIDR) or addresses whose `X-Forwarded-*` headers are believed. Default: `[]`.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// The PROXY protocol, versions 1 and 2. Whom a header names is the client for everything: limits, logs, `hash_by`, `X-Forwarded-For`,
    /// and what `trusted_proxies` is asked about. Default: none.
    pub proxy_protocol: Option<ProxyProtocolSpec>,
    /// Serve HTTP/2 too: offered in the TLS handshake, and without TLS (h2c) recognised by its first bytes.
    pub http2: Option<bool>,
    /// Pass header names with `_` on, but for those that a server behind us could take for a name that frames, that says who asks, or that is
    /// written here. Default: `false`.
    #[serde(default)]
    pub underscores_in_headers: bool,
    /// What becomes of the headers of requests.
    #[serde(default)]
    pub headers: HeadersSpec,
    /// What the end of a client's direction (a FIN) means on HTTP/1 while its request waits or is answered: `cancel`, it has left, and nobody
    /// is asked for it any more; `answer`, it has said all and waits for its answer, as `nc -N` does. A reset is an end in any case, and so
    /// is a stream of HTTP/2 that is taken back. With `answer`, requests of clients that have closed their connections are carried out.
    pub half_closed_clients: Option<HalfClosedClientsSpec>,
    /// What one client may cost.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// What the end of a client's direction means.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HalfClosedClientsSpec {
    Cancel,
    Answer,
}

impl HalfClosedClientsSpec {
    pub(super) fn plan(self) -> HalfClosedClients {
        match self {
            Self::Cancel => HalfClosedClients::Cancel,
            Self::Answer => HalfClosedClients::Answer,
        }
    }
}

/// From whom a PROXY header is taken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProxyProtocolSpec {
    /// Networks (CIDR) or addresses of proxies. Their connections must begin with a header, before TLS, else they are closed: the protocol
    /// forbids guessing. All others are ordinary clients, and a header is no HTTP.
    #[serde(default)]
    pub from: Vec<String>,
}

/// Headers of requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadersSpec {
    /// Names by which other gateways tell who asks, such as `CF-Connecting-IP`, that strangers may send too; without it only
    /// `trusted_proxies` may. Default: `[]`.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Add `Via: 1.1 pulsegate` to requests, as RFC 9110 asks of gateways. nginx behind us then compresses nothing, unless its `gzip_proxied`
    /// says otherwise. Default: `false`.
    #[serde(default)]
    pub via: bool,
}

/// Limits of a listener.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSpec {
    /// The whole request head.
    pub head_bytes: Option<Size>,
    /// From the first byte of a head to its end.
    pub head_timeout: Option<Span>,
    /// Silence within a request body.
    pub body_idle_timeout: Option<Span>,
    /// Silence between requests.
    pub keepalive_timeout: Option<Span>,
    /// Requests per connection; 0 = no limit.
    pub keepalive_requests: Option<u32>,
    /// A request body; 0 = no limit.
    pub body_bytes: Option<Size>,
    /// Connections at once.
    pub connections: Option<u32>,
    /// Connections at once per client address, of IPv6 per /64; 0 = no limit.
    pub connections_per_client: Option<u32>,
    /// Requests in flight on one HTTP/2 connection.
    pub streams: Option<u32>,
    /// How often a request may come back to this gateway through its own backends; beyond it 508.
    pub loops: Option<u32>,
}

/// The admin listener, or `off`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum AdminSpec {
    Off,
    On(Box<AdminOnSpec>),
}

impl<'de> Deserialize<'de> for AdminSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(false) => Ok(Self::Off),
            Value::String(word) if word == "off" => Ok(Self::Off),
            other => serde_json::from_value(other).map(|on| Self::On(Box::new(on))).map_err(D::Error::custom),
        }
    }
}

/// Where the admin listener is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminOnSpec {
    /// IP address and port; anywhere but on loopback it needs `tokens`.
    pub address: Option<String>,
    /// IP address and port of a listener for `/livez` and `/readyz` alone, which never need a token. Default: none.
    pub health_address: Option<String>,
    /// Who may ask, by bearer token; with one, everything but `/livez` and `/readyz` needs one. Read again at every reload. Default: none.
    #[serde(default)]
    pub tokens: Vec<TokenSpec>,
    /// Certificates; absent = plain HTTP. With `client_auth`, a client's certificate stands in for a token. Default: none.
    pub tls: Option<ListenerTlsSpec>,
    /// Whose certificates stand in for a token, and for what; without any, whoever has one that `client_auth.ca` signed may do everything.
    /// Default: none.
    #[serde(default)]
    pub clients: Vec<AdminClientSpec>,
    /// How often one client may ask.
    #[serde(default)]
    pub limits: AdminLimitsSpec,
}

/// A bearer token, from one of `file` and `env`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenSpec {
    /// Who presents it: for the audit log.
    pub name: String,
    /// A file that holds nothing else: at least 16 characters.
    pub file: Option<PathBuf>,
    /// A variable of the environment that holds it.
    pub env: Option<String>,
    /// What it is good for: `metrics` (`/metrics` alone), `read` (everything that is read), `write` (everything that changes something).
    pub scopes: Option<Vec<ScopeSpec>>,
}

/// Leaving.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShutdownSpec {
    /// How long `/readyz` fails while listeners still accept.
    pub delay: Option<Span>,
    /// How long requests in flight may take after that.
    pub grace: Option<Span>,
}

/// Probing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbingSpec {
    /// Probes in flight at once, all upstreams together; beyond it, upstreams take turns.
    pub concurrency: Option<usize>,
}

/// Starting.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartSpec {
    /// Listeners accept after the first probe round or this, whichever is first.
    pub wait: Option<Span>,
}

/// Reloading.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadSpec {
    /// Reload by itself when this file or one that it includes changes (ConfigMap swaps too). SIGHUP reloads in any case. Default: `false`.
    #[serde(default)]
    pub watch: bool,
}

/// Handing over to a new binary (`pulsegate run --takeover`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeSpec {
    /// A directory of this instance alone, made with mode 0700 where it is missing. Default: `$RUNTIME_DIRECTORY/takeover`, where systemd
    /// gives one; else there is no hand-over.
    pub directory: Option<PathBuf>,
    /// How long the new process may take to become ready; the old one goes on when it does not.
    pub timeout: Option<Span>,
}

/// A record of what happens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordSpec {
    /// Where it is written, as NDJSON. Older ones stand beside it as `FILE.1`, `FILE.2`….
    pub file: PathBuf,
    /// When the next file is begun.
    pub max_size: Option<Size>,
    /// How many older ones are kept.
    pub keep: Option<u32>,
}
