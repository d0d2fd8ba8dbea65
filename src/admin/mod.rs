//! What can operators ask? The admin listener: health of the gateway itself, every backend's standing, metrics.
//!
//! Loopback by default. It reads reports and snapshots and decides nothing.

use crate::control::Handle;
use crate::telemetry::Telemetry;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first probe round has ended (or the start wait).
    Starting,
    Serving,
    /// A stop was asked for: `/readyz` fails.
    Leaving,
}

/// What the last reload came to.
#[derive(Clone, Debug, Default)]
pub struct ReloadState {
    /// Wall time, RFC 3339; `None` before the first reload.
    pub at: Option<String>,
    /// The diagnostics of a refused reload: the old plan is in force.
    pub error: Option<String>,
}

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct AdminState {
    pub handle: Handle,
    pub telemetry: Arc<Telemetry>,
    pub phase: watch::Receiver<Phase>,
    pub reload: watch::Receiver<ReloadState>,
}

/// Serves until `stop` turns true. The listener is bound by the caller, so that a busy port is known before start.
///
/// # Errors
/// The listener cannot be registered with the runtime.
pub async fn serve(
    _listener: std::net::TcpListener,
    _state: AdminState,
    _stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    todo!()
}
