//! What is a listener, once it runs? What is in force for it, who is connected, and how it is closed, waited for and handed on.
//!
//! What it is allowed (its plan, its certificate) is swapped by a reload; connections pick it up with their next request.

use super::clients::Clients;
use crate::tls::Certificates;
use arc_swap::ArcSwap;
use pulsegate_core::plan::ListenerPlan;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// What is in force for a listener.
#[derive(Clone, Debug)]
pub struct Terms {
    pub plan: Arc<ListenerPlan>,
    pub tls: Option<Certificates>,
}

/// A listener that runs.
#[derive(Clone, Debug)]
pub struct Listener {
    pub terms: Arc<ArcSwap<Terms>>,
    pub clients: Clients,
    pub address: SocketAddr,
    /// Turns true when this listener alone is closed.
    pub(super) closed: watch::Sender<bool>,
    accepting: watch::Sender<bool>,
    /// Open as long as it accepts, and no longer.
    socket: Weak<AsyncFd<TcpListener>>,
}

impl Listener {
    /// A listener that is about to accept on `socket`.
    pub(super) fn of(socket: &Arc<AsyncFd<TcpListener>>, terms: Terms) -> std::io::Result<Self> {
        Ok(Self {
            terms: Arc::new(ArcSwap::from_pointee(terms)),
            clients: Clients::default(),
            address: socket.get_ref().local_addr()?,
            closed: watch::Sender::new(false),
            accepting: watch::Sender::new(true),
            socket: Arc::downgrade(socket),
        })
    }

    /// From now on nobody gets in.
    pub(super) fn accepts_no_more(&self) {
        self.accepting.send_replace(false);
    }

    /// Stops accepting; requests in flight finish, and idle connections end.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// A second handle of the listening socket, for another process; `None` when it accepts no more.
    pub fn duplicate(&self) -> Option<OwnedFd> {
        self.socket.upgrade()?.get_ref().as_fd().try_clone_to_owned().ok()
    }

    /// Returns when it accepts no more and its last connection has ended.
    pub async fn gone(&self) {
        // The sender lives as long as `self`, so this waits for the value and nothing else.
        let _ = self.accepting.subscribe().wait_for(|accepting| !*accepting).await;
        self.clients.gone().await;
    }
}
