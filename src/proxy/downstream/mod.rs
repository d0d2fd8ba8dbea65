//! Who asked, as the exchange sees it: one request of an HTTP/1 connection, or one stream of an HTTP/2 connection.
//!
//! Both sides of a relay have the same shape: `poll_next` says whatever comes first, `offer` hands something over, and until
//! `is_clear` nothing more may be offered. An offer never waits: what is not taken at once goes on in `poll_next`, while the other direction
//! goes on too.

mod broken;
mod copy;
mod fate;
mod h1;
mod h2;
mod one_form;

use crate::proxy::Served;
use crate::proxy::heads::Body;
use crate::proxy::message::{RequestHead, Told};
use crate::proxy::wire::Alarm;
use ::http::HeaderMap;
pub use broken::BrokenStream;
use bytes::Bytes;
pub use copy::CopyClient;
pub use fate::Fate;
pub use h1::H1Client;
pub use h2::H2Client;
pub(super) use pulsegate_core::traffic::request::Read;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// The client's side of one exchange.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of HTTP/1, and a box would be asked for with every request"
)]
#[derive(Debug)]
pub enum ClientSide {
    H1(H1Client),
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
    /// What wakes the task of its connection, lent for this exchange.
    pub(super) fn alarm(&mut self) -> Alarm {
        match self {
            Self::H1(client) => std::mem::take(client.alarm()),
            Self::H2(_) | Self::Copy(_) => Alarm::default(),
        }
    }

    /// Gives it back.
    pub(super) fn set_alarm(&mut self, alarm: Alarm) {
        if let Self::H1(client) = self {
            *client.alarm() = alarm;
        }
    }

    pub(super) fn head(&self) -> &RequestHead {
        match self {
            Self::H1(client) => client.head(),
            Self::H2(client) => client.head(),
            Self::Copy(client) => client.head(),
        }
    }

    /// How the request's body comes.
    pub(super) fn body(&self) -> Body {
        match self {
            Self::H1(client) => client.body(),
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
    pub(super) fn body_done(&self) -> bool {
        match self {
            Self::H1(client) => client.body_done(),
            Self::H2(client) => client.body_done(),
            Self::Copy(client) => client.body_done(),
        }
    }

    /// What comes of the client next.
    pub(super) fn poll_next(&mut self, read: Read, cx: &mut Context<'_>) -> Poll<FromClient> {
        match self {
            Self::H1(client) => client.poll_next(read, cx),
            Self::H2(client) => client.poll_next(read, cx),
            Self::Copy(client) => client.poll_next(read),
        }
    }

    /// What was read of its body already, without asking for more.
    pub(super) fn at_hand(&mut self) -> Option<FromClient> {
        match self {
            Self::H1(client) => client.at_hand(),
            Self::H2(_) | Self::Copy(_) => None,
        }
    }

    /// Waits for it. Safe to cancel.
    pub(super) async fn next(&mut self, read: Read) -> FromClient {
        poll_fn(|cx| self.poll_next(read, cx)).await
    }

    /// Waits until the client has left. What it was offered stays where it is.
    pub(super) async fn left(&mut self) {
        poll_fn(|cx| self.poll_left(cx)).await;
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::H1(client) => client.poll_left(cx),
            Self::H2(client) => client.poll_left(cx).map(drop),
            Self::Copy(_) => Poll::Pending,
        }
    }

    /// It has left already.
    pub(super) fn has_left(&mut self) -> bool {
        self.poll_left(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Another piece of the response may be offered.
    pub(super) fn is_clear(&self) -> bool {
        match self {
            Self::H1(client) => client.is_clear(),
            Self::H2(client) => client.is_clear(),
            Self::Copy(_) => true,
        }
    }

    pub(super) fn send_continue(&mut self) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_continue(),
            Self::H2(client) => client.send_continue(),
            Self::Copy(_) => Ok(()),
        }
    }

    /// The head of an interim answer.
    pub(super) fn send_interim(&mut self, head: &impl Told) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_interim(head),
            Self::H2(client) => client.send_interim(head),
            Self::Copy(_) => Ok(()),
        }
    }

    /// `end`: nothing follows it.
    pub(super) fn send_head(&mut self, head: &impl Told, end: bool) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.send_head(head, end),
            Self::H2(client) => client.send_head(head, end),
            Self::Copy(client) => {
                client.take_head(head.status());
                Ok(())
            }
        }
    }

    /// A piece of the answer's body. `end`: it is the last.
    pub(super) fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.offer(chunk, end),
            Self::H2(client) => client.offer(chunk, end),
            Self::Copy(_) => Ok(()),
        }
    }

    /// Ends our direction of a tunnel; the client's goes on.
    pub(super) fn end_direction(&mut self) -> Result<(), Gone> {
        match self {
            Self::H1(client) => client.end_direction(),
            Self::H2(client) => client.end_direction(),
            Self::Copy(_) => Ok(()),
        }
    }

    /// Ends the response with trailers, where the client's protocol has a place for them.
    pub(super) fn offer_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        match self {
            // Between HTTP/1 and us they are dropped.
            Self::H1(client) => client.offer(Bytes::new(), true),
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

    /// The client did not send what it owes, and a next request would be behind that.
    pub(super) fn leave_behind(&mut self) {
        match self {
            Self::H1(client) => client.close_behind(),
            Self::H2(client) => client.leave_behind(),
            Self::Copy(_) => {}
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

    /// Ends the exchange where nothing is to be waited for, as nearly always. Its future would be as large as the client, and moved.
    ///
    /// # Errors
    /// Something is.
    #[expect(
        clippy::result_large_err,
        reason = "whoever is not at its end yet is no error, and a box would be asked for"
    )]
    pub fn end_at_once(self, fate: Fate) -> Result<Served, Self> {
        match self {
            Self::H1(client) => client.end_at_once(fate).map_err(Self::H1),
            client => Err(client),
        }
    }

    /// Ends the exchange.
    pub async fn end(self, fate: Fate) -> Served {
        match self {
            Self::H1(client) => client.end(fate).await,
            Self::H2(client) => client.end(fate).await,
            Self::Copy(_) => Served::Closed,
        }
    }
}
