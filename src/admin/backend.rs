//! Which backend does a path name?

use crate::config::backend_address;
use pulsegate_core::base::identity::{Address, BackendId};

/// What is no address is the path of a socket, mostly nobody's: the board says which there are.
pub fn backend_id(upstream: &str, backend: &str) -> BackendId {
    let address = backend_address(backend).unwrap_or_else(|_| Address::Unix(backend.into()));
    BackendId { upstream: upstream.into(), address }
}
