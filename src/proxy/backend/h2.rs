//! How does an HTTP/2 backend take part? One stream of a connection that others use too.
//!
//! A stream that the backend refused, or that its goodbye (GOAWAY) left out, was not processed: the request may go elsewhere,
//! whatever its method (RFC 9113 §8.7).
//!
//! An answer that has no body ends with its head: what a backend sends behind it has no meaning, and goes to nobody.
//!
//! A GET that asks for an upgrade becomes a CONNECT with its protocol, and the 2xx that opens the tunnel a 101 (RFC 8441).

use super::shared::Seat;
use super::{Deaf, FromBackend};
use crate::proxy::ends;
use crate::proxy::message::AnswerHead;
use crate::proxy::outbox::Outbox;
use crate::proxy::rewrite::Onward;
use crate::proxy::websocket;
use bytes::Bytes;
use h2::RecvStream;
use h2::client::ResponseFuture;
use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, UPGRADE};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use pulsegate_core::http::head::has_outer_blanks;
use pulsegate_core::http::http1::persistence::ends_with_its_head;
use pulsegate_core::http::http2::tunnel::opens;
use pulsegate_core::http::response_head;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One stream, from its request to its end.
pub(in crate::proxy) struct H2Backend {
    scheme: Scheme,
    /// Of the head of its answer, and of its trailers, in bytes.
    head_limit: usize,
    outbox: Option<Outbox>,
    /// The request is a HEAD.
    to_head: bool,
    answer: Answer,
    tunnel: Option<Tunnel>,
    /// Given back last, when the stream is over.
    seat: Seat,
}

/// What was asked for in place of an answer.
struct Tunnel {
    protocol: HeaderValue,
    /// What a client of WebSocket over HTTP/1.1 must see.
    accept: Option<HeaderValue>,
    /// It is there.
    open: bool,
}

enum Answer {
    NotAsked,
    Awaited(ResponseFuture),
    Body { stream: RecvStream, data_over: bool },
}

impl H2Backend {
    pub(in crate::proxy) fn new(seat: Seat, tls: bool, head_limit: usize) -> Self {
        let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
        Self { scheme, head_limit, outbox: None, to_head: false, answer: Answer::NotAsked, tunnel: None, seat }
    }

    pub(super) fn is_clear(&self) -> bool {
        self.outbox.as_ref().is_none_or(Outbox::is_clear)
    }

    pub(super) fn send_head(&mut self, onward: &Onward<'_>, end: bool) -> Result<(), AttemptEnd> {
        let request = request(onward, self.scheme.clone()).ok_or(AttemptEnd::Ours)?;
        self.tunnel = Tunnel::asked(onward);
        self.to_head = onward.head.is_head();
        let end = end && self.tunnel.is_none();
        let (answer, stream) = self.seat.send(request, end).map_err(|error| ends::before_head_of_stream(&error))?;
        self.outbox = Some(Outbox::new(stream, end));
        self.answer = Answer::Awaited(answer);
        Ok(())
    }

    pub(super) fn offer(&mut self, chunk: Bytes) -> Result<(), Deaf> {
        self.seat.note_upload(chunk.len());
        let offered = self.outbox.as_mut().ok_or(Deaf)?.offer(chunk, false).map_err(|_| Deaf);
        self.seat.note_waiting(!self.is_clear());
        offered
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), Deaf> {
        if self.tunnel.as_ref().is_some_and(|tunnel| !tunnel.open) {
            // The request is its head; the end would be the tunnel's.
            return Ok(());
        }
        let outbox = self.outbox.as_mut().ok_or(Deaf)?;
        match trailers {
            Some(trailers) if !trailers.is_empty() => outbox.offer_trailers(trailers),
            _ => outbox.offer_end(),
        }
        .map_err(|_| Deaf)
    }

    /// The connection is not trusted with further streams: this one got no answer on it.
    pub(in crate::proxy) fn distrust(&self) {
        self.seat.retire();
    }

    pub(super) fn poll_next(&mut self, read: bool, cx: &mut Context<'_>) -> Poll<FromBackend> {
        if let Some(outbox) = &mut self.outbox
            && let Poll::Ready(passed) = outbox.poll_pass(cx)
        {
            if passed.is_err() {
                self.outbox = None;
            }
            self.seat.note_waiting(!self.is_clear());
            return Poll::Ready(if passed.is_ok() { FromBackend::Taken } else { FromBackend::Deaf });
        }
        match &mut self.answer {
            Answer::NotAsked => Poll::Pending,
            Answer::Awaited(_) => self.poll_head(cx),
            Answer::Body { .. } if !read => Poll::Pending,
            Answer::Body { stream, data_over } => poll_body(stream, data_over, self.head_limit, cx),
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<FromBackend> {
        let Answer::Awaited(answer) = &mut self.answer else { return Poll::Pending };
        let limit = self.head_limit;
        if let Poll::Ready(Some(Ok(interim))) = answer.poll_informational(cx) {
            let mut parts = interim.into_parts().0;
            if let Some(refused) = refused(&parts.headers, limit) {
                return Poll::Ready(refused);
            }
            parts.version = Version::HTTP_11;
            // HTTP/2 has no switch of protocols (RFC 9113 §8.6).
            let switches = parts.status == StatusCode::SWITCHING_PROTOCOLS;
            let head = AnswerHead::Mapped(Box::new(parts));
            return Poll::Ready(if switches { FromBackend::Invalid } else { FromBackend::Interim(head) });
        }
        match ready!(Pin::new(answer).poll(cx)) {
            Ok(response) => {
                let (mut parts, stream) = response.into_parts();
                if let Some(refused) = refused(&parts.headers, limit) {
                    return Poll::Ready(refused);
                }
                parts.version = Version::HTTP_11;
                let end = match &mut self.tunnel {
                    Some(tunnel) if opens(parts.status.as_u16()) => {
                        tunnel.open(&mut parts);
                        self.answer = Answer::Body { stream, data_over: false };
                        let head = AnswerHead::Mapped(Box::new(parts));
                        return Poll::Ready(FromBackend::Head { head, end: false });
                    }
                    _ => stream.is_end_stream() || ends_with_its_head(parts.status.as_u16(), self.to_head),
                };
                self.answer = Answer::Body { stream, data_over: false };
                if parts.status.is_informational() {
                    return Poll::Ready(FromBackend::Invalid);
                }
                Poll::Ready(FromBackend::Head { head: AnswerHead::Mapped(Box::new(parts)), end })
            }
            Err(error) => Poll::Ready(FromBackend::Broke(self.refused(ends::before_head_of_stream(&error)))),
        }
    }
}

impl H2Backend {
    /// A refusal over a limit that was not known when the request was sent is nobody's fault.
    fn refused(&self, end: AttemptEnd) -> AttemptEnd {
        match end {
            AttemptEnd::NotProcessed { excused } => {
                AttemptEnd::NotProcessed { excused: excused || self.seat.met_a_new_limit() }
            }
            end => end,
        }
    }
}

impl Tunnel {
    fn asked(onward: &Onward<'_>) -> Option<Self> {
        let protocol = HeaderValue::from_str(onward.upgrade()?).ok()?;
        Some(Self { protocol, accept: websocket::accept(onward.head), open: false })
    }

    /// Makes of the head that opens it what HTTP/1.1 has for that.
    fn open(&mut self, parts: &mut Parts) {
        self.open = true;
        parts.status = StatusCode::SWITCHING_PROTOCOLS;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(UPGRADE, self.protocol.clone());
        if let Some(accept) = &self.accept {
            parts.headers.insert(websocket::ACCEPT, accept.clone());
        }
    }
}

fn poll_body(stream: &mut RecvStream, data_over: &mut bool, limit: usize, cx: &mut Context<'_>) -> Poll<FromBackend> {
    if !*data_over {
        match ready!(stream.poll_data(cx)) {
            Some(Ok(chunk)) => {
                // The relay reads on only when the client has taken what it had: the window follows the client.
                let _ = stream.flow_control().release_capacity(chunk.len());
                return Poll::Ready(FromBackend::Body(chunk, stream.is_end_stream()));
            }
            Some(Err(_)) => return Poll::Ready(FromBackend::BrokeOff),
            None => *data_over = true,
        }
    }
    Poll::Ready(match ready!(stream.poll_trailers(cx)) {
        Ok(Some(trailers)) if !fit(&trailers, limit) => FromBackend::TrailersTooLarge,
        Ok(Some(trailers)) if !are_trim(&trailers) => FromBackend::BrokeOff,
        Ok(Some(trailers)) => FromBackend::Trailers(trailers),
        Ok(None) => FromBackend::Body(Bytes::new(), true),
        Err(_) => FromBackend::BrokeOff,
    })
}

/// What a head with such fields is in place of an answer.
fn refused(fields: &HeaderMap, limit: usize) -> Option<FromBackend> {
    if !fit(fields, limit) {
        return Some(FromBackend::Broke(AttemptEnd::HeadTooLarge));
    }
    (!are_trim(fields)).then_some(FromBackend::Invalid)
}

/// Does no white space stand around any value? A client of HTTP/1 would read another value than one of HTTP/2 (RFC 9113 §8.2.1).
fn are_trim(fields: &HeaderMap) -> bool {
    !fields.values().any(|value| has_outer_blanks(value.as_bytes()))
}

/// Are the fields of a head, or trailers, within the limit?
fn fit(fields: &HeaderMap, limit: usize) -> bool {
    response_head::fits(fields.iter().map(|(name, value)| (name.as_str().len(), value.len())), limit)
}

/// The head in HTTP/2's form: the Host becomes `:authority`, what belongs to a connection stays here.
fn request(onward: &Onward<'_>, scheme: Scheme) -> Option<Request<()>> {
    let authority = Authority::try_from(onward.host().as_ref()).ok()?;
    let (path, query) = onward.target();
    let path = if query.is_empty() {
        PathAndQuery::try_from(path.as_ref())
    } else {
        PathAndQuery::try_from(format!("{path}{query}"))
    };
    let mut request = Request::new(());
    *request.uri_mut() = Uri::builder().scheme(scheme).authority(authority).path_and_query(path.ok()?).build().ok()?;
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = Method::from_bytes(onward.head.method().as_bytes()).ok()?;
    onward.fields(request.headers_mut());
    if let Some(protocol) = onward.upgrade() {
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from(protocol));
        request.headers_mut().remove(websocket::KEY);
    }
    Some(request)
}
