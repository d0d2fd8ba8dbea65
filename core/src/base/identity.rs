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
