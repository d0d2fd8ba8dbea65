//! What do the end-to-end tests share? The gateway as a process, backends as processes, an open-loop load, and one way to wait.
//!
//! A crate, so that it is compiled once for all of them.
#![allow(clippy::panic, reason = "a test that cannot go on says so by panicking")]
#![allow(missing_debug_implementations, reason = "handles of processes and connections are shown by nobody")]

pub mod backend;
mod binary;
pub mod client;
pub mod dns;
pub mod frames;
pub mod gateway;
pub mod h2;
pub mod lateness;
pub mod load;
pub mod needs;
pub mod ports;
pub mod raw;
pub mod raw_h2;
pub mod server;
pub mod tls;
pub mod tunnel;

pub use binary::Pulsegate;
pub use ports::free_address;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long anything may take before a test gives up on it: long enough for a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds; the only wait there is.
#[allow(clippy::disallowed_methods, reason = "tests wait on other processes in real time")]
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Lets the load run for a while: time itself is what the scenario is about.
pub async fn pause(length: Duration) {
    sleep(length).await;
}
