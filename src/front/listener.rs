//! Who may connect? The accept loop of one listener: places per client, TLS, then a task per connection.
//!
//! The socket is bound by the caller, so a busy port is known before anything starts. What a listener is allowed (its plan,
//! its certificate) is swapped by a reload; connections pick it up with their next request.

use super::clients::{Clients, NoPlace};
use super::connection::Connection;
use super::socket::ClientSocket;
use super::{Front, Stage};
use crate::domain::plan::ListenerPlan;
use arc_swap::ArcSwap;
use std::future::Future;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// After an accept error that is ours (out of files): long enough for connections to end, short enough not to be felt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is in force for a listener.
#[derive(Clone)]
pub struct Terms {
    pub plan: Arc<ListenerPlan>,
    pub tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms").field("plan", &self.plan).field("tls", &self.tls.is_some()).finish()
    }
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
    socket: Weak<TcpListener>,
}

impl Listener {
    /// Starts accepting on the current runtime until `stage` is [`Stage::HandedOver`] or later.
    ///
    /// # Errors
    /// The socket cannot be registered with the runtime.
    pub fn start(
        front: Arc<Front>,
        socket: std::net::TcpListener,
        terms: Terms,
        stage: watch::Receiver<Stage>,
    ) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let socket = Arc::new(TcpListener::from_std(socket)?);
        let listener = Self {
            terms: Arc::new(ArcSwap::from_pointee(terms)),
            clients: Clients::default(),
            address,
            closed: watch::Sender::new(false),
            accepting: watch::Sender::new(true),
            socket: Arc::downgrade(&socket),
        };
        let accepting = Accepting { front, listener: listener.clone(), stage };
        tokio::spawn(accepting.run(socket));
        Ok(listener)
    }

    /// Stops accepting; requests in flight finish, and idle connections end.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// A second handle of the listening socket, for another process; `None` when it accepts no more.
    pub fn duplicate(&self) -> Option<OwnedFd> {
        self.socket.upgrade()?.as_fd().try_clone_to_owned().ok()
    }

    /// Returns when it accepts no more and its last connection has ended.
    pub async fn gone(&self) {
        // The sender lives as long as `self`, so this waits for the value and nothing else.
        let _ = self.accepting.subscribe().wait_for(|accepting| !*accepting).await;
        self.clients.gone().await;
    }
}

struct Accepting {
    front: Arc<Front>,
    listener: Listener,
    stage: watch::Receiver<Stage>,
}

impl Accepting {
    async fn run(self, socket: Arc<TcpListener>) {
        let mut stage = self.stage.clone();
        let mut closed = self.listener.closed.subscribe();
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stage.wait_for(|stage| *stage >= Stage::HandedOver) => break,
                _ = closed.wait_for(|closed| *closed) => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    failing = false;
                    self.admit(stream, peer);
                }
                Err(error) => {
                    // Said once for the whole time that it lasts.
                    if !std::mem::replace(&mut failing, true) {
                        log::warn!("listener {}: accept fails, clients wait: {error}", self.listener.address);
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.admit_the_backlog(&socket).await;
        drop(socket);
        self.listener.accepting.send_replace(false);
    }

    /// Clients whose handshake the kernel has completed already would see a reset when the socket closes: take them in.
    async fn admit_the_backlog(&self, socket: &TcpListener) {
        while let Some((stream, peer)) = ready_now(socket.accept()).await.and_then(Result::ok) {
            self.admit(stream, peer);
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let terms = self.listener.terms.load_full();
        let limits = &terms.plan.limits;
        let client = peer.ip().to_canonical();
        let place = match self.listener.clients.enter(client, limits.connections, limits.connections_per_client) {
            Ok(place) => place,
            Err(no_place) => {
                let reason = match no_place {
                    NoPlace::ListenerFull => "too_many_connections",
                    NoPlace::ClientFull => "too_many_connections_of_client",
                };
                self.front.telemetry.refused(&terms.plan.name, client, reason);
                return;
            }
        };
        // Small answers leave at once; a failure here only costs latency.
        let _ = stream.set_nodelay(true);

        let (front, listener, stage) = (self.front.clone(), self.listener.clone(), self.stage.clone());
        tokio::spawn(async move {
            let _place = place;
            front.telemetry.connection_opened(&terms.plan.name);
            if let Some(socket) = handshake(&front, &terms, stream, peer).await {
                let tls = terms.tls.is_some();
                let connection = Connection { front: front.clone(), listener, peer, tls, stage };
                connection.serve(socket).await;
            }
            front.telemetry.connection_closed(&terms.plan.name);
        });
    }
}

/// TLS within the head's time: a client that never ends its handshake is a slow head.
async fn handshake(front: &Front, terms: &Terms, stream: TcpStream, peer: SocketAddr) -> Option<ClientSocket> {
    let Some(acceptor) = &terms.tls else {
        return Some(ClientSocket::plain(stream));
    };
    match timeout(terms.plan.limits.head_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(ClientSocket::tls(stream)),
        failed => {
            let reason = if failed.is_err() { "tls_timeout" } else { "tls_failed" };
            front.telemetry.refused(&terms.plan.name, peer.ip().to_canonical(), reason);
            None
        }
    }
}

/// The future's value if it is ready at its first poll.
async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
