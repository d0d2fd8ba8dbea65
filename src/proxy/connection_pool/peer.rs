//! How does pingora reach a backend? The peer of one attempt (address and timeouts), and who may share its connections.
//!
//! The invariant: connections are pooled per upstream, TLS settings and connection epoch. A backend that was down comes back with a
//! new epoch, so that none of its old idle connections is used again. TLS is no matter of pingora's here: see `secure`.

use crate::tls::ClientConfigs;
use pingora::upstreams::peer::HttpPeer;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::rng::{hash_bytes, mix};
use pulsegate_core::plan::{Protocol, UpstreamPlan};
use pulsegate_core::traffic::endpoint::Endpoint;
use std::time::Duration;

/// The peer for one attempt.
///
/// # Errors
/// A sentence for the log: the socket path is too long.
pub fn peer(upstream: &UpstreamPlan, member: &Endpoint, connect: Duration) -> Result<HttpPeer, String> {
    let mut peer = match &member.id.address {
        Address::Socket(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())
            .map_err(|error| format!("unix socket {}: {error}", path.display()))?,
    };
    peer.options.connection_timeout = Some(connect);
    peer.options.total_connection_timeout = Some(connect);
    peer.options.idle_timeout = Some(upstream.idle_timeout);
    Ok(peer)
}

/// Who may share a connection: the same upstream, identity, protocol, connection epoch, limit of heads (HTTP/2) and TLS settings, the contents of
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
