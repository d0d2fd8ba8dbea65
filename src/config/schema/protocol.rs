//! What may be written of how backends are spoken to?

use pulsegate_core::http::proxy_protocol::Version;
use pulsegate_core::plan::{ConnectionAuth, Protocol};
use schemars::JsonSchema;
use serde::Deserialize;

/// What backends speak.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ProtocolSpec {
    Http1,
    Http2,
}

impl ProtocolSpec {
    pub(in crate::config) fn plan(self) -> Protocol {
        match self {
            Self::Http1 => Protocol::Http1,
            Self::Http2 => Protocol::Http2,
        }
    }
}

/// What becomes of a connection over which somebody authenticates himself.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ConnectionAuthSpec {
    Bind,
    Share,
}

impl ConnectionAuthSpec {
    pub(in crate::config) fn plan(self) -> ConnectionAuth {
        match self {
            Self::Bind => ConnectionAuth::Bind,
            Self::Share => ConnectionAuth::Share,
        }
    }
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ProxyVersionSpec {
    V1,
    V2,
}

impl ProxyVersionSpec {
    pub(in crate::config) fn plan(self) -> Version {
        match self {
            Self::V1 => Version::V1,
            Self::V2 => Version::V2,
        }
    }
}
