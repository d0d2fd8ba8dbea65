//! Who may share a connection to a backend?
//!
//! The invariant: connections are pooled per upstream, TLS settings and connection epoch. A backend that was down comes back with a
//! new epoch, so that none of its old idle connections is used again.

use crate::tls::ClientConfigs;
use pulsegate_core::base::rng::{hash_bytes, mix};
use pulsegate_core::plan::{Protocol, UpstreamPlan};
use pulsegate_core::traffic::endpoint::Endpoint;

/// The same upstream, identity, protocol, connection epoch, limit of heads (HTTP/2) and TLS settings, the contents of
/// all files included. One that a PROXY header has introduced is shared with nobody (`private`); the header's version is part of the key all the
/// same, since a reload may change it.
pub fn shelf(upstream: &UpstreamPlan, member: &Endpoint, clients: &ClientConfigs) -> u64 {
    let protocol = u64::from(upstream.protocol == Protocol::Http2) << 32;
    // A connection of HTTP/2 is told how large heads may be when it begins.
    let head = if upstream.protocol == Protocol::Http2 { upstream.limits.response_head_bytes as u64 } else { 0 } << 36;
    let header = upstream.send_proxy_protocol.map_or(0, |version| 1 + version as u64) << 33;
    let tls = upstream.tls.as_ref().map_or(0, |tls| {
        // Without a usable file no connection is made, and so none is shared.
        let version = clients.get(tls, upstream.protocol).map_or(0, |client| client.version);
        mix(version) ^ hash_bytes(tls.sni.as_bytes())
    });
    mix(member.key.0 ^ mix(tls ^ protocol ^ header ^ head ^ u64::from(member.connection_epoch)))
}
