//! What may be written of an upstream: its backends, and how traffic is spread, watched and retried.

use super::probe::ProbeSpec;
use super::protocol::{ProtocolSpec, ProxyVersionSpec};
use super::routes::{RetriesSpec, TimeoutsSpec};
use super::tls::UpstreamTlsSpec;
use crate::config::values::{Share, Size, Span};
use pulsegate_core::plan::{OnDown, WhenNoneEligible};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::path::PathBuf;

/// A pool of backends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamSpec {
    /// Addresses, names, files.
    #[serde(default)]
    pub backends: Vec<BackendSpec>,
    /// `http1`, or `http2` (over TLS agreed on by ALPN, without TLS as h2c), which gRPC needs.
    pub protocol: Option<ProtocolSpec>,
    /// `v1` or `v2`: each connection to a backend begins with a PROXY header that names the client, before TLS. Such connections serve one
    /// client's connection only, so not with `protocol: http2`. Probes send one too, which names nobody. Default: none.
    pub send_proxy_protocol: Option<ProxyVersionSpec>,
    /// TLS to the backends.
    pub tls: Option<UpstreamTlsSpec>,
    /// The readiness probe; absent = up (unprobed). A Kubernetes `readinessProbe:` block (`httpGet`, `grpc` or `tcpSocket`,
    /// `periodSeconds`…) is accepted as it is, with Kubernetes' defaults for what it leaves out: every 10 s, 1 pass, 3 failures. So are
    /// `startupProbe:` and `livenessProbe:`.
    pub readiness: Option<ProbeSpec>,
    /// The startup probe, with the keys of `readiness`: until it has passed, the backend is `starting`, and the other probes wait.
    pub startup: Option<ProbeSpec>,
    /// The liveness probe, with the keys of `readiness`: where it fails for good, somebody must restart the backend.
    pub liveness: Option<ProbeSpec>,
    /// Routes to this upstream answer 404 for the paths at which its probes ask, however they are spelt; for gRPC probes, for every call of
    /// `grpc.health.v1.Health`. Probes on another `port` hide nothing. Default: `false`.
    #[serde(default)]
    pub shield_health: bool,
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
    /// What may be under way at once.
    #[serde(default)]
    pub limits: UpstreamLimitsSpec,
    /// An idempotent request waits so long while nobody is eligible.
    pub hold: Option<Span>,
    /// How many retries may be added to the load.
    #[serde(default)]
    pub retry_budget: BudgetSpec,
    /// `fail_closed`, `fail_open` or `last_known_good`.
    pub when_none_eligible: Option<NoneEligibleSpec>,
    /// With a smaller share eligible, the balancer uses the wider set; 0% = off.
    pub panic_threshold: Option<Share>,
    /// Where probes take most of the pool out together, all for the same reason, those are held in place for so long instead: the reason is
    /// likelier something that all share. `60s` is a good time; 0s = off.
    pub hold_correlated_failures: Option<Span>,
    /// How long an idle connection to a backend is kept.
    pub idle_timeout: Option<Span>,
    /// A response header by which a backend asks to be drained. Default: none.
    pub drain_header: Option<DrainHeaderSpec>,
    /// Sticky clients stay with a draining backend. Default: `false`.
    #[serde(default)]
    pub drain_keeps_sessions: bool,
    /// What becomes of a backend's connections when it is down or forced down: `keep`, `retire_idle` (idle ones are not used again) or
    /// `close_all` (requests in flight are cut as well; idempotent ones are tried elsewhere).
    pub on_down: Option<OnDownSpec>,
}

/// What becomes of a lost backend's connections.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum OnDownSpec {
    Keep,
    RetireIdle,
    CloseAll,
}

impl OnDownSpec {
    pub(in crate::config) fn plan(self) -> OnDown {
        match self {
            Self::Keep => OnDown::Keep,
            Self::RetireIdle => OnDown::RetireIdle,
            Self::CloseAll => OnDown::CloseAll,
        }
    }
}

/// A backend, or where backends come from: an address in short form, or one of `address`, `dns`, `srv`, `file`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum BackendSpec {
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
pub(in crate::config) struct SourceSpec {
    /// IP address and port, or `unix:/path`.
    pub address: Option<String>,
    /// A name and a port, resolved to A and AAAA.
    pub dns: Option<String>,
    /// A name of SRV records.
    pub srv: Option<String>,
    /// A watched file with a list of addresses or `{ address, weight }`.
    pub file: Option<PathBuf>,
    /// 0 to 65535.
    pub weight: Option<u32>,
    /// Serves only when no other backend can. Default: `false`.
    #[serde(default)]
    pub backup: bool,
    /// `dns`, `srv`: not resolved more often than this, at least 5 s.
    pub min_interval: Option<Span>,
    /// `dns`, `srv`: resolved at least this often.
    pub max_interval: Option<Span>,
    /// `dns`, `srv`: servers to ask instead of the system's. Default: `[]`.
    #[serde(default)]
    pub servers: Vec<String>,
}

/// Ejection by live traffic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PassiveSpec {
    pub enabled: Option<bool>,
    /// Failures in a row that eject; 0 = off. `{ limit: 5, enforce: false }` says what it would have ejected, and does nothing.
    pub consecutive_failures: Option<DetectorSpec<u32>>,
    /// Share of failures in the window that ejects; 0% = off. `{ limit: 50%, enforce: false }` as above.
    pub failure_ratio: Option<DetectorSpec<Share>>,
    /// Outcomes the window must hold before the ratio counts.
    pub minimum_outcomes: Option<u32>,
    /// A share of failures that stands out among the peers; from three backends up.
    #[serde(default)]
    pub failure_outlier: FailureOutlierSpec,
    /// Answers that take longer than those of the peers; from three backends up.
    #[serde(default)]
    pub latency_outlier: LatencyOutlierSpec,
    pub window: Option<Span>,
    /// The first ejection's time; the n-th in a row takes n times as long.
    pub base_ejection: Option<Span>,
    pub max_ejection: Option<Span>,
    /// ± share.
    pub ejection_jitter: Option<Share>,
    /// The share of the pool that must stay fit, rounded up.
    pub minimum_fit: Option<Share>,
}

/// A detector: its limit, in short form, or with `enforce`.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum DetectorSpec<T> {
    Short(T),
    Long(LimitSpec<T>),
}

/// The long form of a detector.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LimitSpec<T> {
    /// As in the short form.
    pub limit: Option<T>,
    /// `false`: says what it would have ejected, and does nothing.
    pub enforce: Option<bool>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for DetectorSpec<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            long @ Value::Object(_) => serde_json::from_value(long).map(Self::Long).map_err(D::Error::custom),
            short => serde_json::from_value(short).map(Self::Short).map_err(D::Error::custom),
        }
    }
}

impl<T: Copy> DetectorSpec<T> {
    pub(in crate::config) const fn limit(&self) -> Option<T> {
        match self {
            Self::Short(limit) => Some(*limit),
            Self::Long(long) => long.limit,
        }
    }

    pub(in crate::config) const fn enforce(&self) -> Option<bool> {
        match self {
            Self::Short(_) => None,
            Self::Long(long) => long.enforce,
        }
    }
}

/// A share of failures that stands out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct FailureOutlierSpec {
    /// It must be higher than that of the peers by at least so much; 0% = off. Whether chance explains it, a test decides.
    pub gap: Option<Share>,
    /// `false`: says what it would have ejected, and does nothing.
    pub enforce: Option<bool>,
}

/// A latency that stands out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LatencyOutlierSpec {
    /// The median must be so many times that of the peers, at least 2; 0 = off.
    pub factor: Option<f64>,
    /// And longer by at least so much.
    pub gap: Option<Span>,
    /// `false`: says what it would have ejected, and does nothing.
    pub enforce: Option<bool>,
}

/// The ramp of a backend that comes back or joins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SlowStartSpec {
    /// 0s = off.
    pub duration: Option<Span>,
    pub initial_share: Option<Share>,
}

/// Balancing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct BalanceSpec {
    /// `least_request`, `round_robin`, `peak_ewma`, `random` or `hash`.
    pub policy: Option<PolicySpec>,
    /// With `hash`: `client_address`, `path`, `header:NAME` or `cookie:NAME`.
    pub hash_by: Option<String>,
    /// A cookie binds a client to a backend. Default: none.
    pub sticky: Option<StickySpec>,
}

/// A balancing policy.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum PolicySpec {
    LeastRequest,
    RoundRobin,
    PeakEwma,
    Random,
    Hash,
}

/// A sticky cookie.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct StickySpec {
    /// Its name.
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
pub(in crate::config) struct BudgetSpec {
    /// Retries per request that are allowed.
    pub ratio: Option<Share>,
    /// How long an unused allowance lives.
    pub ttl: Option<Span>,
    /// Retries per second that are always allowed.
    pub min_per_second: Option<u32>,
}

/// What happens when nobody is eligible.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum NoneEligibleSpec {
    FailClosed,
    FailOpen,
    LastKnownGood,
}

impl NoneEligibleSpec {
    pub(in crate::config) fn plan(self) -> WhenNoneEligible {
        match self {
            Self::FailClosed => WhenNoneEligible::FailClosed,
            Self::FailOpen => WhenNoneEligible::FailOpen,
            Self::LastKnownGood => WhenNoneEligible::LastKnownGood,
        }
    }
}

/// What may be under way to an upstream at once.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamLimitsSpec {
    /// Requests in flight, all backends together; 0 = no limit.
    pub requests: Option<u32>,
    /// Requests in flight at one backend; 0 = no limit.
    pub requests_per_backend: Option<u32>,
    /// Connections to one backend; 0 = no limit.
    pub connections_per_backend: Option<u32>,
    /// Requests that wait for a turn where a limit is reached; more are answered 503 at once.
    pub queue: Option<u32>,
    /// How long they wait.
    pub queue_timeout: Option<Span>,
    /// The head of an answer, 1KiB to 1MiB; a larger one is answered 502 (`response_head_bytes_exceeded`).
    pub response_head_bytes: Option<Size>,
}

/// A response header.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DrainHeaderSpec {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}
