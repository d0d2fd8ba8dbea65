//! How does a stream of an HTTP/2 connection take part? Both of its directions at once: nothing here waits for the window but `next`.

use super::one_form::in_one_form;
use super::{BrokenStream, Fate, FromClient, Gone, Read};
use crate::proxy::Served;
use crate::proxy::date;
use crate::proxy::heads::{Body, grpc_status};
use crate::proxy::message::{RequestHead, Told};
use crate::proxy::outbox::Outbox;
use crate::proxy::websocket;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{DATE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use pulsegate_core::http::head::has_outer_blanks;
use pulsegate_core::http::http2::frames::is_broken;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::timeout;

/// What still comes of a request that is answered is read and thrown away within these bounds.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// One stream, from its request to its end.
pub struct H2Client {
    head: RequestHead,
    body: RecvStream,
    /// The client asks for a tunnel: what comes is no body, and its own.
    tunnel: bool,
    /// What has come of it ahead of being asked for.
    ahead: Option<FromClient>,
    /// DATA is over; trailers may follow.
    data_over: bool,
    body_over: bool,
    respond: SendResponse<Bytes>,
    outbox: Option<Outbox>,
    status: Option<u16>,
    /// What a gRPC caller was told.
    grpc_status: Option<u16>,
    /// The client took the request back.
    left: bool,
    /// The connection should take no further streams.
    leaves: bool,
    bytes_in: u64,
    bytes_out: u64,
}

impl fmt::Debug for H2Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H2Client").field("stream", &self.respond.stream_id()).finish_non_exhaustive()
    }
}

impl H2Client {
    /// A request that the front has checked.
    pub fn new(request: http::Request<RecvStream>, respond: SendResponse<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let tunnel = parts.method == Method::CONNECT;
        let over = body.is_end_stream() && !tunnel;
        let mut client = Self {
            head: RequestHead::Mapped(Box::new(in_one_form(parts))),
            tunnel,
            ahead: None,
            data_over: over,
            body_over: over,
            body,
            respond,
            outbox: None,
            status: None,
            grpc_status: None,
            left: false,
            leaves: false,
            bytes_in: 0,
            bytes_out: 0,
        };
        client.look_ahead();
        client
    }

    /// Takes what has arrived together with the head: a body that ended without a byte is none, and a backend is told of none. Nobody waits.
    fn look_ahead(&mut self) {
        if !self.body_over
            && !self.tunnel
            && let Poll::Ready(from) = self.poll_body(&mut Context::from_waker(Waker::noop()))
        {
            let ended = matches!(from, FromClient::End(None));
            self.ahead = (!ended).then_some(from);
        }
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn body(&self) -> Body {
        let none = self.tunnel || (self.body_over && self.bytes_in == 0);
        if none { Body::None } else { Body::of_length(&self.head) }
    }

    pub(super) fn body_done(&self) -> bool {
        self.tunnel || (self.body_over && self.ahead.is_none())
    }

    pub(super) fn is_clear(&self) -> bool {
        self.outbox.as_ref().is_none_or(Outbox::is_clear)
    }

    pub(super) fn poll_next(&mut self, read: Read, cx: &mut Context<'_>) -> Poll<FromClient> {
        if let Some(outbox) = &mut self.outbox
            && let Poll::Ready(taken) = outbox.poll_pass(cx)
        {
            return Poll::Ready(if taken.is_ok() { FromClient::Taken } else { FromClient::Left });
        }
        if read == Read::Body
            && let Some(ahead) = self.ahead.take()
        {
            return Poll::Ready(ahead);
        }
        if read == Read::Body
            && !self.body_over
            && let Poll::Ready(from) = self.poll_body(cx)
        {
            return Poll::Ready(from);
        }
        self.poll_left(cx)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<FromClient> {
        while !self.data_over {
            match std::task::ready!(self.body.poll_data(cx)) {
                // It is no part of a body, and no sign of progress.
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    self.bytes_in += chunk.len() as u64;
                    // The relay asks for more only when the other side has taken what it had: the window follows the backend.
                    let _ = self.body.flow_control().release_capacity(chunk.len());
                    // A tunnel tells of its end by itself.
                    self.body_over = self.body.is_end_stream() && !self.tunnel;
                    return Poll::Ready(FromClient::Chunk(chunk));
                }
                Some(Err(_)) => return Poll::Ready(FromClient::Left),
                None => self.data_over = true,
            }
        }
        match std::task::ready!(self.body.poll_trailers(cx)) {
            Ok(Some(trailers)) if trailers.values().any(|value| has_outer_blanks(value.as_bytes())) => {
                self.body_over = true;
                Poll::Ready(FromClient::Malformed)
            }
            Ok(trailers) => {
                self.body_over = true;
                Poll::Ready(FromClient::End(trailers))
            }
            Err(_) => Poll::Ready(FromClient::Left),
        }
    }

    /// A reset, or the end of the whole connection.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<FromClient> {
        let reset = match &mut self.outbox {
            Some(outbox) => outbox.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        reset.map(|reason| {
            // A broken stream is counted where its reset is seen, ours or the client's.
            self.left = !reason.is_ok_and(|reason| is_broken(reason.into()));
            FromClient::Left
        })
    }

    pub(super) fn send_continue(&mut self) -> Result<(), Gone> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::CONTINUE;
        self.respond.send_informational(response).map_err(|_| Gone)
    }

    pub(super) fn send_interim(&mut self, head: &impl Told) -> Result<(), Gone> {
        self.respond.send_informational(response(head)?).map_err(|_| Gone)
    }

    pub(super) fn send_head(&mut self, head: &impl Told, end: bool) -> Result<(), Gone> {
        let mut response = response(head)?;
        response.headers_mut().remove(UPGRADE);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            *response.status_mut() = StatusCode::OK;
            response.headers_mut().remove(websocket::ACCEPT);
        }
        if !head.is_dated()
            && let Ok(date) = HeaderValue::from_bytes(&date::now())
        {
            response.headers_mut().insert(DATE, date);
        }
        self.status = Some(response.status().as_u16());
        self.grpc_status = grpc_status(response.headers());
        let stream = self.respond.send_response(response, end).map_err(|_| Gone)?;
        self.outbox = Some(Outbox::new(stream, end));
        Ok(())
    }

    pub(super) fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        self.bytes_out += chunk.len() as u64;
        self.outbox.as_mut().ok_or(Gone)?.offer(chunk, end).map_err(|_| Gone)
    }

    pub(super) fn end_direction(&mut self) -> Result<(), Gone> {
        self.outbox.as_mut().ok_or(Gone)?.offer_end().map_err(|_| Gone)
    }

    pub(super) fn offer_trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        self.grpc_status = grpc_status(&trailers).or(self.grpc_status);
        let outbox = self.outbox.as_mut().ok_or(Gone)?;
        if trailers.is_empty() { outbox.offer_end() } else { outbox.offer_trailers(trailers) }.map_err(|_| Gone)
    }

    pub(super) fn leave_behind(&mut self) {
        self.leaves = true;
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn grpc_status(&self) -> Option<u16> {
        self.grpc_status
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    /// Where nobody read the rest of the body, the client is told to stop when the stream is dropped (RFC 9113 §8.1), but not before it can
    /// have read the answer: some give an answer up whose stream is reset while they still send.
    pub(super) async fn end(mut self, fate: Fate) -> Served {
        // Tunnels end as their sides like. One that broke off is reset when the stream is dropped.
        let tunnel = self.tunnel && self.outbox.is_some();
        let left = self.left && !tunnel;
        // One that takes nothing would keep it waiting.
        let takes = !left && self.outbox.as_ref().is_some_and(Outbox::is_clear);
        match fate {
            Fate::Finish | Fate::Linger if self.body_over || tunnel => {}
            Fate::Finish | Fate::Linger => drop(timeout(LINGER_TIME, self.discard()).await),
            Fate::Cut | Fate::Reset if takes => return Served::Broken(BrokenStream::of(self.respond)),
            Fate::Cut | Fate::Reset => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
        match left {
            true => Served::Left,
            false if self.leaves => Served::Leaves,
            false => Served::Closed,
        }
    }
}

fn response(head: &impl Told) -> Result<Response<()>, Gone> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status()).map_err(|_| Gone)?;
    head.fields(response.headers_mut());
    Ok(response)
}

impl H2Client {
    async fn discard(&mut self) {
        let mut left = LINGER_BYTES;
        while left > 0 {
            match poll_fn(|cx| self.poll_next(Read::Body, cx)).await {
                FromClient::Chunk(chunk) => left = left.saturating_sub(chunk.len()),
                FromClient::Taken => {}
                FromClient::End(_) | FromClient::Left | FromClient::Malformed => return,
            }
        }
    }
}
