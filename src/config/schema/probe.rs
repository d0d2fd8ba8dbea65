//! What may be written of a probe, of whichever of the three kinds.

use super::document::DocumentSpec;
use super::protocol::ProtocolSpec;
use super::tls::UpstreamTlsSpec;
use crate::config::values::{Share, Size, Span, Words};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// A probe. Names are those of Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ProbeSpec {
    /// HTTP: the path, with query.
    pub path: Option<String>,
    /// A TCP probe instead of HTTP. Default: `false`.
    #[serde(default)]
    pub tcp: bool,
    /// `grpc.health.v1.Health/Check` instead of HTTP, over HTTP/2 with the upstream's TLS or without (h2c). `{}` asks for the server as a
    /// whole.
    pub grpc: Option<GrpcSpec>,
    pub method: Option<String>,
    /// The Host header. Default: the first exact host of a route to this upstream, else the address.
    pub host: Option<String>,
    /// `http1` or `http2`. Default: the upstream's.
    pub protocol: Option<ProtocolSpec>,
    /// Another port of the same backend.
    pub port: Option<u16>,
    /// Header values. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Statuses that pass, such as `200` or `"200-299"`. Default: 2xx, and 3xx with a warning.
    pub expected_statuses: Option<Words>,
    /// How much of a body is read.
    pub body_bytes: Option<Size>,
    /// What the body says about health: `auto` (understood where it can be, in the words of the common frameworks), rules of your own, or `off`
    /// (only the status counts).
    pub document: Option<DocumentSpec>,
    /// `inherit` the upstream's, `off`, or settings of its own. Default: `inherit`.
    pub tls: Option<ProbeTlsSpec>,
    pub period: Option<Span>,
    /// The period while a change is pending, or while nobody of the pool is eligible.
    pub fast_period: Option<Span>,
    /// While live traffic succeeds, probes come further and further apart, up to this; any failure pulls the next one to now. 0s = never
    /// further than the period.
    pub stretch_to: Option<Span>,
    /// ± share of the period.
    pub jitter: Option<Share>,
    /// Total: connect, TLS, head and body.
    pub timeout: Option<Span>,
    /// Passes that bring a backend back.
    pub success_threshold: Option<u32>,
    /// Failures that take a backend out.
    pub failure_threshold: Option<u32>,
    /// Before the first probe.
    pub initial_delay: Option<Span>,
    /// Failures within this time after joining mean `starting`.
    pub startup_grace: Option<Span>,
    /// Failure kinds that do not wait for the threshold: `refused`, `timeout`, `tls`, `status`, `body`, `document`;
    /// `identity` never waits. Default: `[]`.
    #[serde(default)]
    pub immediate: Vec<FailureSpec>,
    /// Who must answer: a backend that answers as another service (a recycled address) is down at its first word.
    pub identity: Option<IdentitySpec>,
    /// What tells one instance from the next at the same address, such as an id or the time of its start: when it changes, what was known
    /// of the former instance is forgotten, and the ramp begins.
    pub instance: Option<FactSpec>,
    /// `startup` and `liveness`: who is told when it fails for good. Default: nobody.
    pub on_failure: Option<OnFailureSpec>,
}

/// Who is told when a probe fails for good.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OnFailureSpec {
    /// The name of one of `webhooks`.
    pub webhook: String,
}

/// What a gRPC health check asks for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GrpcSpec {
    /// The service. Default: the server as a whole.
    pub service: Option<String>,
    /// The `:authority` of the call. Default: the first exact host of a route to this upstream, else the address.
    pub authority: Option<String>,
}

/// The service that must answer, and where it says so: one of `header` and `json`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct IdentitySpec {
    /// A header of the answer.
    pub header: Option<String>,
    /// A JSONPath into its body, such as `$.service`.
    pub json: Option<String>,
    /// What must stand there.
    pub equals: String,
}

/// Where an answer says something of itself: one of `header` and `json`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct FactSpec {
    /// A header of the answer.
    pub header: Option<String>,
    /// A JSONPath into its body, such as `$.started_at`.
    pub json: Option<String>,
}

/// TLS of a probe: `inherit`, `off`, or settings of its own.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum ProbeTlsSpec {
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
pub(in crate::config) enum FailureSpec {
    Refused,
    Timeout,
    Tls,
    Status,
    Body,
    Document,
    Identity,
}
