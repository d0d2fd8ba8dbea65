//! Who gets in? The connection front: our own listeners, in front of the proxy.
//!
//! pingora's listeners cannot bound a request head, count connections per client or tell a slow client from an idle one, so
//! this room does: it accepts, counts, hears a proxy's introduction, does TLS, bounds the head in bytes and time, refuses what is not strictly HTTP, and hands a
//! session whose head is complete to the proxy. It decides nothing about backends.

mod accept;
mod branch;
mod clients;
mod connection;
mod head;
mod http1;
mod http2;
mod introduced;
mod leaving;
mod listener;
mod refuse;
mod rooms;
mod wire;
mod workers;

pub use accept::listen;
pub use listener::{Listener, Terms};
pub use workers::Workers;

use crate::proxy::Proxy;
use crate::telemetry::Traffic;
use std::sync::Arc;

/// Where the process is in leaving, as connections see it. The order is the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Serving,
    /// Still accepting, but every answer says `Connection: close`, so that a balancer in front moves on.
    Announcing,
    /// Another process accepts on the same sockets; connections that are open may ask once more, and are told to go.
    HandedOver,
    /// No more accepting; idle connections are closed, requests in flight finish.
    Closing,
}

/// What all listeners share.
#[derive(Debug)]
pub struct Front {
    pub proxy: Arc<Proxy>,
    pub telemetry: Arc<Traffic>,
    pub workers: Workers,
}
