//! Who may connect? The accept loop of one listener: places per client, a proxy's introduction, TLS, then a task per connection.
//!
//! The socket is bound by the caller, so a busy port is known before anything starts.

use super::branch::Branch;
use super::clients::Place;
use super::connection::Connection;
use super::leaving::Ear;
use super::listener::{Listener, Terms};
use super::{Front, Stage, http1, introduced};
use crate::clock::turn;
use crate::proxy::ConnectionFacts;
use crate::proxy::wire::{Socket, Transport, Wire};
use crate::tls::ClientCertificate;
use pulsegate_core::http::proxy_protocol::Ends;
use pulsegate_core::plan::ListenerPlan;
use rustix::net::{SocketFlags, acceptfrom_with};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// After an accept error that is ours (out of files): long enough for connections to end, short enough not to be felt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Starts accepting until `stage` is [`Stage::HandedOver`] or later.
///
/// On the first worker: where there is only one, no connection ever wakes another thread, and where there are several, that one's connections
/// are no more than anybody's. A socket is watched by the worker that serves it and by no other: it is accepted as what the system gives.
///
/// # Errors
/// The socket cannot be watched.
pub fn listen(
    front: Arc<Front>,
    socket: TcpListener,
    terms: Terms,
    stage: watch::Receiver<Stage>,
) -> io::Result<Listener> {
    socket.set_nonblocking(true)?;
    let acceptor = Arc::clone(front.workers.first());
    let socket = {
        let _entered = acceptor.enter();
        Arc::new(watched(socket)?)
    };
    let listener = Listener::of(&socket, terms)?;
    let branches = front.workers.all().map(|worker| Branch::of(worker, &listener, stage.clone())).collect();
    let accepting = Accepting { front, listener: listener.clone(), branches, stage };
    acceptor.spawn(accepting.run(socket));
    Ok(listener)
}

/// tokio's own listener would watch each connection on the acceptor's runtime first, and have it forgotten there again.
#[expect(
    deprecated,
    reason = "what takes its place is unsafe; the doubt is of types that change their file, which std's sockets never do"
)]
fn watched(socket: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

struct Accepting {
    front: Arc<Front>,
    listener: Listener,
    /// One for each worker, in their order.
    branches: Vec<Branch>,
    stage: watch::Receiver<Stage>,
}

impl Accepting {
    async fn run(self, socket: Arc<AsyncFd<TcpListener>>) {
        let mut stage = self.stage.clone();
        let mut closed = self.listener.closed.subscribe();
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = socket.async_io(Interest::READABLE, accept) => accepted,
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
        // Clients whose handshake the kernel has completed already would see a reset when the socket closes: take them in.
        while let Ok((stream, peer)) = accept(socket.get_ref()) {
            self.admit(stream, peer);
        }
    }

    /// Gives it to the worker with the fewest, if there is a place.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let terms = self.listener.terms.load_full();
        let Some(mut place) = self.place(&terms.plan, peer.ip().to_canonical()) else { return };
        let Some(branch) = self.branches.get(self.front.workers.least_busy()) else { return };
        let facts = ConnectionFacts {
            client: peer.ip().to_canonical().into(),
            ends: Ends { source: peer, destination: branch.listener.address },
            worker: branch.worker.clone(),
            private: Arc::default(),
            listener: terms.plan.clone().into(),
            tls: terms.tls.is_some(),
            certificate: None,
            closing: false,
        };
        let (front, listener, ear) = (self.front.clone(), branch.listener.clone(), Ear::new(branch.word.clone()));
        let connection = Box::new(Connection { front, listener, ear, facts });
        let open = branch.worker.opened();
        branch.worker.spawn(turn(Box::pin(async move {
            let connected = connection.front.telemetry.connected(&terms.plan.name);
            if let Some((connection, wire)) = arrive(connection, stream, terms, &mut place).await {
                http1::serve(connection, wire).await;
            }
            drop((connected, place, open));
        })));
    }

    /// A place among all; and one of the client's, unless a proxy speaks for the client and has not said so yet.
    fn place(&self, plan: &ListenerPlan, peer: IpAddr) -> Option<Place> {
        let taken = self.listener.clients.enter(plan.limits.connections).and_then(|mut place| {
            if !introduced::is_expected(plan, peer) {
                place.assign(peer, plan.limits.connections_per_client)?;
            }
            Ok(place)
        });
        taken.map_err(|no_place| self.front.telemetry.refused(&plan.name, peer, no_place.reason())).ok()
    }
}

impl Drop for Accepting {
    /// However it ends: those who wait for the last client must not wait for an acceptor that is gone.
    fn drop(&mut self) {
        self.listener.accepts_no_more();
    }
}

/// A connection, on its worker, as HTTP has it.
async fn arrive(
    mut connection: Box<Connection>,
    stream: TcpStream,
    terms: Arc<Terms>,
    place: &mut Place,
) -> Option<(Box<Connection>, Box<Wire>)> {
    let address = connection.listener.address;
    let watched = tokio::net::TcpStream::from_std(stream);
    let stream = watched
        .map_err(|error| log::warn!("listener {address}: a connection cannot be watched and is closed: {error}"))
        .ok()?;
    // Small answers leave at once; a failure here only costs latency.
    let _ = stream.set_nodelay(true);
    let ends = introduced::of_socket(&stream, connection.facts.ends.source, address);
    let (socket, ends) = if terms.tls.is_some() || introduced::is_expected(&terms.plan, ends.source.ip()) {
        Box::pin(before_http(&connection, &terms, stream, ends, place)).await?
    } else {
        (Socket::Plain(Transport::Tcp(stream)), ends)
    };
    (connection.facts.ends, connection.facts.client) = (ends, ends.source.ip().to_canonical().into());
    connection.facts.certificate = socket.peer_certificate().and_then(ClientCertificate::new).map(Arc::new);
    Some((connection, Wire::new(socket)))
}
/// What comes before HTTP, all of it within the head's time: whose connection it is, and TLS.
async fn before_http(
    connection: &Connection,
    terms: &Terms,
    mut stream: tokio::net::TcpStream,
    ends: Ends,
    place: &mut Place,
) -> Option<(Socket, Ends)> {
    let (front, until) = (&connection.front, connection.after(terms.plan.limits.head_timeout));
    let ends = if introduced::is_expected(&terms.plan, ends.source.ip()) {
        introduced::meet(front, &terms.plan, &mut stream, ends, place, until).await?
    } else {
        ends
    };
    let socket = handshake(front, terms, stream, ends.source, until).await?;
    Some((socket, ends))
}

/// A client that never ends its handshake is a slow head.
async fn handshake(
    front: &Front,
    terms: &Terms,
    stream: tokio::net::TcpStream,
    client: SocketAddr,
    until: Instant,
) -> Option<Socket> {
    let Some(tls) = &terms.tls else {
        return Some(Socket::Plain(Transport::Tcp(stream)));
    };
    let reason = match timeout_at(until, tls.acceptor.accept(Transport::Tcp(stream))).await {
        Ok(Ok(stream)) => return Some(Socket::Tls(Box::new(stream.into()))),
        Ok(Err(error)) => why_refused(&error),
        Err(_) => "tls_timeout",
    };
    front.telemetry.refused(&terms.plan.name, client.ip().to_canonical(), reason);
    None
}

/// A client whose certificate is the trouble looks for it elsewhere than one that speaks no TLS.
fn why_refused(error: &std::io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => "client_certificate_missing",
        Some(rustls::Error::InvalidCertificate(_)) => "client_certificate_refused",
        _ => "tls_failed",
    }
}

/// The next client that the kernel has connected, ready to be watched by any runtime.
fn accept(socket: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = acceptfrom_with(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let peer = peer.and_then(|peer| peer.try_into().ok());
    let peer = peer.ok_or_else(|| io::Error::other("a client without an address"))?;
    Ok((stream.into(), peer))
}
