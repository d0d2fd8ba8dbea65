//! What may be written? One type per mapping of the YAML; the schema, the reference and the strict reading come from these.
//!
//! A field is what the operator wrote, absent where nothing was. Defaults are filled in by the compile step, and named in the
//! comments in one form (``Default: `…`.``) from which the reference is made.

use super::values::{Share, Size, Span, Words};
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
    /// Worker threads; 0 = one per core. Default: `0`.
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
    /// The admin listener; `off` for none. Default: `{ address: "127.0.0.1:9090" }`.
    pub admin: Option<AdminSpec>,
    /// Logging.
    #[serde(default)]
    pub logging: LoggingSpec,
    /// Leaving.
    #[serde(default)]
    pub shutdown: ShutdownSpec,
    /// Probing, all upstreams together.
    #[serde(default)]
    pub probing: ProbingSpec,
    /// Starting.
    #[serde(default)]
    pub start: StartSpec,
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
    /// PEM files; absent = plain HTTP.
    pub tls: Option<ListenerTlsSpec>,
    /// Networks (CIDR) or addresses whose `X-Forwarded-*` headers are believed. Default: `[]`.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Pass header names with `_` on. Default: `false`.
    #[serde(default)]
    pub underscores_in_headers: bool,
    /// What one client may cost.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// A certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerTlsSpec {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// Limits of a listener.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSpec {
    /// The whole request head. Default: `32KiB`.
    pub head_bytes: Option<Size>,
    /// From the first byte of a head to its end. Default: `10s`.
    pub head_timeout: Option<Span>,
    /// Silence within a request body. Default: `30s`.
    pub body_idle_timeout: Option<Span>,
    /// Silence between requests. Default: `60s`.
    pub keepalive_timeout: Option<Span>,
    /// Requests per connection; 0 = no limit. Default: `0`.
    pub keepalive_requests: Option<u32>,
    /// A request body; 0 = no limit. Default: `0`.
    pub body_bytes: Option<Size>,
    /// Connections at once. Default: `20000`.
    pub connections: Option<u32>,
    /// Connections at once per client address; 0 = no limit. Default: `0`.
    pub connections_per_client: Option<u32>,
}

/// A route: what it matches, and one of `upstream`, `redirect`, `respond`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteSpec {
    /// For logs and metrics. Default: made from the match.
    pub name: Option<String>,
    /// Which requests; absent = all.
    #[serde(default, rename = "match")]
    pub matches: MatchSpec,
    /// The pool that serves them.
    pub upstream: Option<String>,
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
}

/// What a route matches; all parts must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchSpec {
    /// `api.example.com`, or `*.example.com`. Default: any.
    pub host: Option<String>,
    /// A prefix, by segment. Default: `/`.
    pub path: Option<String>,
    /// The exact path, instead of a prefix.
    pub path_exact: Option<String>,
    /// Any of these. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Header values; `*` = present. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A redirect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedirectSpec {
    /// 301, 302, 303, 307 or 308. Default: `308`.
    pub status: Option<u16>,
    /// May hold `{host}`, `{path}` and `{query}` (with its `?`).
    pub location: String,
}

/// A fixed response.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RespondSpec {
    /// 200 to 599. Default: `200`.
    pub status: Option<u16>,
    /// Default: `text/plain; charset=utf-8`.
    pub content_type: Option<String>,
    /// The body. Default: empty.
    #[serde(default)]
    pub body: String,
}

/// Changes to headers: first `remove`, then `set`, then `add`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditsSpec {
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
pub(super) struct TimeoutsSpec {
    /// Connect, TLS included. Default: `1s`.
    pub connect: Option<Span>,
    /// From the request being fully sent to the response head. Default: `10s`.
    pub per_try: Option<Span>,
    /// Silence between bytes. Default: `60s`.
    pub idle: Option<Span>,
    /// The whole request, retries included; `none` for streams. Default: `60s`.
    pub total: Option<TotalSpec>,
}

/// A duration, or `none`.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum TotalSpec {
    Never,
    After(Span),
}

impl<'de> Deserialize<'de> for TotalSpec {
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
pub(super) struct RetriesSpec {
    /// Tries beyond the first. Default: `2`.
    pub limit: Option<u32>,
    /// `connect`, `reset`, `timeout`, and statuses. Default: `[connect, reset, timeout, "500", "502", "503", "504"]`.
    pub on: Option<Words>,
}

/// A pool of backends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamSpec {
    /// Addresses, names, files.
    #[serde(default)]
    pub backends: Vec<BackendSpec>,
    /// TLS to the backends.
    pub tls: Option<UpstreamTlsSpec>,
    /// The readiness probe; absent = up (unprobed). A Kubernetes `readinessProbe:` block is accepted as it is.
    pub readiness: Option<ProbeSpec>,
    /// Ejection by live traffic.
    #[serde(default)]
    pub passive: PassiveSpec,
    /// The ramp of a backend that comes back.
    #[serde(default)]
    pub slow_start: SlowStartSpec,
    /// Who gets the next request.
    #[serde(default)]
    pub balance: BalanceSpec,
    /// Of all routes to this upstream.
    #[serde(default)]
    pub timeouts: TimeoutsSpec,
    /// Of all routes to this upstream.
    #[serde(default)]
    pub retries: RetriesSpec,
    /// How many retries may be added to the load.
    #[serde(default)]
    pub retry_budget: BudgetSpec,
    /// `fail_closed`, `fail_open` or `last_known_good`. Default: `fail_closed`.
    pub when_none_eligible: Option<NoneEligibleSpec>,
    /// With a smaller share eligible, the balancer uses the wider set; 0% = off. Default: `0%`.
    pub panic_threshold: Option<Share>,
    /// How long an idle connection to a backend is kept. Default: `60s`.
    pub idle_timeout: Option<Span>,
    /// A response header by which a backend asks to be drained. Default: none.
    pub drain_header: Option<DrainHeaderSpec>,
    /// Sticky clients stay with a draining backend. Default: `false`.
    #[serde(default)]
    pub drain_keeps_sessions: bool,
}

/// A backend, or where backends come from: an address in short form, or one of `address`, `dns`, `srv`, `file`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum BackendSpec {
    Short(String),
    Long(Box<SourceSpec>),
}

impl<'de> Deserialize<'de> for BackendSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(address) => Ok(Self::Short(address)),
            other => serde_json::from_value(other).map(Self::Long).map_err(D::Error::custom),
        }
    }
}

/// The long form of a backend.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSpec {
    /// IP address and port, or `unix:/path`.
    pub address: Option<String>,
    /// A name and a port, resolved to A and AAAA.
    pub dns: Option<String>,
    /// A name of SRV records.
    pub srv: Option<String>,
    /// A watched file with a list of addresses or `{ address, weight }`.
    pub file: Option<PathBuf>,
    /// 0 to 65535. Default: `1`.
    pub weight: Option<u32>,
    /// Serves only when no other backend can. Default: `false`.
    #[serde(default)]
    pub backup: bool,
    /// `dns`, `srv`: not resolved more often than this, at least 5 s. Default: `5s`.
    pub min_interval: Option<Span>,
    /// `dns`, `srv`: resolved at least this often. Default: `60s`.
    pub max_interval: Option<Span>,
    /// `dns`, `srv`: servers to ask instead of the system's. Default: `[]`.
    #[serde(default)]
    pub servers: Vec<String>,
}

/// TLS to backends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTlsSpec {
    /// The name that is sent and verified. Default: the name of a `dns` backend.
    pub sni: Option<String>,
    /// Verify the certificate. Default: `true`.
    pub verify: Option<bool>,
    /// PEM file of the CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
}

/// The readiness probe. Names are those of Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeSpec {
    /// HTTP: the path, with query.
    pub path: Option<String>,
    /// A TCP probe instead of HTTP. Default: `false`.
    #[serde(default)]
    pub tcp: bool,
    /// Default: `GET`.
    pub method: Option<String>,
    /// The Host header. Default: the first exact host of a route to this upstream, else the address.
    pub host: Option<String>,
    /// Another port of the same backend.
    pub port: Option<u16>,
    /// Header values. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Statuses that pass, such as `200` or `"200-299"`. Default: 2xx, and 3xx with a warning.
    pub expected_statuses: Option<Words>,
    /// How much of a body is read. Default: `64KiB`.
    pub body_bytes: Option<Size>,
    /// `inherit` the upstream's, `off`, or settings of its own. Default: `inherit`.
    pub tls: Option<ProbeTlsSpec>,
    /// Default: `2s`.
    pub period: Option<Span>,
    /// The period while a change is pending. Default: `500ms`.
    pub fast_period: Option<Span>,
    /// ± share of the period. Default: `10%`.
    pub jitter: Option<Share>,
    /// Total: connect, TLS, head and body. Default: `1s`.
    pub timeout: Option<Span>,
    /// Passes that bring a backend back. Default: `2`.
    pub success_threshold: Option<u32>,
    /// Failures that take a backend out. Default: `3`.
    pub failure_threshold: Option<u32>,
    /// Before the first probe. Default: `0s`.
    pub initial_delay: Option<Span>,
    /// Failures within this time after joining mean `starting`. Default: `0s`.
    pub startup_grace: Option<Span>,
    /// Failure kinds that do not wait for the threshold: `refused`, `timeout`, `tls`, `status`, `body`. Default: `[]`.
    #[serde(default)]
    pub immediate: Vec<FailureSpec>,
}

/// TLS of a probe: `inherit`, `off`, or settings of its own.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum ProbeTlsSpec {
    Inherit,
    Off,
    Own(UpstreamTlsSpec),
}

impl<'de> Deserialize<'de> for ProbeTlsSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(word) if word == "inherit" => Ok(Self::Inherit),
            Value::String(word) if word == "off" => Ok(Self::Off),
            Value::String(word) => Err(D::Error::unknown_variant(&word, &["inherit", "off"])),
            other => serde_json::from_value(other).map(Self::Own).map_err(D::Error::custom),
        }
    }
}

/// A kind of probe failure.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailureSpec {
    Refused,
    Timeout,
    Tls,
    Status,
    Body,
}

/// Ejection by live traffic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PassiveSpec {
    /// Default: `true`.
    pub enabled: Option<bool>,
    /// Failures in a row that eject; 0 = off. Default: `5`.
    pub consecutive_failures: Option<u32>,
    /// Share of failures in the window that ejects; 0% = off. Default: `50%`.
    pub failure_ratio: Option<Share>,
    /// Outcomes the window must hold before the ratio counts. Default: `20`.
    pub minimum_outcomes: Option<u32>,
    /// Default: `10s`.
    pub window: Option<Span>,
    /// The first ejection's time; the n-th in a row takes n times as long. Default: `10s`.
    pub base_ejection: Option<Span>,
    /// Default: `300s`.
    pub max_ejection: Option<Span>,
    /// ± share. Default: `20%`.
    pub ejection_jitter: Option<Share>,
    /// The share of the pool that must stay fit, rounded up. Default: `50%`.
    pub minimum_fit: Option<Share>,
}

/// The ramp of a backend that comes back or joins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SlowStartSpec {
    /// 0s = off. Default: `10s`.
    pub duration: Option<Span>,
    /// Default: `10%`.
    pub initial_share: Option<Share>,
}

/// Balancing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BalanceSpec {
    /// `least_request`, `round_robin`, `peak_ewma`, `random` or `hash`. Default: `least_request`.
    pub policy: Option<PolicySpec>,
    /// With `hash`: `client_address`, `path`, `header:NAME` or `cookie:NAME`. Default: `client_address`.
    pub hash_by: Option<String>,
    /// A cookie binds a client to a backend. Default: none.
    pub sticky: Option<StickySpec>,
}

/// A balancing policy.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicySpec {
    LeastRequest,
    RoundRobin,
    PeakEwma,
    Random,
    Hash,
}

/// A sticky cookie.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StickySpec {
    /// Its name. Default: `pulsegate`.
    pub cookie: Option<String>,
    /// The key of its hash, shared by all gateways in front of one pool (best from `${ENV}`). Default: drawn at start.
    pub secret: Option<String>,
    /// Its lifetime. Default: the browser session's.
    pub ttl: Option<Span>,
    /// Over HTTPS only. Default: `false`.
    #[serde(default)]
    pub secure: bool,
}

/// The retry budget.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetSpec {
    /// Retries per request that are allowed. Default: `20%`.
    pub ratio: Option<Share>,
    /// How long an unused allowance lives. Default: `10s`.
    pub ttl: Option<Span>,
    /// Retries per second that are always allowed. Default: `10`.
    pub min_per_second: Option<u32>,
}

/// What happens when nobody is eligible.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoneEligibleSpec {
    FailClosed,
    FailOpen,
    LastKnownGood,
}

/// A response header.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DrainHeaderSpec {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The admin listener, or `off`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum AdminSpec {
    Off,
    On(AdminOnSpec),
}

impl<'de> Deserialize<'de> for AdminSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(false) => Ok(Self::Off),
            Value::String(word) if word == "off" => Ok(Self::Off),
            other => serde_json::from_value(other).map(Self::On).map_err(D::Error::custom),
        }
    }
}

/// Where the admin listener is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminOnSpec {
    /// IP address and port; keep it on loopback. Default: `127.0.0.1:9090`.
    pub address: String,
}

/// Logging.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoggingSpec {
    /// `error`, `warn`, `info`, `debug` or `trace`. Default: `info`.
    pub level: Option<LevelSpec>,
    /// `text` or `json`. Default: `text`.
    pub format: Option<FormatSpec>,
    /// A line per request. Default: `true`.
    pub access: Option<bool>,
}

/// A log level.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LevelSpec {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A log format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FormatSpec {
    Text,
    Json,
}

/// Leaving.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShutdownSpec {
    /// How long `/readyz` fails while listeners still accept. Default: `0s`.
    pub delay: Option<Span>,
    /// How long requests in flight may take after that. Default: `30s`.
    pub grace: Option<Span>,
}

/// Probing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbingSpec {
    /// Probes in flight at once. Default: `256`.
    pub concurrency: Option<usize>,
}

/// Starting.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartSpec {
    /// Listeners accept after the first probe round or this, whichever is first. Default: `5s`.
    pub wait: Option<Span>,
}
