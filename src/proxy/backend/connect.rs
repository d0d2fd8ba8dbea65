//! How does an attempt get a way to its backend? A connection that rests, a stream on one that is shared, or a new connection; and where it
//! goes afterwards.

use super::shared::{Claim, Opening, Seat};
use super::{BackendSide, H1Backend, H2Backend};
use crate::clock::Clock;
use crate::proxy::connection_pool::idle::Kept;
use crate::proxy::connection_pool::introduce;
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::connection_pool::peer;
use crate::proxy::connection_pool::secure::{Insecure, secure};
use crate::proxy::connection_pool::socket::BackendSocket;
use crate::proxy::{ConnectionFacts, Proxy, ends};
use pingora::protocols::{ALPN, Stream};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::http::response_watch::ResponseWatch;
use pulsegate_core::plan::Protocol;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{Attempt, Ended};
use std::time::Duration;
use tokio::time::timeout;

/// How long a connection that is not kept may take to close.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The way to one backend, for one request.
#[derive(Clone, Copy)]
pub(in crate::proxy) struct Way<'a> {
    pub proxy: &'a Proxy,
    pub facts: &'a ConnectionFacts,
    pub attempt: &'a Attempt,
    /// The request is a HEAD.
    pub to_head: bool,
}

/// A connection to a backend, and the shelf that it belongs to.
pub(in crate::proxy) struct Connected {
    pub backend: BackendSide,
    pub shelf: u64,
}

impl Way<'_> {
    /// A connection that waits for its next request.
    pub(in crate::proxy) fn rested(&self) -> Option<Connected> {
        let shelf = self.shelf();
        match self.attempt.pool.upstream.protocol {
            Protocol::Http1 => {
                let now = self.clock().now();
                let Kept { stream, mark } = match self.attempt.pool.upstream.send_proxy_protocol {
                    None => self.proxy.idle.take(shelf, now),
                    Some(_) => self.facts.private.take(shelf, now),
                }?;
                let socket = BackendSocket::again(stream, self.watch())?;
                Some(Connected { backend: BackendSide::H1(Box::new(H1Backend::new(socket, true, mark))), shelf })
            }
            Protocol::Http2 => match self.proxy.shared.claim(shelf, self.connections(), self.clock()) {
                Claim::Use(seat) => Some(self.seated(seat, shelf)),
                Claim::Wait(_) | Claim::Open(_) => None,
            },
        }
    }

    /// A new connection, or a stream on one that somebody opens at this moment.
    ///
    /// # Errors
    /// How the attempt ended.
    pub(in crate::proxy) async fn connect(&self) -> Result<Connected, Ended> {
        let bounds = &self.attempt.bounds;
        let (left, connect) = (bounds.total.since(self.clock().now()), bounds.connect);
        let shelf = self.shelf();
        let connected = async {
            match self.attempt.pool.upstream.protocol {
                Protocol::Http1 => {
                    let socket = BackendSocket::new(self.open().await?, self.watch());
                    let backend = H1Backend::new(socket, false, Mark::busy(&self.attempt.pool.ledger));
                    Ok(Connected { backend: BackendSide::H1(Box::new(backend)), shelf })
                }
                Protocol::Http2 => self.join(shelf).await.map(|seat| self.seated(seat, shelf)),
            }
        };
        match timeout(left.min(connect), connected).await {
            Ok(connected) => connected.map_err(Ended::Unanswered),
            // The request's own time was up before a connection could be expected.
            Err(_) if left < connect => Err(Ended::Refused { problem: Problem::TotalTimeout, end: AttemptEnd::Ours }),
            Err(_) => Err(Ended::Unanswered(AttemptEnd::ConnectFailed { timed_out: true })),
        }
    }

    async fn join(&self, shelf: u64) -> Result<Seat, AttemptEnd> {
        loop {
            match self.proxy.shared.claim(shelf, self.connections(), self.clock()) {
                Claim::Use(seat) => return Ok(seat),
                // It ends when the connection is there or could not be had; then we look again.
                Claim::Wait(mut opening) => drop(opening.changed().await),
                Claim::Open(opening) => return self.open_shared(opening).await,
            }
        }
    }

    async fn open_shared(&self, opening: Opening) -> Result<Seat, AttemptEnd> {
        let stream = self.open().await?;
        let upstream = &self.attempt.pool.upstream;
        if upstream.tls.is_some() && stream.selected_alpn_proto() != Some(ALPN::H2) {
            log::warn!(
                "upstream {}: {} was asked for HTTP/2 and did not choose it in the TLS handshake; `protocol: http1` is what it speaks",
                upstream.name,
                self.attempt.endpoint.id.address
            );
            return Err(AttemptEnd::TlsFailed);
        }
        let idle = upstream.idle_timeout;
        let begun = opening.begin(stream, self.clock(), idle, self.head_limit(), &self.attempt.pool.ledger).await;
        begun.map_err(|_| AttemptEnd::ConnectFailed { timed_out: false })
    }

    async fn open(&self) -> Result<Stream, AttemptEnd> {
        let (upstream, endpoint) = (&self.attempt.pool.upstream, &self.attempt.endpoint);
        let ours = |why: String| {
            log::error!("upstream {}: {why}; {} cannot be asked", upstream.name, endpoint.id.address);
            AttemptEnd::Ours
        };
        let mut peer = peer::peer(upstream, endpoint, self.attempt.bounds.connect).map_err(ours)?;
        peer.options.custom_l4 = upstream.send_proxy_protocol.map(|version| introduce::for_client(version, self.facts));
        let stream = self.proxy.connector.new_stream(&peer).await.map_err(|error| ends::of_connect(&error))?;
        let Some(tls) = &upstream.tls else { return Ok(stream) };
        secure(stream, tls, upstream.protocol, &self.proxy.clients).await.map_err(|insecure| match insecure {
            Insecure::Ours(why) => ours(why),
            Insecure::Handshake => AttemptEnd::TlsFailed,
        })
    }

    fn seated(&self, seat: Seat, shelf: u64) -> Connected {
        let tls = self.attempt.pool.upstream.tls.is_some();
        Connected { backend: BackendSide::H2(Box::new(H2Backend::new(seat, tls, self.head_limit()))), shelf }
    }

    fn shelf(&self) -> u64 {
        peer::shelf(&self.attempt.pool.upstream, &self.attempt.endpoint, &self.proxy.clients)
    }

    /// Over what is let pass of the answer.
    fn watch(&self) -> ResponseWatch {
        ResponseWatch::new(self.to_head, self.head_limit())
    }

    /// Of the head of an answer, in bytes.
    fn head_limit(&self) -> usize {
        self.attempt.pool.upstream.limits.response_head_bytes
    }

    /// Connections to one backend; 0 = no limit.
    fn connections(&self) -> u32 {
        self.attempt.pool.upstream.limits.connections_per_backend
    }

    fn clock(&self) -> Clock {
        self.proxy.clock()
    }

    /// For the next request, where both sides agree to go on.
    pub(in crate::proxy) async fn lay_down(&self, connected: Connected, ended: &Ended) {
        match connected.backend {
            BackendSide::H1(backend) if matches!(ended, Ended::Whole { reusable: true, .. }) => {
                if let Ok(Some(kept)) = timeout(CLOSING_TIME, backend.rest()).await {
                    let upstream = &self.attempt.pool.upstream;
                    let until = self.clock().now() + upstream.idle_timeout;
                    match upstream.send_proxy_protocol {
                        None => self.proxy.idle.put(connected.shelf, kept, until),
                        Some(_) => self.facts.private.put(connected.shelf, kept, until),
                    }
                }
            }
            // Silence on one stream may be the silence of the connection.
            BackendSide::H2(backend) if *ended.end() == AttemptEnd::PerTryTimeout => backend.distrust(),
            BackendSide::H1(_) | BackendSide::H2(_) => {}
        }
    }
}
