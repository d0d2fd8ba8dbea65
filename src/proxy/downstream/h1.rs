//! How does an HTTP/1 client take part? Over pingora's session, which writes what it is given before it returns.

use super::{Fate, FromClient, Gone, Read};
use crate::proxy::{Served, ends, linger};
use bytes::Bytes;
use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long the end of a connection may take (TLS says goodbye).
const FINISH_TIME: Duration = Duration::from_secs(5);
/// What is left of a small body behind an answer of our own.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// One request of an HTTP/1 connection.
pub struct H1Client(ServerSession);

impl fmt::Debug for H1Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H1Client").finish_non_exhaustive()
    }
}

impl H1Client {
    /// A session whose head is read (`session.read_request()` was true).
    pub fn new(session: ServerSession) -> Self {
        Self(session)
    }

    pub(super) fn head(&self) -> &RequestHeader {
        self.0.req_header()
    }

    pub(super) fn protocol(&self) -> &'static str {
        if self.head().version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" }
    }

    pub(super) fn body_done(&mut self) -> bool {
        self.0.is_body_done()
    }

    pub(super) async fn next(&mut self, read: Read) -> FromClient {
        let watch_only = match read {
            Read::Body => false,
            Read::Watch => true,
            Read::Nothing => return std::future::pending().await,
        };
        match self.0.read_body_or_idle(watch_only).await {
            Ok(Some(chunk)) => FromClient::Chunk(chunk),
            Ok(None) => FromClient::End(None),
            Err(error) if ends::is_malformed_body(&error) => FromClient::Malformed,
            Err(_) => FromClient::Left,
        }
    }

    pub(super) async fn send_continue(&mut self) -> Result<(), Gone> {
        let head = ResponseHeader::build(StatusCode::CONTINUE, Some(0)).map_err(|_| Gone)?;
        self.send_interim(Box::new(head)).await
    }

    pub(super) async fn send_interim(&mut self, head: Box<ResponseHeader>) -> Result<(), Gone> {
        // pingora would take it for an early answer and close the connection behind the real one.
        self.0.set_close_on_response_before_downstream_finish(false);
        self.0.write_response_header(head).await.map_err(|_| Gone)
    }

    pub(super) async fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), Gone> {
        self.0.write_response_header(head).await.map_err(|_| Gone)?;
        if end { self.offer(Bytes::new(), true).await } else { Ok(()) }
    }

    pub(super) async fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        self.0.write_response_body(chunk, end).await.map_err(|_| Gone)
    }

    pub(super) fn close_behind(&mut self) {
        self.0.set_keepalive(None);
    }

    pub(super) fn answer_early(&mut self, drained: bool) {
        if !drained {
            self.close_behind();
        }
        // Without this, pingora would close whenever a body is still to be read; a small one is read behind the answer.
        self.0.set_close_on_response_before_downstream_finish(!drained);
        self.0.set_total_drain_timeout(Some(DRAIN_TIME));
    }

    pub(super) fn status(&self) -> Option<u16> {
        let status = self.0.response_written().map(|head| head.status)?;
        let interim = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        (!interim).then_some(status.as_u16())
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.0.body_bytes_read() as u64
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.0.body_bytes_sent() as u64
    }

    pub(super) async fn end(self, fate: Fate) -> Served {
        match (fate, self.0) {
            (Fate::Finish, session) => {
                let finished = timeout(FINISH_TIME, session.finish()).await;
                finished
                    .ok()
                    .and_then(Result::ok)
                    .flatten()
                    .map_or(Served::Closed, |stream| Served::Again(Box::new(stream)))
            }
            (Fate::Linger, ServerSession::H1(session)) => {
                linger::close(session.into_inner()).await;
                Served::Closed
            }
            (Fate::Reset, ServerSession::H1(session)) => Served::Reset(session.into_inner()),
            (Fate::Linger | Fate::Cut | Fate::Reset, _) => Served::Closed,
        }
    }
}
