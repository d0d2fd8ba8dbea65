//! Does the whole gateway do what it says, one behaviour at a time? The real binary between a raw client and a scripted upstream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod access;
mod admission;
mod alerts;
mod answers;
mod backends;
mod broken_answers;
mod calls;
mod chains;
mod changes;
mod clients;
mod configs;
mod connection_auth;
mod departures;
mod echoes;
mod expectations;
mod explain;
mod framing;
mod goodbyes;
mod half_closed;
mod hangs;
mod heads;
mod health;
mod hops;
mod http2;
mod http2_bounds;
mod interim;
mod large;
mod late_settings;
mod life;
mod lifecycle;
mod limits;
mod lost_workers;
mod metrics;
mod names;
mod own_answers;
mod places;
mod probe;
mod proxy_protocol;
mod requests;
mod response_heads;
mod shared;
mod standout;
mod steering;
mod stream_answers;
mod streams;
mod successions;
mod switches;
mod tls;
mod tls_configs;
mod tracing;
mod tunnels;
mod versions;
mod waits;
mod workers;

use std::net::SocketAddr;
use support::Pulsegate;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// One upstream over these backends, every request routed to it, probed at `/ready`: often, and with patience, so that a busy machine fails
/// no probe. Who needs a silent backend to be found says in how long.
fn pool(backends: &[SocketAddr]) -> String {
    pool_with(backends, "")
}

/// As [`pool`], with more keys for the upstream (indented by four).
fn pool_with(backends: &[SocketAddr], more: &str) -> String {
    let list: Vec<String> = backends.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 300ms, fast_period: \
         100ms, timeout: 10s }}\n    slow_start: {{ duration: 0s }}\n{more}",
        list.join(", ")
    )
}
