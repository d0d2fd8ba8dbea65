//! How are the admin listener's connections kept from exhausting the process? By bounds on their number, their head and their life.
//!
//! A slow or stuck client holds one of its [`places`](super::places) for at most [`LIFE`] plus [`LEAVE`], a silent one for [`FIRST_BYTE`], and one
//! whose head is not whole only while nobody else needs the place; whoever comes while there is none waits in the system's backlog. A handler whose answer has no end says so by [`Stay`], and bounds by itself how many of those there are. Nothing
//! here knows what is served.

use super::places::{Place, Places, Said, only_health};
use super::secure::Secure;
use crate::tls::Subject;
use arc_swap::ArcSwapOption;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// From the accept to the first byte.
pub const FIRST_BYTE: Duration = Duration::from_secs(1);
/// From the accept, or the end of the answer before, to the end of a request's head: an idle connection ends with it too.
pub const HEAD: Duration = Duration::from_secs(10);
/// A connection is asked to end after this; scrapers simply open the next one.
pub const LIFE: Duration = Duration::from_secs(60);
/// What an answer that is under way may still take when its connection is asked to end.
pub const LEAVE: Duration = Duration::from_secs(5);

/// After a failed accept (out of descriptors, mostly): long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of the connection: an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The certificate that it showed, verified: an extension of every request.
#[derive(Clone, Debug)]
pub struct Shown(pub Option<Arc<Subject>>);
/// The connection's word on how long it lives: an extension of every request.
#[derive(Clone, Debug)]
pub struct Stay(Arc<watch::Sender<bool>>);

/// While this is held, the connection lives on; when it is let go, it may end.
#[derive(Debug)]
pub struct Held(Stay);

impl Stay {
    pub fn hold(&self) -> Held {
        self.0.send_replace(true);
        Held(self.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.send_replace(false);
    }
}

/// Hands a bound listener to the runtime.
pub fn register(listener: std::net::TcpListener) -> std::io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Accepts and serves until `stop` is true (or its sender is gone), then lets answers under way end. `secure`: what the next connection
/// speaks TLS with; none, plain HTTP.
pub async fn run(
    listener: TcpListener,
    router: Router,
    secure: Arc<ArcSwapOption<Secure>>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Places::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = places.enter(peer.0.ip()) else { continue };
                let (router, secure, stop) = (router.clone(), secure.load_full(), stop.clone());
                connections.spawn(async move {
                    let Some((stream, place)) = spoken(stream, place).await else { return };
                    let router = if place.scarce { router.layer(from_fn(only_health)) } else { router };
                    let served = async {
                        match secure {
                            None => serve(stream, peer, &place, router.layer(Extension(Shown(None))), stop).await,
                            Some(secure) => serve_securely(stream, peer, &place, router, &secure, stop).await,
                        }
                    };
                    tokio::select! {
                        () = served => {}
                        () = place.must_go() => {}
                    }
                });
            }
            Err(error) => {
                log::warn!("the admin listener cannot accept a connection: {error}; it tries again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, places: &Places) -> std::io::Result<(TcpStream, Peer)> {
    places.room().await;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, Peer(peer)))
}

/// The connection, when its first byte has come in time and before somebody else needed the place.
async fn spoken(stream: TcpStream, place: Place) -> Option<(TcpStream, Place)> {
    let mut first = [0];
    let spoke = tokio::select! {
        spoke = timeout(FIRST_BYTE, stream.peek(&mut first)) => spoke,
        () = place.must_go() => return None,
    };
    (matches!(spoke, Ok(Ok(1..))) && place.says(Said::Something)).then_some((stream, place))
}

/// As [`serve`], behind a handshake that has to end as soon as a head. A client that is refused learns it from TLS.
async fn serve_securely(
    stream: TcpStream,
    peer: Peer,
    place: &Place,
    router: Router,
    secure: &Secure,
    mut stop: watch::Receiver<bool>,
) {
    let shaken = tokio::select! {
        shaken = timeout(HEAD, secure.certificates.acceptor.accept(stream)) => shaken,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let Ok(Ok(stream)) = shaken else { return };
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let shown = leaf.and_then(|leaf| Subject::of(leaf.as_ref())).map(Arc::new);
    serve(stream, peer, place, router.layer(Extension(Shown(shown))), stop).await;
}

/// One connection. Its errors are the client's business: nobody reads them.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    place: &Place,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(16 * 1024);
    let router = TowerToHyperService::new(router);
    let (stay, mut held) = watch::channel(false);
    let stay = Stay(Arc::new(stay));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        place.says(Said::WholeHead);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(stay.clone());
        router.call(request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let lived = async {
        sleep(LIFE).await;
        let _ = held.wait_for(|held| !*held).await;
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
        () = lived => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LEAVE, connection).await;
}
