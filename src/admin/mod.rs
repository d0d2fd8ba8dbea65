//! What can operators ask and order? The admin listener: health of the gateway itself, every backend's standing, metrics; orders about
//! backends, and a reload.
//!
//! Loopback by default, and with tokens elsewhere. It reads reports and snapshots, hands orders to the board, and decides nothing.

mod access_control;
mod backend;
mod callers;
mod desk;
mod explain;
mod failure;
mod life;
mod live;
mod logging;
mod page;
mod pages;
mod places;
mod points;
mod secure;
mod server;
mod source;
mod steer;
mod traffic;
mod view;

pub use callers::Callers;
pub use life::serve_health;
pub use secure::Secure;

use self::access_control::AccessControl;
use self::desk::Desk;
use self::live::Live;
use crate::control::{Handle, Reloader};
use crate::telemetry::Operators;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first probe round has ended (or the start wait).
    Starting,
    Serving,
    /// A stop was asked for: `/readyz` fails.
    Leaving,
}

impl Phase {
    /// The stable word for documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Leaving => "leaving",
        }
    }
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
    pub telemetry: Arc<Operators>,
    pub phase: watch::Receiver<Phase>,
    pub reload: watch::Receiver<ReloadState>,
    /// Swapped by a reload.
    pub callers: Arc<ArcSwap<Callers>>,
    /// Swapped by a reload, and when its files change.
    pub secure: Arc<ArcSwapOption<Secure>>,
    /// `None`: there is no file to read again.
    pub reloads: Option<Reloader>,
}

/// Serves until `stop` turns true. The listener is bound by the caller, so that a busy port is known before start.
///
/// # Errors
/// The listener cannot be registered with the runtime.
pub async fn serve(
    listener: std::net::TcpListener,
    state: AdminState,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let desk = Desk {
        source: Arc::new(state.handle),
        telemetry: state.telemetry,
        phase: state.phase,
        reload: state.reload,
        reloads: state.reloads,
        last_health: Mutex::default(),
        traffic: Arc::default(),
    };
    serve_desk(listener, desk, (state.callers, state.secure), stop).await
}

async fn serve_desk(
    listener: std::net::TcpListener,
    desk: Desk,
    (callers, secure): (Arc<ArcSwap<Callers>>, Arc<ArcSwapOption<Secure>>),
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let loopback = listener.local_addr()?.ip().to_canonical().is_loopback();
    let access = AccessControl::new(loopback, callers, Arc::clone(&desk.telemetry), desk.source.clock());
    let listener = server::register(listener)?;
    tokio::spawn(Arc::clone(&desk.traffic).watch(Arc::clone(&desk.source), stop.clone()));
    let desk = Arc::new(desk);
    let live = Arc::new(Live::new(Arc::clone(&desk), stop.clone()));
    tokio::spawn(live::run(Arc::clone(&live)));
    server::run(listener, pages::router(desk, live, Arc::new(access)), secure, stop).await;
    Ok(())
}

#[cfg(test)]
mod tests;
