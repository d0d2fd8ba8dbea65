//! How does an HTTP/1 client take part? Over pingora's session, which writes what it is given before it returns; its leaving shows at its
//! socket, whatever is still to be read.

use super::{ClientSocket, Fate, FromClient, Gone, Read};
use crate::proxy::at_once::at_once;
use crate::proxy::{Served, ends, heads, linger};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{Method, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorType};
use pulsegate_core::http::http1::persistence::{ends_with_its_connection, persists};
use pulsegate_core::plan::HalfClosedClients;
use pulsegate_core::traffic::request::{ClientEnd, Meaning};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// How long the end of a connection may take (TLS says goodbye).
const FINISH_TIME: Duration = Duration::from_secs(5);
/// What is left of a small body behind an answer of our own.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// One request of an HTTP/1 connection.
pub struct H1Client {
    session: ServerSession,
    half_closed: HalfClosedClients,
    /// Reading tells no more of whether it is there: it has ended its direction, or sent more than this request.
    heard: bool,
}

impl fmt::Debug for H1Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H1Client").finish_non_exhaustive()
    }
}

impl H1Client {
    /// A session whose head is read (`session.read_request()` was true).
    pub fn new(session: ServerSession, half_closed: HalfClosedClients) -> Self {
        let mut client = Self { session, half_closed, heard: false };
        client.believe_its_end(ClientEnd::Finished.means(half_closed, false) == Meaning::Left);
        // pingora reads the first line only.
        let head = client.head();
        if !persists(heads::lines(&head.headers, CONNECTION), head.version == Version::HTTP_10) {
            client.close_behind();
        }
        client
    }

    fn believe_its_end(&self, is_departure: bool) {
        if let Some(socket) = self.socket() {
            socket.believe_its_end(is_departure);
        }
    }

    pub(super) fn head(&self) -> &RequestHeader {
        self.session.req_header()
    }

    pub(super) fn protocol(&self) -> &'static str {
        if self.head().version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }
    }

    pub(super) fn body_done(&mut self) -> bool {
        self.session.is_body_done()
    }

    pub(super) async fn next(&mut self, read: Read) -> FromClient {
        match read {
            // Who has left is not heard out.
            Read::Body if self.session.was_upgraded() || !self.has_left().await => self.read_body().await,
            Read::Body => FromClient::Left,
            Read::Watch if !self.heard && self.goodbye().await == Meaning::Left => FromClient::Left,
            Read::Watch | Read::Nothing | Read::Reset => {
                self.left(read).await;
                FromClient::Left
            }
        }
    }

    async fn read_body(&mut self) -> FromClient {
        match self.session.read_body_or_idle(false).await {
            Ok(Some(chunk)) => FromClient::Chunk(chunk),
            Ok(None) => FromClient::End(None),
            Err(error) if ends::is_malformed_body(&error) => FromClient::Malformed,
            Err(error) => match end(&error).means(self.half_closed, true) {
                Meaning::Incomplete => FromClient::Malformed,
                Meaning::Left | Meaning::Waits => FromClient::Left,
            },
        }
    }

    /// Reads until the client's end, which in TLS shows nowhere else, or until something comes behind the request (which pingora keeps).
    async fn goodbye(&mut self) -> Meaning {
        let before = self.socket().map(ClientSocket::bytes_read);
        let goes_on = matches!(&self.session, ServerSession::H1(session) if session.will_keepalive());
        let heard = poll_fn(|cx| {
            let idle = pin!(self.session.read_body_or_idle(true)).poll(cx);
            match idle {
                Poll::Ready(heard) => Poll::Ready(heard.err()),
                Poll::Pending if self.socket().map(ClientSocket::bytes_read) != before => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        let meaning = heard.await.map_or(Meaning::Waits, |error| end(&error).means(self.half_closed, false));
        self.heard = true;
        if goes_on && meaning == Meaning::Waits {
            // pingora ends a connection behind whoever has ended its direction, but requests of a pipeline may be here already.
            self.session.set_keepalive(Some(0));
        }
        // Nobody reads any more, and so nothing would release a head.
        if let Some(socket) = self.socket() {
            socket.hold_nothing_back();
        }
        meaning
    }

    /// Waits until the client has left.
    pub(super) async fn left(&self, read: Read) {
        let Some(socket) = self.socket() else { return pending().await };
        if read == Read::Reset || socket.ended().await.means(self.half_closed, false) != Meaning::Left {
            socket.reset_by_client().await;
        }
    }

    async fn has_left(&self) -> bool {
        let mut left = pin!(self.left(Read::Nothing));
        poll_fn(|cx| Poll::Ready(left.as_mut().poll(cx).is_ready())).await
    }

    fn socket(&self) -> Option<&ClientSocket> {
        self.session.stream().and_then(ClientSocket::of)
    }

    pub(super) async fn send_continue(&mut self) -> Result<(), Gone> {
        let head = ResponseHeader::build(StatusCode::CONTINUE, Some(0)).map_err(|_| Gone)?;
        self.send_interim(Box::new(head)).await
    }

    pub(super) async fn send_interim(&mut self, head: Box<ResponseHeader>) -> Result<(), Gone> {
        // pingora would take it for an early answer and close the connection behind the real one.
        self.session.set_close_on_response_before_downstream_finish(false);
        self.session.write_response_header(head).await.map_err(|_| Gone)
    }

    pub(super) async fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), Gone> {
        if head.status == 101 {
            // From now on it is the end of one direction.
            self.believe_its_end(false);
        }
        if self.ends_with_its_connection(&head) {
            self.close_behind();
        }
        self.session.write_response_header(head).await.map_err(|_| Gone)?;
        if end { self.offer(Bytes::new(), true).await } else { Ok(()) }
    }

    /// Only HTTP/1.0 gets an answer that does not say where it ends; pingora finds that out when it has said `keep-alive`.
    fn ends_with_its_connection(&self, head: &ResponseHeader) -> bool {
        let asked = self.head();
        asked.version == Version::HTTP_10
            && ends_with_its_connection(
                head.status.as_u16(),
                asked.method == Method::HEAD,
                head.headers.contains_key(CONTENT_LENGTH),
            )
    }

    pub(super) async fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        self.session.write_response_body(chunk, end).await.map_err(|_| Gone)
    }

    pub(super) async fn end_direction(&mut self) -> Result<(), Gone> {
        self.socket().ok_or(Gone)?.end_with_next_flush();
        match &mut self.session {
            // Nothing, and a flush.
            ServerSession::H1(session) => session.write_body(&[]).await.map(drop).map_err(|_| Gone),
            _ => Err(Gone),
        }
    }

    pub(super) fn close_behind(&mut self) {
        self.session.set_keepalive(None);
    }

    /// Nobody may read from here any more, which would end the connection's use and release a head that is held back.
    pub(super) fn overtake(&mut self) {
        self.close_behind();
        if let Some(socket) = self.socket() {
            socket.hold_nothing_back();
        }
    }

    pub(super) fn answer_early(&mut self, drained: bool) {
        if !drained {
            self.close_behind();
        }
        // Without this, pingora would close whenever a body is still to be read; a small one is read behind the answer.
        self.session.set_close_on_response_before_downstream_finish(!drained);
        self.session.set_total_drain_timeout(Some(DRAIN_TIME));
    }

    pub(super) fn status(&self) -> Option<u16> {
        let status = self.session.response_written().map(|head| head.status)?;
        let interim = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        (!interim).then_some(status.as_u16())
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.session.body_bytes_read() as u64
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.session.body_bytes_sent() as u64
    }

    pub(super) async fn end(self, fate: Fate) -> Served {
        match (fate, self.session) {
            (Fate::Finish, session) => {
                let finished = timeout(FINISH_TIME, session.finish()).await;
                finished
                    .ok()
                    .and_then(Result::ok)
                    .flatten()
                    .map_or(Served::Closed, |stream| Served::Again(Box::new(stream)))
            }
            (Fate::Linger | Fate::Cut, ServerSession::H1(session)) => {
                linger::close(session.into_inner()).await;
                Served::Closed
            }
            (Fate::Reset, ServerSession::H1(session)) => {
                let mut stream = session.into_inner();
                // A head that is held back for its body, as far as the client takes it at once.
                let _ = at_once(pin!(stream.flush())).await;
                Served::Reset(stream)
            }
            (Fate::Linger | Fate::Cut | Fate::Reset, _) => Served::Closed,
        }
    }
}

/// How the client's direction ended, as the session says it.
fn end(error: &Error) -> ClientEnd {
    let cause = error.root_cause().downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    // TLS that ends without its goodbye has an end all the same.
    let finished = *error.etype() == ErrorType::ConnectionClosed || cause == Some(std::io::ErrorKind::UnexpectedEof);
    if finished { ClientEnd::Finished } else { ClientEnd::Reset }
}
