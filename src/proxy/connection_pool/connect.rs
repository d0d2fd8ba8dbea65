//! How does an attempt get a way to its backend? A connection that rests, a stream on one that is shared, or a new connection; and where it
//! goes afterwards.

use crate::proxy::attempt::Choice;
use crate::proxy::backend::{BackendSide, Claim, H1Backend, H2Backend, Opening, Seat};
use crate::proxy::connection_pool::idle::Kept;
use crate::proxy::connection_pool::introduce;
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::connection_pool::peer;
use crate::proxy::connection_pool::secure::{Insecure, secure};
use crate::proxy::connection_pool::socket::BackendSocket;
use crate::proxy::ends;
use crate::proxy::exchange::Exchange;
use crate::proxy::relay::Relayed;
use http::Method;
use pingora::protocols::{ALPN, Stream};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::Protocol;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::time::Duration;
use tokio::time::timeout;

/// How long a connection that is not kept may take to close.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// A way to a backend, and the shelf of its connections.
pub struct Connected {
    pub backend: BackendSide,
    pub shelf: u64,
}

impl Exchange<'_> {
    /// A connection that waits for its next request.
    pub fn rested(&self, choice: &Choice<'_>) -> Option<Connected> {
        let shelf = self.shelf(choice);
        match choice.pool.upstream.protocol {
            Protocol::Http1 => {
                let now = self.clock().now();
                let Kept { stream, mark } = match choice.pool.upstream.send_proxy_protocol {
                    None => self.proxy.idle.take(shelf, now),
                    Some(_) => self.facts.private.take(shelf, now),
                }?;
                let socket = BackendSocket::again(stream, self.asks_for_a_head())?;
                Some(Connected { backend: BackendSide::H1(Box::new(H1Backend::new(socket, true, mark))), shelf })
            }
            Protocol::Http2 => match self.proxy.shared.claim(shelf, limit(choice), self.clock()) {
                Claim::Use(seat) => Some(self.seated(seat, shelf, choice)),
                Claim::Wait(_) | Claim::Open(_) => None,
            },
        }
    }

    /// A new connection, or a stream on one that somebody opens at this moment.
    pub async fn connect(&self, choice: &Choice<'_>) -> Result<Connected, Relayed> {
        let (left, connect) = (self.deadline(choice.route).since(self.clock().now()), choice.route.timeouts.connect);
        let shelf = self.shelf(choice);
        let connected = async {
            match choice.pool.upstream.protocol {
                Protocol::Http1 => {
                    let socket = BackendSocket::new(self.open(choice).await?, self.asks_for_a_head());
                    let backend = H1Backend::new(socket, false, Mark::busy(&choice.pool.ledger));
                    Ok(Connected { backend: BackendSide::H1(Box::new(backend)), shelf })
                }
                Protocol::Http2 => self.join(shelf, choice).await.map(|seat| self.seated(seat, shelf, choice)),
            }
        };
        match timeout(left.min(connect), connected).await {
            Ok(connected) => connected.map_err(Relayed::nothing),
            // The request's own time was up before a connection could be expected.
            Err(_) if left < connect => {
                let refusal = Some(Problem::TotalTimeout);
                Err(Relayed { refusal, ..Relayed::nothing(AttemptEnd::Ours) })
            }
            Err(_) => Err(Relayed::nothing(AttemptEnd::ConnectFailed { timed_out: true })),
        }
    }

    async fn join(&self, shelf: u64, choice: &Choice<'_>) -> Result<Seat, AttemptEnd> {
        loop {
            match self.proxy.shared.claim(shelf, limit(choice), self.clock()) {
                Claim::Use(seat) => return Ok(seat),
                // It ends when the connection is there or could not be had; then we look again.
                Claim::Wait(mut opening) => drop(opening.changed().await),
                Claim::Open(opening) => return self.open_shared(opening, choice).await,
            }
        }
    }

    async fn open_shared(&self, opening: Opening, choice: &Choice<'_>) -> Result<Seat, AttemptEnd> {
        let stream = self.open(choice).await?;
        let upstream = &choice.pool.upstream;
        if upstream.tls.is_some() && stream.selected_alpn_proto() != Some(ALPN::H2) {
            log::warn!(
                "upstream {}: {} was asked for HTTP/2 and did not choose it in the TLS handshake; `protocol: http1` is what it speaks",
                upstream.name,
                choice.lease.member.id.address
            );
            return Err(AttemptEnd::TlsFailed);
        }
        let idle = upstream.idle_timeout;
        let begun = opening.begin(stream, self.clock(), idle, &choice.pool.ledger).await;
        begun.map_err(|_| AttemptEnd::ConnectFailed { timed_out: false })
    }

    async fn open(&self, choice: &Choice<'_>) -> Result<Stream, AttemptEnd> {
        let (upstream, member) = (&choice.pool.upstream, &choice.lease.member);
        let ours = |why: String| {
            log::error!("upstream {}: {why}; {} cannot be asked", upstream.name, member.id.address);
            AttemptEnd::Ours
        };
        let mut peer = peer::peer(upstream, member, &choice.route.timeouts).map_err(ours)?;
        peer.options.custom_l4 = upstream.send_proxy_protocol.map(|version| introduce::for_client(version, self.facts));
        let stream = self.proxy.connector.new_stream(&peer).await.map_err(|error| ends::of_connect(&error))?;
        let Some(tls) = &upstream.tls else { return Ok(stream) };
        secure(stream, tls, upstream.protocol, &self.proxy.clients).await.map_err(|insecure| match insecure {
            Insecure::Ours(why) => ours(why),
            Insecure::Handshake => AttemptEnd::TlsFailed,
        })
    }

    fn asks_for_a_head(&self) -> bool {
        self.client.head().method == Method::HEAD
    }

    fn seated(&self, seat: Seat, shelf: u64, choice: &Choice<'_>) -> Connected {
        let tls = choice.pool.upstream.tls.is_some();
        Connected { backend: BackendSide::H2(Box::new(H2Backend::new(seat, tls))), shelf }
    }

    fn shelf(&self, choice: &Choice<'_>) -> u64 {
        peer::shelf(&choice.pool.upstream, &choice.lease.member, &self.proxy.clients)
    }

    /// For the next request, where both sides agree to go on.
    pub async fn lay_down(&self, connected: Connected, relayed: &Relayed, choice: &Choice<'_>) {
        match connected.backend {
            BackendSide::H1(backend) if relayed.whole && relayed.sent_whole => {
                if let Ok(Some(kept)) = timeout(CLOSING_TIME, backend.rest()).await {
                    let upstream = &choice.pool.upstream;
                    let until = self.clock().now() + upstream.idle_timeout;
                    match upstream.send_proxy_protocol {
                        None => self.proxy.idle.put(connected.shelf, kept, until),
                        Some(_) => self.facts.private.put(connected.shelf, kept, until),
                    }
                }
            }
            // Silence on one stream may be the silence of the connection.
            BackendSide::H2(backend) if relayed.end == AttemptEnd::PerTryTimeout => backend.distrust(),
            BackendSide::H1(_) | BackendSide::H2(_) => {}
        }
    }
}

/// Connections to one backend.
fn limit(choice: &Choice<'_>) -> u32 {
    choice.pool.upstream.limits.connections_per_backend
}
