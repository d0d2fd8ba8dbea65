//! How does pingora reach a backend? The peer of one attempt: address, TLS, timeouts, and who may share its connections.
//!
//! The invariant: connections are pooled per upstream, TLS settings and connection epoch. A backend that was down comes back with a
//! new epoch, so that none of its old idle connections is used again.

use crate::domain::identity::Address;
use crate::domain::plan::{Protocol, Timeouts, UpstreamPlan, UpstreamTls};
use crate::domain::rng::{hash_bytes, mix};
use crate::domain::snapshot::Member;
use crate::tls::{Stamp, read_ca, stamp};
use arc_swap::ArcSwap;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The certificates of a CA file as pingora takes them.
#[derive(Clone)]
struct Roots {
    stamp: Option<Stamp>,
    /// A hash of the contents.
    key: u64,
    certificates: Arc<[WrappedX509]>,
}

/// The CA files in use. One that changes is read again; while it cannot be read, the last good one stays.
#[derive(Default)]
pub(super) struct Authorities(ArcSwap<HashMap<PathBuf, Roots>>);

impl Authorities {
    fn get(&self, path: &PathBuf) -> Result<Roots, String> {
        let stamp = stamp(path);
        let known = self.0.load().get(path).cloned();
        if let Some(roots) = known.as_ref().filter(|roots| roots.stamp == stamp) {
            return Ok(roots.clone());
        }
        let roots = match (read_ca(path), known) {
            (Ok(found), _) => Roots {
                stamp,
                key: found.iter().fold(0, |key, one| mix(key ^ hash_bytes(one))),
                certificates: found.iter().map(|one| WrappedX509::new(one.to_vec(), parse_x509)).collect(),
            },
            (Err(why), Some(roots)) => {
                log::warn!("{why}; the last good one stays in use");
                Roots { stamp, ..roots }
            }
            (Err(why), None) => return Err(why),
        };
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(path.clone(), roots.clone());
            known
        });
        Ok(roots)
    }
}

/// The peer for one attempt.
///
/// # Errors
/// A sentence for the log: the CA file cannot be used, or the socket path is too long.
pub(super) fn peer(
    upstream: &UpstreamPlan,
    member: &Member,
    timeouts: &Timeouts,
    authorities: &Authorities,
) -> Result<HttpPeer, String> {
    let tls = upstream.tls.as_ref();
    let sni = tls.map(|tls| tls.sni.clone()).unwrap_or_default();
    let mut peer = match &member.id.address {
        Address::Socket(address) => HttpPeer::new(*address, tls.is_some(), sni),
        Address::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), tls.is_some(), sni)
            .map_err(|error| format!("unix socket {}: {error}", path.display()))?,
    };
    peer.options.connection_timeout = Some(timeouts.connect);
    peer.options.total_connection_timeout = Some(timeouts.connect);
    peer.options.idle_timeout = Some(upstream.idle_timeout);
    peer.options.alpn = match upstream.protocol {
        Protocol::Http1 => ALPN::H1,
        Protocol::Http2 => ALPN::H2,
    };
    if let Some(tls) = tls {
        peer.options.verify_cert = tls.verify;
        peer.options.verify_hostname = tls.verify;
        peer.options.ca =
            tls.ca.as_ref().map(|path| authorities.get(path).map(|roots| roots.certificates)).transpose()?;
    }
    Ok(peer)
}

/// Who may share a connection: the same upstream, identity, protocol, connection epoch and TLS settings, a CA file's contents included.
/// One that a PROXY header has introduced is shared with nobody (`private`); the header's version is part of the key all the same, since a
/// reload may change it.
pub(super) fn shelf(upstream: &UpstreamPlan, member: &Member, authorities: &Authorities) -> u64 {
    let tls = upstream.tls.as_ref().map_or(0, |tls| tls_key(tls, authorities));
    let protocol = u64::from(upstream.protocol == Protocol::Http2) << 32;
    let header = upstream.send_proxy_protocol.map_or(0, |version| 1 + version as u64) << 33;
    mix(member.key.0 ^ mix(tls ^ protocol ^ header ^ u64::from(member.connection_epoch)))
}

fn tls_key(tls: &UpstreamTls, authorities: &Authorities) -> u64 {
    let ca = tls.ca.as_ref().map_or(0, |path| ca_key(path, authorities));
    mix(ca ^ u64::from(tls.verify)) ^ hash_bytes(tls.sni.as_bytes())
}

fn ca_key(path: &PathBuf, authorities: &Authorities) -> u64 {
    let contents = authorities.get(path).map_or(0, |roots| roots.key);
    contents ^ hash_bytes(path.as_os_str().as_encoded_bytes())
}
