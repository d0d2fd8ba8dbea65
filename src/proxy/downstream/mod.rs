//! Who asked, as the exchange sees it: one request of an HTTP/1 connection, or one stream of an HTTP/2 connection.
//!
//! Both sides of a relay have the same shape: `next` waits for whatever comes first, `offer` hands something over, and until
//! `is_clear` nothing more may be offered. On HTTP/1 an offer is written before it returns; on HTTP/2 it waits for the window, while
//! the other direction goes on.

mod broken;
mod copy;
mod fate;
mod h1;
mod h2;
mod one_form;
mod socket;

use crate::proxy::Served;
use crate::proxy::heads::Body;
use ::http::HeaderMap;
pub use broken::BrokenStream;
use bytes::Bytes;
pub use copy::CopyClient;
pub(super) use fate::Fate;
pub use h1::H1Client;
pub use h2::H2Client;
use pingora::http::{RequestHeader, ResponseHeader};
pub(super) use pulsegate_core::traffic::request::Read;
pub use socket::ClientSocket;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// The client's side of one exchange.
#[derive(Debug)]
pub enum ClientSide {
    H1(Box<H1Client>),
    H2(Box<H2Client>),
    /// Nobody: the copy of a request for a mirror.
    Copy(Box<CopyClient>),
}

/// What came of the client.
#[derive(Debug)]
pub(super) enum FromClient {
    Chunk(Bytes),
    /// The body's end; trailers on HTTP/2 only.
    End(Option<HeaderMap>),
    /// Some of what was offered has been taken.
    Taken,
    Left,
    /// What it sends is no body.
    Malformed,
}

/// The client is gone, or takes nothing any more.
#[derive(Debug)]
pub(super) struct Gone;

impl ClientSide {
    pub(super) fn head(&self) -> &RequestHeader {
        match self {
            Self::H1(client) => client.head(),
            Self::H2(client) => client.head(),
            Self::Copy(client) => client.head(),
        }
    }

    /// How the request's body comes.
    pub(super) fn body(&self) -> Body {
        match self {
            Self::H1(client) => Body::of(client.head()),
            Self::H2(client) => client.body(),
            Self::Copy(client) => client.body(),
        }
    }

    /// Its connection carries one request after the other.
    pub(super) fn is_one_at_a_time(&self) -> bool {
        matches!(self, Self::H1(_))
    }

    /// The name of the protocol, for records.
    pub(super) fn protocol(&self) -> &'static str {
        match self {
            Self::H1(client) => client.protocol(),
            Self::H2(_) => "HTTP/2.0",
            Self::Copy(_) => "copy",
        }
    }

    /// All of the body has been read.
    pub(super) fn body_done(&mut self) -> bool {
        match self {
            Self::H1(client) => client.body_done(),
            Self::H2(client) => client.body_done(),
            Self::Copy(client) => client.body_done(),
        }
    }

    /// Waits for the client. Safe to cancel.
    pub(super) async fn next(&mut self, read: Read) -> FromClient {
        match self {
            Self::H1(client) => client.next(read).await,
            Self::H2(client) => client.next(read).await,
            Self::Copy(client) => client.next(read).await,
        }
    }

    /// Waits until the client has left. What it sends meanwhile stays unread, and what it was offered where it is.
    pub(super) async fn left(&mut self, read: Read) {
        match self {
            Self::H1(client) => client.left(read).await,
            Self::H2(client) => client.left().await,
            Self::Copy(_) => std::future::pending().await,
        }
    }

    /// It has left already.
    pub(super) async fn has_left(&mut self) -> bool {
        let mut left = pin!(self.left(Read::Nothing));
        poll_fn(|cx| Poll::Ready(left.as_mut().poll(cx).is_ready())).await
    }

    /// Another piece of the response may be offered.
    pub(super) fn is_clear(&self) -> bool {
        match self {
            Self::H1(_) | Self::Copy(_) => true,
            Self::H2(client) => client.is_clear(),
        }
    }

    pub(super) async fn send_continue(&mut self) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_continue().await,
            Self::H2(client) => client.send_continue(),
            Self::Copy(_) => Ok(()),
        }
    }

    /// The head of an interim answer.
    pub(super) async fn send_interim(&mut self, head: Box<ResponseHeader>) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_interim(head).await,
            Self::H2(client) => client.send_interim(*head),
            Self::Copy(_) => Ok(()),
        }
    }

    /// `end`: nothing follows it.
    pub(super) async fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_head(head, end).await,
            Self::H2(client) => client.send_head(*head, end),
            Self::Copy(client) => {
                client.take_head(head.status.as_u16());
                Ok(())
            }
        }
    }

    pub(super) async fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.offer(chunk, end).await,
            Self::H2(client) => client.offer(chunk, end),
            Self::Copy(_) => Ok(()),
        }
    }

    /// Ends our direction of a tunnel; the client's goes on.
    pub(super) async fn end_direction(&mut self) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.end_direction().await,
            Self::H2(client) => client.end_direction(),
            Self::Copy(_) => Ok(()),
        }
    }

    /// Ends the response with trailers, where the client's protocol has a place for them.
    pub(super) async fn offer_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.offer(Bytes::new(), true).await,
            Self::H2(client) => client.offer_trailers(trailers),
            Self::Copy(_) => Ok(()),
        }
    }

    /// The connection ends behind this exchange (an HTTP/2 connection leaves by GOAWAY, which is the front's).
    pub(super) fn close_behind(&mut self) {
        if let Self::H1(client) = self {
            client.close_behind();
        }
    }

    /// The answer comes before the request is whole.
    pub(super) fn overtake(&mut self) {
        if let Self::H1(client) = self {
            client.overtake();
        }
    }

    /// The client did not send what it owes, and a next request would be behind that.
    pub(super) fn leave_behind(&mut self) {
        match self {
            Self::H1(client) => client.close_behind(),
            Self::H2(client) => client.leave_behind(),
            Self::Copy(_) => {}
        }
    }

    /// An own answer is written now; what is left of the request's body is read behind it (`drained`), or never.
    pub(super) fn answer_early(&mut self, drained: bool) {
        if let Self::H1(client) = self {
            client.answer_early(drained);
        }
    }

    /// The status that was sent.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::H1(client) => client.status(),
            Self::H2(client) => client.status(),
            Self::Copy(client) => client.status(),
        }
    }

    /// The status that a gRPC caller was told, in a head or in trailers.
    pub(super) fn grpc_status(&self) -> Option<u16> {
        match self {
            Self::H2(client) => client.grpc_status(),
            Self::H1(_) | Self::Copy(_) => None,
        }
    }

    /// Bytes of the request's body that were read.
    pub(super) fn bytes_in(&self) -> u64 {
        match self {
            Self::H1(client) => client.bytes_in(),
            Self::H2(client) => client.bytes_in(),
            Self::Copy(_) => 0,
        }
    }

    /// Bytes of the response's body that were sent.
    pub(super) fn bytes_out(&self) -> u64 {
        match self {
            Self::H1(client) => client.bytes_out(),
            Self::H2(client) => client.bytes_out(),
            Self::Copy(_) => 0,
        }
    }

    /// Ends the exchange.
    pub(super) async fn end(self, fate: Fate) -> Served {
        match self {
            Self::H1(client) => client.end(fate).await,
            Self::H2(client) => client.end(fate).await,
            Self::Copy(_) => Served::Closed,
        }
    }
}
