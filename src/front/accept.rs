//! Who may connect? The accept loop of one listener: places per client, a proxy's introduction, TLS, then a task per connection.
//!
//! The socket is bound by the caller, so a busy port is known before anything starts.

use super::clients::Place;
use super::connection::Connection;
use super::listener::{Listener, Terms};
use super::{Front, Stage, http1, introduced};
use crate::proxy::wire::{Socket, Transport};
use crate::tls::ClientCertificate;
use pulsegate_core::http::proxy_protocol::Ends;
use pulsegate_core::plan::ListenerPlan;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// After an accept error that is ours (out of files): long enough for connections to end, short enough not to be felt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Starts accepting on the current runtime until `stage` is [`Stage::HandedOver`] or later.
///
/// # Errors
/// The socket cannot be registered with the runtime.
pub fn listen(
    front: Arc<Front>,
    socket: std::net::TcpListener,
    terms: Terms,
    stage: watch::Receiver<Stage>,
) -> std::io::Result<Listener> {
    socket.set_nonblocking(true)?;
    let socket = Arc::new(TcpListener::from_std(socket)?);
    let listener = Listener::of(&socket, terms)?;
    let accepting = Accepting { front, listener: listener.clone(), stage };
    tokio::spawn(accepting.run(socket));
    Ok(listener)
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
        self.listener.accepts_no_more();
    }

    /// Clients whose handshake the kernel has completed already would see a reset when the socket closes: take them in.
    async fn admit_the_backlog(&self, socket: &TcpListener) {
        while let Some((stream, peer)) = ready_now(socket.accept()).await.and_then(Result::ok) {
            self.admit(stream, peer);
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let terms = self.listener.terms.load_full();
        let Some(place) = self.place(&terms.plan, peer.ip().to_canonical()) else { return };
        // Small answers leave at once; a failure here only costs latency.
        let _ = stream.set_nodelay(true);

        let (front, listener, stage) = (self.front.clone(), self.listener.clone(), self.stage.clone());
        tokio::spawn(async move {
            let mut place = place;
            let connected = front.telemetry.connected(&terms.plan.name);
            let ends = introduced::of_socket(&stream, peer, listener.address);
            if let Some((socket, ends)) = arrive(&front, &terms, stream, ends, &mut place).await {
                let tls = terms.tls.is_some();
                let certificate = socket.peer_certificate().and_then(ClientCertificate::new).map(Arc::new);
                let private = Arc::default();
                let connection = Connection { front: front.clone(), listener, ends, tls, certificate, stage, private };
                http1::serve(connection, socket).await;
            }
            drop(connected);
        });
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

/// What comes before HTTP, all of it within the head's time: whose connection it is, and TLS.
async fn arrive(
    front: &Front,
    terms: &Terms,
    mut stream: TcpStream,
    ends: Ends,
    place: &mut Place,
) -> Option<(Socket, Ends)> {
    let clock = front.proxy.clock();
    let until = clock.instant(clock.now() + terms.plan.limits.head_timeout);
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
    stream: TcpStream,
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

/// The future's value if it is ready at its first poll.
async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
