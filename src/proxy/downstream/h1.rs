//! How does an HTTP/1 client take part? Over its connection, which carries one request after the other; its leaving shows in reading, or, where
//! nothing can be read, at its socket.

use super::{Fate, FromClient, Gone, Read};
use crate::proxy::heads::Body;
use crate::proxy::message::{RequestHead, Told};
use crate::proxy::wire::{Alarm, Departure, Framer, Refused, Wire};
use crate::proxy::{Served, date, linger};
use bytes::Bytes;
use http::Version;
use pulsegate_core::http::http1::body::Decoder;
use pulsegate_core::http::http1::framing::Framing;
use pulsegate_core::http::http1::persistence::ends_with_its_head;
use pulsegate_core::http::http1::{status, write};
use pulsegate_core::plan::HalfClosedClients;
use pulsegate_core::traffic::request::{ClientEnd, Meaning};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::timeout;

/// How long the end of a connection may take (TLS says goodbye).
const FINISH_TIME: Duration = Duration::from_secs(5);
/// What is left of a small body behind an answer of our own.
const DRAIN_TIME: Duration = Duration::from_secs(2);

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

    pub(super) fn alarm(&mut self) -> Alarm {
        std::mem::take(self.wire.alarm())
    }

    pub(super) fn set_alarm(&mut self, alarm: Alarm) {
        *self.wire.alarm() = alarm;
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn body(&self) -> Body {
        self.framing
    }

    pub(super) fn protocol(&self) -> &'static str {
        if self.is_http10() { "HTTP/1.0" } else { "HTTP/1.1" }
    }

    fn is_http10(&self) -> bool {
        self.head.version() == Version::HTTP_10
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

    // ---------------------------------------------------------- what it is told

    pub(super) fn send_continue(&mut self) -> Result<(), Gone> {
        self.wire.out().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        Ok(self.wire.pass()?)
    }

    pub(super) fn send_interim(&mut self, head: &impl Told) -> Result<(), Gone> {
        let out = self.wire.out();
        status_line(head, out);
        head.fields(out);
        out.extend_from_slice(b"\r\n");
        Ok(self.wire.pass()?)
    }

    /// The head waits for the first bytes of the body, and leaves with them; or when there is nothing else to do.
    pub(super) fn send_head(&mut self, head: &impl Told, end: bool) -> Result<(), Gone> {
        let status = head.status();
        self.status = Some(status);
        let framer = self.framer(head);
        self.wire.frame(framer);
        let closes = self.closes;
        let out = self.wire.out();
        status_line(head, out);
        head.fields(out);
        if !head.is_dated() {
            write::field(out, b"Date", &date::now());
        }
        if framer == Framer::Chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        out.extend_from_slice(match status {
            101 => b"Connection: Upgrade\r\n".as_slice(),
            426 if closes => b"Connection: Upgrade, close\r\n",
            426 => b"Connection: Upgrade, keep-alive\r\n",
            _ if closes => b"Connection: close\r\n",
            _ => b"Connection: keep-alive\r\n",
        });
        out.extend_from_slice(b"\r\n");
        if end { self.offer(Bytes::new(), true) } else { Ok(()) }
    }

    fn framer(&mut self, head: &impl Told) -> Framer {
        let status = head.status();
        match head.length() {
            _ if status == 101 => Framer::ToTheEnd,
            _ if ends_with_its_head(status, self.head.is_head()) => Framer::Nothing,
            Some(length) => Framer::Length(length),
            None if !self.is_http10() => Framer::Chunked,
            // Only HTTP/1.0 gets an answer that does not say where it ends.
            None => {
                self.closes = true;
                Framer::ToTheEnd
            }
        }
    }

    pub(super) fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        self.bytes_out += chunk.len() as u64;
        Ok(self.wire.offer(chunk, end)?)
    }

    pub(super) fn end_direction(&mut self) -> Result<(), Gone> {
        Ok(self.wire.end_direction()?)
    }

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

    // ---------------------------------------------------------- how it ends

    /// Nothing of this exchange is left, and the connection carries another one.
    pub(super) fn goes_on(&self, fate: Fate) -> bool {
        fate == Fate::Finish && self.wire.is_empty() && self.body.is_over() && self.is_reusable()
    }

    fn is_reusable(&self) -> bool {
        !self.closes && !self.is_tunnel() && self.ended != Some(ClientEnd::Reset)
    }

    /// Its connection, for the next request.
    pub(super) fn again(self) -> Served {
        Served::Again(self.wire)
    }

    pub(super) async fn end(mut self, fate: Fate) -> Served {
        match fate {
            // Nobody waits for the rest of a body before it hears that this was the last answer.
            Fate::Finish if self.closes && !self.body.is_over() => self.linger().await,
            Fate::Finish => {
                let finished = if self.wire.is_empty() && self.body.is_over() {
                    true
                } else {
                    timeout(DRAIN_TIME, self.settle()).await.is_ok_and(|settled| settled)
                };
                if finished && self.is_reusable() {
                    return self.again();
                }
                let _ = timeout(FINISH_TIME, poll_fn(|cx| self.wire.poll_end(cx))).await;
            }
            Fate::Linger | Fate::Cut => self.linger().await,
            Fate::Reset => {
                // As far as the client takes it at once.
                let _ = self.wire.pass();
                self.wire.into_parts().0.reset();
            }
        }
        Served::Closed
    }

    /// What was told of it leaves first: the record says so.
    async fn linger(mut self) {
        let flushed = timeout(FINISH_TIME, poll_fn(|cx| self.wire.poll_flush(cx))).await;
        if flushed.is_ok_and(|flushed| flushed.is_ok()) {
            linger::close(self.wire.into_parts().0).await;
        }
    }

    /// What waits leaves, and what is left of a small body is read. False: it cannot be.
    async fn settle(&mut self) -> bool {
        if poll_fn(|cx| self.wire.poll_flush(cx)).await.is_err() {
            return false;
        }
        while self.drains && !self.body.is_over() {
            match poll_fn(|cx| self.poll_body(cx)).await {
                FromClient::Chunk(_) => {}
                FromClient::End(_) => return true,
                FromClient::Taken | FromClient::Left | FromClient::Malformed => return false,
            }
        }
        self.body.is_over()
    }
}

/// What it sends is no body.
struct Malformed;

fn status_line(head: &impl Told, out: &mut Vec<u8>) {
    write::status_line(out, head.status(), head.reason().unwrap_or_else(|| status::reason(head.status())));
}

impl From<Refused> for Gone {
    fn from(_: Refused) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::message::Places;
    use crate::proxy::wire::{Socket, Transport};
    use pulsegate_core::http::http1::request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::Instant;

    /// The client of a request of which so much has come.
    async fn client(head: &str, body: &[u8]) -> (H1Client, UnixStream) {
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

    #[tokio::test(start_paused = true)]
    #[allow(clippy::disallowed_methods, reason = "tests have no clock but the runtime's")]
    async fn whoever_keeps_its_body_back_hears_the_end_at_once() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
        let (mut client, mut far) = client(head, b"").await;
        client.answer_early(true);
        let began = Instant::now();
        let ending = tokio::spawn(client.end(Fate::Finish));
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(Instant::now(), began, "nothing was waited for");
        drop(far);
        assert!(matches!(ending.await.unwrap(), Served::Closed));
    }
}
