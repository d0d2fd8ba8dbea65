//! What is spoken with a backend, by traffic and by probes? The version of HTTP, and TLS.

use super::KeyPair;
use std::path::PathBuf;

/// The version of HTTP towards backends. Over TLS it is agreed on by ALPN; without TLS both sides know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Http1,
    Http2,
}

/// What becomes of a connection over which somebody authenticates himself by NTLM or Negotiate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionAuth {
    /// It serves that client's connection alone. A connection of HTTP/2, which many share, takes no further requests.
    #[default]
    Bind,
    /// Nothing: the backends authenticate each request for itself.
    Share,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The name that is sent and verified. Never empty: a config error otherwise, since an empty SNI would switch verification off.
    pub sni: String,
    pub verify: bool,
    /// PEM file of the CA; `None` = the system's roots.
    pub ca: Option<PathBuf>,
    /// What we show to a backend that asks who we are.
    pub identity: Option<Box<KeyPair>>,
}

impl UpstreamTls {
    /// Verified by the system's roots.
    pub fn to(sni: &str) -> Self {
        Self { sni: sni.to_owned(), verify: true, ca: None, identity: None }
    }
}
