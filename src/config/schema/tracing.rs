//! What may be written under `tracing`?

use crate::config::values::{Share, Span};
use pulsegate_core::plan::OtlpProtocol;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Traces: one span per request and one per attempt, sent to a collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TracingSpec {
    /// The collector.
    pub otlp: OtlpSpec,
    /// Of the traces that begin here, the share that is recorded.
    pub ratio: Option<Share>,
    /// The `traceparent` of a peer in `trusted_proxies` says whether its trace is recorded; `false`, and for strangers always: `ratio` alone
    /// decides.
    pub follow_parent: Option<bool>,
    /// Of the probes, the share that is traced: each begins a trace of its own, and the backend is told it.
    pub probes: Option<Share>,
    /// Our name in the traces (`service.name`).
    pub service: Option<String>,
}

/// An OTLP collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtlpSpec {
    /// Its address, such as `http://127.0.0.1:4318`; without a path, `/v1/traces` is asked (`http`).
    pub endpoint: String,
    /// `http` (protobuf) or `grpc`.
    pub protocol: Option<OtlpProtocolSpec>,
    /// Sent along, such as `{ x-api-key: "${KEY}" }`. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// PEM file of the collector's CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
    /// How long one export may take; then it is tried again, three times in all.
    pub timeout: Option<Span>,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum OtlpProtocolSpec {
    Http,
    Grpc,
}

impl OtlpProtocolSpec {
    pub(in crate::config) fn plan(self) -> OtlpProtocol {
        match self {
            Self::Http => OtlpProtocol::Http,
            Self::Grpc => OtlpProtocol::Grpc,
        }
    }
}
