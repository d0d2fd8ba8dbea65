//! The gateway as it is seen from a terminal and from scripts: `pulsegate status` and `pulsegate top`, against real processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod secure;
mod status;
mod top;

use std::net::SocketAddr;
use support::Pulsegate;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// One upstream over these backends, every request routed to it, probed at `/ready`.
fn pool(backends: &[SocketAddr]) -> String {
    let list: Vec<String> = backends.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 300ms, fast_period: \
         100ms, timeout: 10s }}\n    slow_start: {{ duration: 0s }}\n",
        list.join(", ")
    )
}

/// What a backend process runs: see `tests/support/src/server.rs`.
#[test]
fn backend_process() {
    support::server::run_if_asked();
}
