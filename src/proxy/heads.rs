//! What does a request's head say of itself? How its body comes, what it waits for, and which trace it is part of.

use http::header::{
    AUTHORIZATION, AsHeaderName, CONNECTION, HeaderValue, MAX_FORWARDS, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::http::forwarding::connection_auth::binds_connection;
use pulsegate_core::http::forwarding::passage::{self, MaxForwards};
use pulsegate_core::http::grpc;
use pulsegate_core::http::http1::upgrade;
use pulsegate_core::http::http2::tunnel::may_be_connect;
use pulsegate_core::http::trace::TraceParent;

/// How the request's body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    None,
    Length(u64),
    /// Its end shows when it is there: chunked on HTTP/1, END_STREAM on HTTP/2.
    Unsized,
}

impl Body {
    /// As an HTTP/1 head says it. The front's check has left one meaning only.
    pub(super) fn of(head: &RequestHeader) -> Self {
        if head.headers.contains_key("transfer-encoding") {
            return Self::Unsized;
        }
        match length(head) {
            Some(0) | None => Self::None,
            Some(length) => Self::Length(length),
        }
    }

    /// There is one, on HTTP/2.
    pub(super) fn of_length(head: &RequestHeader) -> Self {
        length(head).map_or(Self::Unsized, Self::Length)
    }
}

fn length(head: &RequestHeader) -> Option<u64> {
    value(head, "content-length").and_then(|length| length.parse().ok())
}

/// The only expectation that there is (the front's check refuses others).
pub(super) const CONTINUE: &str = "100-continue";

/// Does the client wait for a 100 before it sends its body? HTTP/1.0 knows of none (RFC 9110 §10.1.1).
pub(super) fn expects_continue(head: &RequestHeader, body: Body) -> bool {
    head.version >= Version::HTTP_11 && head.headers.contains_key("expect") && body != Body::None
}

/// The upgrade that the request asks for. HTTP/2 has no such fields: where they are there, they are our form of a CONNECT.
pub(super) fn upgrade_of(head: &RequestHeader) -> Option<&str> {
    if head.version < Version::HTTP_11 {
        return None;
    }
    // Two wishes of one client are none that we could pass on as one.
    let mut asked = head.headers.get_all(UPGRADE).iter();
    let only = asked.next().filter(|_| asked.next().is_none())?.to_str().ok();
    upgrade::asked(lines(&head.headers, CONNECTION), only)
}

/// Does it carry credentials that authenticate the connection that they go over?
pub(super) fn authenticates_connection(head: &RequestHeader) -> bool {
    names_connection_auth(&head.headers, [AUTHORIZATION, PROXY_AUTHORIZATION])
}

/// Does an answer ask for such, or say that they were taken?
pub(super) fn asks_for_connection_auth(head: &ResponseHeader) -> bool {
    names_connection_auth(&head.headers, [WWW_AUTHENTICATE, PROXY_AUTHENTICATE])
}

fn names_connection_auth(fields: &HeaderMap, names: [HeaderName; 2]) -> bool {
    names.into_iter().flat_map(|name| lines(fields, name)).any(binds_connection)
}

/// How a request asks for another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    /// In a form that both versions have.
    Either,
    /// In one that only HTTP/1.1 has.
    Http1,
}

/// How this one does.
pub(super) fn asks(head: &RequestHeader, body: Body) -> Asks {
    match upgrade_of(head) {
        None => Asks::Nothing,
        Some(protocol) if may_be_connect(head.method.as_str(), body != Body::None, protocol) => Asks::Either,
        Some(_) => Asks::Http1,
    }
}

/// The trace that a request is part of; of two that it names, none.
pub(super) fn trace_parent(head: &RequestHeader) -> Option<TraceParent> {
    let mut named = head.headers.get_all("traceparent").iter();
    let parent = named.next()?.to_str().ok().and_then(TraceParent::parse)?;
    named.next().is_none().then_some(parent)
}

/// How far the request may go.
pub(super) fn max_forwards(head: &RequestHeader) -> Option<MaxForwards> {
    passage::max_forwards(head.method.as_str(), lines(&head.headers, MAX_FORWARDS))
}

/// All lines of a header, in order.
pub(super) fn lines(headers: &HeaderMap, name: impl AsHeaderName) -> impl DoubleEndedIterator<Item = &[u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// What a gRPC caller is told by these fields.
pub(super) fn grpc_status(fields: &HeaderMap) -> Option<u16> {
    fields.get(grpc::STATUS)?.to_str().ok()?.parse().ok()
}

pub(super) fn value<'a>(head: &'a RequestHeader, name: &str) -> Option<&'a str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}
