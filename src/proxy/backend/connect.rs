//! How does an attempt get a way to its backend? A connection that rests, a stream on one that is shared, or a new connection; and where it
//! goes afterwards.
//!
//! Who asks a backend of HTTP/2 for another protocol gets a stream where the backend has announced that it takes such (RFC 8441), and else a
//! connection of its own, of HTTP/1.1: the backend may speak that too.

use super::shared::{Claim, Line, Opening, Seat, Turn, Wish};
use super::{BackendSide, H1Backend, H2Backend};
use crate::clock::Clock;
use crate::proxy::connection_pool::idle::{Idle, Kept};
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::connection_pool::open::open;
use crate::proxy::connection_pool::private::Bound;
use crate::proxy::connection_pool::secure::{Insecure, secure};
use crate::proxy::connection_pool::shelf;
use crate::proxy::heads::Asks;
use crate::proxy::wire::{Socket, Wire};
use crate::proxy::{ConnectionFacts, Proxy, ends};
use crate::tls::HTTP2;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::Protocol;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{Attempt, Ended, Owner};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// No connection came in time.
const CONNECT_TIMEOUT: Ended = Ended::Unanswered(AttemptEnd::ConnectFailed { timed_out: true });

/// The way to one backend, for one request.
#[derive(Clone, Copy)]
pub(in crate::proxy) struct Way<'a> {
    pub proxy: &'a Proxy,
    pub facts: &'a ConnectionFacts,
    pub attempt: &'a Attempt,
    /// It has a body.
    pub uploads: bool,
    /// Whether it asks for another protocol, and how.
    pub asks: Asks,
}

/// A connection to a backend, and the shelf that it belongs to.
pub(in crate::proxy) struct Connected {
    pub backend: BackendSide,
    pub shelf: u64,
    /// It stands beside those that the upstream is spoken to over, and belongs to no shelf.
    pub beside: bool,
}

impl Way<'_> {
    /// A connection that waits for its next request.
    pub(in crate::proxy) fn rested(&self) -> Option<Connected> {
        let shelf = self.shelf();
        match self.attempt.pool.upstream.protocol {
            Protocol::Http1 => {
                let now = self.clock().now();
                let (Kept { wire, mark }, bound) = self.facts.private.take(shelf, now).or_else(|| {
                    let shared = self.attempt.pool.upstream.send_proxy_protocol.is_none();
                    Some((shared.then(|| self.idle(shelf).take(shelf, now))??, false))
                })?;
                let backend = BackendSide::H1(H1Backend::again(wire, self.head_limit(), bound, mark));
                Some(Connected { backend, shelf, beside: false })
            }
            Protocol::Http2 if self.asks == Asks::Http1 => None,
            Protocol::Http2 => {
                let seat = self.proxy.shared.seat(shelf, self.wish(), self.clock())?;
                let fits = self.asks == Asks::Nothing || seat.takes_tunnels();
                fits.then(|| self.seated(seat, shelf))
            }
        }
    }

    /// A new connection, or a stream on one that somebody opens at this moment.
    ///
    /// # Errors
    /// How the attempt ended.
    pub(in crate::proxy) async fn connect(&self) -> Result<Connected, Ended> {
        let shelf = self.shelf();
        match self.attempt.pool.upstream.protocol {
            Protocol::Http1 => self.connect_alone(shelf).await,
            Protocol::Http2 if self.asks == Asks::Nothing => {
                self.join(shelf).await.map(|seat| self.seated(seat, shelf))
            }
            Protocol::Http2 => match self.join_tunnels(shelf).await? {
                Some(seat) => Ok(self.seated(seat, shelf)),
                None => {
                    let connected = self.connect_alone(shelf).await.map_err(Ended::beside)?;
                    Ok(Connected { beside: true, ..connected })
                }
            },
        }
    }

    /// A connection of HTTP/1.1.
    async fn connect_alone(&self, shelf: u64) -> Result<Connected, Ended> {
        let opened = async {
            let wire = Wire::new(self.open(Protocol::Http1).await?);
            Ok(H1Backend::new(wire, self.head_limit(), Mark::busy(&self.attempt.pool.ledger)))
        };
        let backend = self.within(self.attempt.bounds.connect, opened).await?;
        Ok(Connected { backend: BackendSide::H1(backend), shelf, beside: false })
    }

    /// A stream for a tunnel; `None`: the backend takes none, or not of this kind.
    async fn join_tunnels(&self, shelf: u64) -> Result<Option<Seat>, Ended> {
        if self.asks == Asks::Http1 {
            return Ok(None);
        }
        let mut seat = self.join(shelf).await?;
        // It is there: whether it takes tunnels is waited for as any word of a backend is.
        self.until(self.clock().now() + self.attempt.bounds.idle, seat.settled()).await?;
        Ok(seat.takes_tunnels().then_some(seat))
    }

    /// Within this time, unless the request's own is up before a connection could be expected.
    async fn within<T>(
        &self,
        time: Duration,
        connected: impl Future<Output = Result<T, AttemptEnd>>,
    ) -> Result<T, Ended> {
        match self.until(self.clock().now() + time, connected).await? {
            Some(connected) => connected.map_err(Ended::Unanswered),
            None => Err(CONNECT_TIMEOUT),
        }
    }

    /// `None`: this moment came first. An error: the end of the request's own time.
    async fn until<T>(&self, moment: Timestamp, awaited: impl Future<Output = T>) -> Result<Option<T>, Ended> {
        let bounds = &self.attempt.bounds;
        match timeout(bounds.total.min(moment).since(self.clock().now()), awaited).await {
            Ok(done) => Ok(Some(done)),
            Err(_) if bounds.total < moment => Err(Ended::Refused { problem: bounds.problem(), end: AttemptEnd::Ours }),
            Err(_) => Ok(None),
        }
    }

    /// A stream on a connection that is shared. The time to connect begins anew when another's connection has come and others have taken
    /// all of it, or its SETTINGS were late; in line, nobody connects.
    async fn join(&self, shelf: u64) -> Result<Seat, Ended> {
        let (connect, mut turn) = (self.attempt.bounds.connect, None);
        let mut until = self.clock().now() + connect;
        loop {
            let now = self.clock().now();
            match self.proxy.shared.claim(shelf, self.wish(), turn.as_ref(), self.clock()) {
                Claim::Use(seat) => return Ok(seat),
                Claim::Open(opening) => return self.within(until.since(now), self.open_shared(opening)).await,
                Claim::Wait(promise) if promise.late().is_none() && now >= until => return Err(CONNECT_TIMEOUT),
                Claim::Wait(mut promise) => {
                    let late = promise.late();
                    let kept = self.until(late.unwrap_or(until), promise.kept()).await?;
                    if late.is_some() || kept == Some(true) {
                        until = self.clock().now() + connect;
                    }
                }
                Claim::Full(line) => {
                    self.wait_in(&line, &mut turn).await?;
                    until = self.clock().now() + connect;
                }
            }
        }
    }

    /// As long as nothing may move.
    async fn wait_in(&self, line: &Line, turn: &mut Option<Turn>) -> Result<(), Ended> {
        let bounds = &self.attempt.bounds;
        let left = bounds.total.since(self.clock().now());
        match timeout(left.min(bounds.idle), line.wait(turn)).await {
            Ok(()) => Ok(()),
            Err(_) if left < bounds.idle => Err(Ended::Refused { problem: bounds.problem(), end: AttemptEnd::NoRoom }),
            Err(_) => Err(Ended::Unanswered(AttemptEnd::NoRoom)),
        }
    }

    async fn open_shared(&self, opening: Opening) -> Result<Seat, AttemptEnd> {
        let socket = self.open(Protocol::Http2).await?;
        let upstream = &self.attempt.pool.upstream;
        if upstream.tls.is_some() && socket.agreed() != Some(HTTP2) {
            log::warn!(
                "upstream {}: {} was asked for HTTP/2 and did not choose it in the TLS handshake; `protocol: http1` is what it speaks",
                upstream.name,
                self.attempt.endpoint.id.address
            );
            return Err(AttemptEnd::TlsFailed);
        }
        let idle = upstream.idle_timeout;
        let (ledger, worker) = (&self.attempt.pool.ledger, &self.facts.worker);
        let begun = opening.begin(socket, self.clock(), idle, self.head_limit(), ledger, worker).await;
        begun.map_err(|_| AttemptEnd::ConnectFailed { timed_out: false })
    }

    async fn open(&self, protocol: Protocol) -> Result<Socket, AttemptEnd> {
        let (upstream, endpoint) = (&self.attempt.pool.upstream, &self.attempt.endpoint);
        let ours = |why: String| {
            log::error!("upstream {}: {why}; {} cannot be asked", upstream.name, endpoint.id.address);
            AttemptEnd::Ours
        };
        let introduces = upstream.send_proxy_protocol.map(|version| (version, &self.facts.ends));
        let transport = open(&endpoint.id.address, introduces).await.map_err(|error| ends::of_connect(&error))?;
        let Some(tls) = &upstream.tls else { return Ok(Socket::Plain(transport)) };
        secure(transport, tls, protocol, &self.proxy.clients).await.map_err(|insecure| match insecure {
            Insecure::Ours(why) => ours(why),
            Insecure::Handshake => AttemptEnd::TlsFailed,
        })
    }

    fn seated(&self, seat: Seat, shelf: u64) -> Connected {
        let tls = self.attempt.pool.upstream.tls.is_some();
        let backend = BackendSide::H2(Box::new(H2Backend::new(seat, tls, self.head_limit())));
        Connected { backend, shelf, beside: false }
    }

    fn shelf(&self) -> u64 {
        shelf::shelf(&self.attempt.pool.upstream, &self.attempt.endpoint, &self.proxy.clients)
    }

    /// Where connections rest that are everybody's: with their worker, or with all, where there may be so many and no more.
    fn idle(&self, shelf: u64) -> &Idle {
        let limited = self.attempt.pool.upstream.limits.connections_per_backend > 0;
        if limited { self.proxy.common.of(shelf) } else { &self.facts.worker.idle }
    }

    /// Of the head of an answer, in bytes.
    fn head_limit(&self) -> usize {
        self.attempt.pool.upstream.limits.response_head_bytes
    }

    fn wish(&self) -> Wish {
        let connections = self.attempt.pool.upstream.limits.connections_per_backend;
        Wish { connections, uploads: self.uploads, patience: self.attempt.bounds.connect }
    }

    fn clock(&self) -> Clock {
        self.proxy.clock()
    }

    /// For the next request of its owner, where both sides agree to go on.
    pub(in crate::proxy) fn lay_down(
        &self,
        connected: Connected,
        ended: &Ended,
        (owner, backend): (Owner, BackendKey),
    ) {
        match connected.backend {
            BackendSide::H1(_) if connected.beside || owner == Owner::Nobody => {}
            BackendSide::H1(side) if matches!(ended, Ended::Whole { reusable: true, .. }) => {
                if let Some(kept) = side.rest() {
                    let upstream = &self.attempt.pool.upstream;
                    let (shelf, until) = (connected.shelf, self.clock().now() + upstream.idle_timeout);
                    let bound = || Bound { upstream: Arc::clone(&upstream.name), backend };
                    match owner {
                        Owner::Everybody => self.idle(shelf).put(shelf, kept, until),
                        Owner::Client => self.facts.private.put(shelf, kept, until, None),
                        Owner::BoundClient => self.facts.private.put(shelf, kept, until, Some(bound())),
                        Owner::Nobody => {}
                    }
                }
            }
            // Others use it at this moment, and nobody from now on.
            BackendSide::H2(side) if matches!(owner, Owner::BoundClient | Owner::Nobody) => side.distrust(),
            // Silence on one stream may be the silence of the connection.
            BackendSide::H2(side) if *ended.end() == AttemptEnd::PerTryTimeout => side.distrust(),
            BackendSide::H1(_) | BackendSide::H2(_) => {}
        }
    }
}
