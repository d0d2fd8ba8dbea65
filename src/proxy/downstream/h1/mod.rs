//! How does an HTTP/1 client take part? Over its connection, which carries one request after the other; its leaving shows in reading, or, where
//! nothing can be read, at its socket.

mod ending;
mod telling;

use super::{FromClient, Read};
use crate::proxy::heads::Body;
use crate::proxy::message::RequestHead;
use crate::proxy::wire::{Alarm, Departure, Wire};
use bytes::Bytes;
use pulsegate_core::http::http1::body::Decoder;
use pulsegate_core::http::http1::framing::Framing;
use pulsegate_core::plan::HalfClosedClients;
use pulsegate_core::traffic::request::{ClientEnd, Meaning};
use std::io;
use std::task::{Context, Poll, ready};

/// One request of an HTTP/1 connection.
#[derive(Debug)]
pub struct H1Client {
    wire: Box<Wire>,
    head: RequestHead,
    body: Decoder,
    framing: Body,
    half_closed: HalfClosedClients,
    departure: Departure,
    /// How its direction ended, as reading showed it.
    ended: Option<ClientEnd>,
    /// What it was told, once a head was sent.
    status: Option<u16>,
    /// The connection carries no further request.
    closes: bool,
    /// Behind the answer, the rest of the request is read.
    drains: bool,
    bytes_in: u64,
    bytes_out: u64,
}

impl H1Client {
    /// A request whose head was read and checked; `wire`: what came behind it.
    pub fn new(wire: Box<Wire>, head: RequestHead, half_closed: HalfClosedClients) -> Self {
        let framing = head.read().map_or(Body::None, |read| Body::framed(read.framing));
        let mut body = Decoder::new();
        body.begin(head.read().map_or(Framing::None, |read| read.framing));
        let closes = !head.read().is_some_and(|read| read.persists);
        Self {
            wire,
            head,
            body,
            framing,
            half_closed,
            departure: Departure::default(),
            ended: None,
            status: None,
            closes,
            drains: false,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// What wakes the task of its connection.
    pub(super) fn alarm(&mut self) -> &mut Alarm {
        self.wire.alarm()
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn body(&self) -> Body {
        self.framing
    }

    pub(super) fn protocol(&self) -> &'static str {
        if self.head.is_http10() { "HTTP/1.0" } else { "HTTP/1.1" }
    }

    pub(super) fn body_done(&self) -> bool {
        self.body.is_over()
    }

    pub(super) fn is_clear(&self) -> bool {
        self.wire.is_clear()
    }

    // ---------------------------------------------------------- what comes of it

    pub(super) fn poll_next(&mut self, read: Read, cx: &mut Context<'_>) -> Poll<FromClient> {
        if let Poll::Ready(passed) = self.wire.poll_pass(cx) {
            return Poll::Ready(if passed.is_ok() { FromClient::Taken } else { FromClient::Left });
        }
        match read {
            Read::Body => self.poll_body(cx),
            Read::Watch | Read::Nothing => self.poll_left(cx).map(|()| FromClient::Left),
            Read::Reset => self.departure.poll_reset(self.wire.socket(), cx).map(|()| FromClient::Left),
        }
    }

    fn is_tunnel(&self) -> bool {
        self.status == Some(101)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<FromClient> {
        loop {
            if self.is_tunnel() && !self.wire.inbox().is_empty() {
                let piece = self.wire.take(self.wire.inbox().len());
                self.bytes_in += piece.len() as u64;
                return Poll::Ready(FromClient::Chunk(piece));
            }
            match self.take_body() {
                Ok(Some(piece)) => return Poll::Ready(FromClient::Chunk(piece)),
                Ok(None) if self.body.is_over() && !self.is_tunnel() => {
                    return Poll::Ready(FromClient::End(None));
                }
                Ok(None) => {}
                Err(Malformed) => return Poll::Ready(FromClient::Malformed),
            }
            match self.ended {
                Some(ClientEnd::Finished) if self.is_tunnel() => return Poll::Ready(FromClient::End(None)),
                Some(end) => {
                    return Poll::Ready(match end.means(self.half_closed, true) {
                        Meaning::Incomplete => FromClient::Malformed,
                        Meaning::Left | Meaning::Waits => FromClient::Left,
                    });
                }
                None => ready!(self.poll_fill(cx)),
            }
        }
    }

    /// What was read of the body already.
    pub(super) fn at_hand(&mut self) -> Option<FromClient> {
        match self.take_body() {
            Ok(piece) => piece.map(FromClient::Chunk),
            Err(Malformed) => Some(FromClient::Malformed),
        }
    }

    /// The next piece of the body that was read already.
    fn take_body(&mut self) -> Result<Option<Bytes>, Malformed> {
        while !self.body.is_over() && !self.wire.inbox().is_empty() && !self.is_tunnel() {
            let part = self.body.take(self.wire.inbox()).map_err(|_| Malformed)?;
            self.wire.skip(part.data.start);
            let piece = self.wire.take(part.data.len());
            self.wire.skip(part.taken - part.data.end);
            if !piece.is_empty() {
                self.bytes_in += piece.len() as u64;
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Reads on; the end of its direction is noted.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ended = match ready!(self.wire.poll_fill(cx)) {
            Ok(0) => Some(ClientEnd::Finished),
            Ok(_) => None,
            // TLS that ends without its goodbye has an end all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(ClientEnd::Finished),
            Err(_) => Some(ClientEnd::Reset),
        };
        Poll::Ready(())
    }

    /// Ready when it has left. What it sends meanwhile is read as far as there is room, since its end comes behind it.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let end = match self.ended {
                Some(end) => end,
                None if self.wire.is_full() => ready!(self.departure.poll_end(self.wire.socket(), cx)),
                None => {
                    ready!(self.poll_fill(cx));
                    continue;
                }
            };
            // Whether it owes something shows in reading its body.
            return match end.means(self.half_closed, false) {
                Meaning::Left | Meaning::Incomplete => Poll::Ready(()),
                Meaning::Waits => self.departure.poll_reset(self.wire.socket(), cx),
            };
        }
    }

    // ---------------------------------------------------------- how it goes

    pub(super) fn close_behind(&mut self) {
        self.closes = true;
    }

    /// An own answer is written now; what is left of the request's body is read behind it (`drained`), or never.
    pub(in crate::proxy) fn answer_early(&mut self, drained: bool) {
        self.drains = drained;
        self.closes |= !drained;
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.bytes_out
    }
}

/// What it sends is no body.
struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::message::Places;
    use crate::proxy::wire::{Socket, Transport};
    use pulsegate_core::http::http1::request;
    use std::future::poll_fn;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    /// The client of a request of which so much has come.
    pub(super) async fn client(head: &str, body: &[u8]) -> (H1Client, UnixStream) {
        let mut spans = Places::default();
        let read = request::read(head.as_bytes(), &mut spans).unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut wire = Wire::new(Socket::Plain(Transport::Unix(near)));
        if !body.is_empty() {
            far.write_all(body).await.unwrap();
            poll_fn(|cx| wire.poll_fill(cx)).await.unwrap();
        }
        let head = RequestHead::written(head.as_bytes(), spans, read.head);
        (H1Client::new(wire, head, HalfClosedClients::Cancel), far)
    }

    #[tokio::test]
    async fn what_came_with_the_head_is_at_hand_and_nothing_else_is_waited_for() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let (mut all, _far) = client(head, b"hello").await;
        assert!(matches!(all.at_hand(), Some(FromClient::Chunk(piece)) if piece == "hello"));
        assert!(all.body_done() && all.at_hand().is_none());
        let (mut some, _far) = client(head, b"he").await;
        assert!(matches!(some.at_hand(), Some(FromClient::Chunk(piece)) if piece == "he"));
        assert!(!some.body_done() && some.at_hand().is_none());
        let (mut none, _far) = client(head, b"").await;
        assert!(none.at_hand().is_none());
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (mut broken, _far) = client(chunked, b"no chunk\r\n").await;
        assert!(matches!(broken.at_hand(), Some(FromClient::Malformed)));
    }
}
