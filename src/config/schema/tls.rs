//! What may be written of TLS, towards clients and towards backends.

use pulsegate_core::plan::TlsVersion;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// TLS to clients: `certificate` and `key`, or a list of such pairs as `certificates`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ListenerTlsSpec {
    /// PEM file of the chain, where there is one certificate only.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
    /// Several: a client gets the one that has the name it asks for (SNI), else the first.
    pub certificates: Option<Vec<KeyPairSpec>>,
    /// Refuse clients that ask for no name, or for one that no certificate has. Default: `false`.
    #[serde(default)]
    pub strict_sni: bool,
    /// `"1.2"` or `"1.3"`.
    pub minimum_version: Option<TlsVersionSpec>,
    /// Ask clients for a certificate (mTLS). Default: not asked.
    pub client_auth: Option<ClientAuthSpec>,
}

/// A certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeyPairSpec {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(in crate::config) enum TlsVersionSpec {
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsVersionSpec {
    pub(in crate::config) fn plan(self) -> TlsVersion {
        match self {
            Self::Tls12 => TlsVersion::Tls12,
            Self::Tls13 => TlsVersion::Tls13,
        }
    }
}

/// Certificates of clients; backends learn of them in `Client-Cert` and `X-Client-Cert-*`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ClientAuthSpec {
    /// PEM file of the authorities that sign them.
    pub ca: PathBuf,
    /// `required`, or `optional`: one that is shown is verified, and none is fine.
    pub mode: Option<ClientAuthModeSpec>,
}

/// Must a client have a certificate?
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ClientAuthModeSpec {
    Required,
    Optional,
}

/// TLS to backends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamTlsSpec {
    /// The name that is sent and verified. Default: the name of a `dns` backend.
    pub sni: Option<String>,
    /// Verify the certificate.
    pub verify: Option<bool>,
    /// PEM file of the CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
    /// PEM file of our own chain, for backends that ask for a certificate (mTLS). Default: none.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key. Default: none.
    pub key: Option<PathBuf>,
}
