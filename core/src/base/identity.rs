//! Who is a backend? The pair (upstream name, address), and nothing else.
//!
//! Never its weight or its position: a reload that changes either must not forget what is known about it.

use crate::base::rng::{hash_bytes, mix};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a backend listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Address {
    Socket(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The identity of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct BackendId {
    pub upstream: Arc<str>,
    pub address: Address,
}

impl BackendId {
    /// The identity as one number, for the path of a request. Two backends of one process collide with probability 2⁻⁶⁴ per pair.
    pub fn key(&self) -> BackendKey {
        BackendKey(mix(
            hash_bytes(self.upstream.as_bytes()) ^ hash_bytes(self.address.to_string().as_bytes()).rotate_left(1)
        ))
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.upstream, self.address)
    }
}

/// A hashed [`BackendId`]: copyable, comparable in one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(upstream: &str, address: &str) -> BackendId {
        let address = match address.parse() {
            Ok(socket) => Address::Socket(socket),
            Err(_) => Address::Unix(address.into()),
        };
        BackendId { upstream: upstream.into(), address }
    }

    #[test]
    fn a_backend_is_its_upstream_and_its_address() {
        let all = [
            id("a", "10.0.0.1:80"),
            id("a", "10.0.0.1:81"),
            id("a", "10.0.0.2:80"),
            id("b", "10.0.0.1:80"),
            id("a", "[::1]:80"),
            id("a", "/run/a.sock"),
            id("a", "/run/b.sock"),
            // Halves that are the same do not cancel each other.
            id("10.0.0.1:80", "10.0.0.1:80"),
            id("10.0.0.2:80", "10.0.0.2:80"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(one.key(), one.clone().key(), "{one}");
            for other in &all[at + 1..] {
                assert_ne!(one.key(), other.key(), "{one} and {other}");
            }
        }
    }

    #[test]
    fn a_backend_is_written_as_people_know_it() {
        for (upstream, address, written) in [
            ("shop", "10.0.0.1:80", "shop/10.0.0.1:80"),
            ("shop", "[2001:db8::1]:80", "shop/[2001:db8::1]:80"),
            ("shop", "/run/shop.sock", "shop/unix:/run/shop.sock"),
        ] {
            assert_eq!(id(upstream, address).to_string(), written);
        }
    }
}
