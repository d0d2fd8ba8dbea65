//! What is in force where clients connect: addresses, certificates, whom to believe, limits.

use crate::http::networks::Network;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct ListenerPlan {
    pub name: Arc<str>,
    pub address: SocketAddr,
    pub tls: Option<ListenerTls>,
    /// Peers whose `Forwarded`, `X-Forwarded-*` and `X-Real-IP` are believed.
    pub trusted_proxies: Vec<Network>,
    /// Peers that must begin with a PROXY header, and are believed whom it names.
    pub proxied_by: Vec<Network>,
    pub limits: ListenerLimits,
    /// HTTP/2 is served too: offered in the TLS handshake, and recognised by its first bytes.
    pub http2: bool,
    /// Header names with `_` are dropped unless this is true (WSGI folds them into `-`).
    pub underscores_in_headers: bool,
    pub headers: HeadersPlan,
    pub half_closed_clients: HalfClosedClients,
}

impl ListenerPlan {
    /// Plain, for everybody, and called by its address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            name: address.to_string().into(),
            address,
            tls: None,
            trusted_proxies: Vec::new(),
            proxied_by: Vec::new(),
            limits: ListenerLimits::default(),
            http2: true,
            underscores_in_headers: false,
            headers: HeadersPlan::default(),
            half_closed_clients: HalfClosedClients::default(),
        }
    }
}

/// What becomes of the headers of requests, beside what always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadersPlan {
    /// Names by which other gateways tell who asked (in lower case) that travel from strangers too.
    pub pass: Vec<String>,
    /// Backends are told by `Via` that a gateway stands between.
    pub via: bool,
}

/// What becomes of a request whose client has ended its direction of an HTTP/1 connection. A client that is gone and one that has only said all
/// cannot be told apart by that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HalfClosedClients {
    /// The client has left: nobody is asked for it any more.
    #[default]
    Cancel,
    /// The client waits for its answer.
    Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Never empty; the first answers where no other has the name that is asked for.
    pub certificates: Vec<KeyPair>,
    /// Refuse clients that ask for no name, or for one that no certificate has.
    pub strict_sni: bool,
    pub minimum_version: TlsVersion,
    /// Set: clients are asked for a certificate.
    pub client_auth: Option<ClientAuth>,
}

impl ListenerTls {
    pub fn of(certificates: Vec<KeyPair>) -> Self {
        Self { certificates, strict_sni: false, minimum_version: TlsVersion::default(), client_auth: None }
    }
}

/// PEM files of one certificate (its chain) and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// A key that every user of the machine may read is refused.
    pub strict_permissions: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// PEM file of the authorities that sign clients' certificates.
    pub ca: PathBuf,
    /// A client without a certificate is refused.
    pub required: bool,
}

impl ClientAuth {
    /// Everybody must show one that `ca` has signed.
    pub fn by(ca: PathBuf) -> Self {
        Self { ca, required: true }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ListenerLimits {
    /// The whole request head, bytes (answered 431; the target alone beyond it 414).
    pub head_bytes: usize,
    /// From the first byte of a head (or the accept) to its end (answered 408).
    pub head_timeout: Duration,
    /// Silence within a request body.
    pub body_idle_timeout: Duration,
    /// Silence between requests of a kept-alive connection.
    pub keepalive_timeout: Duration,
    /// Requests per connection; 0 = no limit.
    pub keepalive_requests: u32,
    /// A request body, bytes (answered 413); 0 = no limit.
    pub body_bytes: u64,
    pub connections: u32,
    pub connections_per_client: u32,
    /// Requests in flight on one HTTP/2 connection.
    pub streams: u32,
    /// How often a request may come back to this gateway (beyond it answered 508).
    pub loops: u32,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            head_bytes: 32 << 10,
            head_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(60),
            keepalive_requests: 0,
            body_bytes: 0,
            connections: 20_000,
            connections_per_client: 0,
            streams: 100,
            loops: 8,
        }
    }
}
