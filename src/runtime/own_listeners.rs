//! Whom does the process answer beside clients? Operators at the admin listener, and balancers that ask whether it lives and serves.

use crate::admin::{self, AdminState, Callers, Phase, ReloadState, Secure};
use crate::control::{Handle, Reloader};
use crate::telemetry::Operators;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::sync::watch;

/// The two listeners, and what a reload changes of them.
#[derive(Debug)]
pub struct OwnListeners {
    pub phase: watch::Sender<Phase>,
    pub reload_state: watch::Sender<ReloadState>,
    pub callers: Arc<ArcSwap<Callers>>,
    pub secure: Arc<ArcSwapOption<Secure>>,
    stop: watch::Sender<bool>,
    /// Second handles of both listeners, for a successor.
    sockets: Vec<TcpListener>,
    address: Option<SocketAddr>,
}

impl OwnListeners {
    pub fn new(callers: Callers, secure: Option<Secure>) -> Self {
        Self {
            phase: watch::Sender::new(Phase::Starting),
            reload_state: watch::Sender::new(ReloadState::default()),
            callers: Arc::new(ArcSwap::from_pointee(callers)),
            secure: Arc::new(ArcSwapOption::from_pointee(secure)),
            stop: watch::Sender::new(false),
            sockets: Vec::new(),
            address: None,
        }
    }

    /// The admin listener.
    pub fn start(&mut self, socket: TcpListener, handle: Handle, telemetry: Arc<Operators>, reloads: Option<Reloader>) {
        self.address = socket.local_addr().ok();
        self.sockets.extend(socket.try_clone().ok());
        let state = AdminState {
            handle,
            telemetry,
            phase: self.phase.subscribe(),
            reload: self.reload_state.subscribe(),
            callers: self.callers.clone(),
            secure: self.secure.clone(),
            reloads,
        };
        let stop = self.stop.subscribe();
        tokio::spawn(async move {
            if let Err(error) = admin::serve(socket, state, stop).await {
                log::error!("the admin listener ended: {error}; traffic goes on, /readyz and /metrics do not answer");
            }
        });
    }

    /// The listener for health alone.
    pub fn start_health(&mut self, socket: TcpListener) {
        self.sockets.extend(socket.try_clone().ok());
        let (phase, stop) = (self.phase.subscribe(), self.stop.subscribe());
        tokio::spawn(async move {
            if let Err(error) = admin::serve_health(socket, phase, stop).await {
                log::error!(
                    "the health listener ended: {error}; traffic goes on, admin.health_address does not answer"
                );
            }
        });
    }

    /// Neither answers any more.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Of the admin listener.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Both sockets once more, with their addresses.
    pub fn duplicates(&self) -> impl Iterator<Item = (SocketAddr, OwnedFd)> {
        self.sockets
            .iter()
            .filter_map(|socket| Some((socket.local_addr().ok()?, OwnedFd::from(socket.try_clone().ok()?))))
    }
}
