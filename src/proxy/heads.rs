//! What does a request's head say of itself? How its body comes, what it waits for, and which trace it is part of.

use super::message::RequestHead;
use http::{HeaderMap, Version};
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::forwarding::connection_auth::binds_connection;
use pulsegate_core::http::forwarding::passage::{self, MaxForwards};
use pulsegate_core::http::grpc;
use pulsegate_core::http::http1::framing::Framing;
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
    /// As an HTTP/1 head says it: it has one meaning only.
    pub(super) fn framed(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Unsized,
            // The last two are an answer's.
            Framing::None | Framing::UntilClose | Framing::Switched => Self::None,
        }
    }

    /// There is one, on HTTP/2.
    pub(super) fn of_length(head: &RequestHead) -> Self {
        head.value("content-length").and_then(|length| length.parse().ok()).map_or(Self::Unsized, Self::Length)
    }
}

/// The only expectation that there is (the front's check refuses others).
pub(super) const CONTINUE: &str = "100-continue";

/// Does the client wait for a 100 before it sends its body? HTTP/1.0 knows of none (RFC 9110 §10.1.1).
pub(super) fn expects_continue(head: &RequestHead, body: Body) -> bool {
    body != Body::None && head.version() >= Version::HTTP_11 && head.has("expect")
}

/// The upgrade that the request asks for. HTTP/2 has no such fields: where they are there, they are our form of a CONNECT.
pub(super) fn upgrade_of(head: &RequestHead) -> Option<&str> {
    if let RequestHead::Written(written) = head {
        return written.upgrade();
    }
    // Two wishes of one client are none that we could pass on as one.
    let mut asked = head.lines("upgrade");
    let only = asked.next().filter(|_| asked.next().is_none()).and_then(|only| std::str::from_utf8(only).ok())?;
    upgrade::asked(head.lines("connection"), Some(only))
}

/// Does it carry credentials that authenticate the connection that they go over?
pub(super) fn authenticates_connection(head: &RequestHead) -> bool {
    names_connection_auth(head, ["authorization", "proxy-authorization"])
}

/// Do these fields bind the connection that they come over to one client?
pub(super) fn names_connection_auth(head: &impl Fields, names: [&str; 2]) -> bool {
    names.into_iter().any(|name| head.lines(name).any(binds_connection))
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
pub(super) fn asks(head: &RequestHead, body: Body) -> Asks {
    match upgrade_of(head) {
        None => Asks::Nothing,
        Some(protocol) if may_be_connect(head.method(), body != Body::None, protocol) => Asks::Either,
        Some(_) => Asks::Http1,
    }
}

/// The trace that a request is part of; of two that it names, none.
pub(super) fn trace_parent(head: &RequestHead) -> Option<TraceParent> {
    let mut named = head.lines("traceparent");
    let parent = TraceParent::parse(named.next()?)?;
    named.next().is_none().then_some(parent)
}

/// How far the request may go.
pub(super) fn max_forwards(head: &RequestHead) -> Option<MaxForwards> {
    passage::max_forwards(head.method(), head.lines("max-forwards"))
}

/// What a gRPC caller is told by these fields.
pub(super) fn grpc_status(fields: &HeaderMap) -> Option<u16> {
    fields.get(grpc::STATUS)?.to_str().ok()?.parse().ok()
}

/// The same of a head.
pub(super) fn grpc_status_of(head: &impl Fields) -> Option<u16> {
    std::str::from_utf8(head.first(grpc::STATUS)?).ok()?.parse().ok()
}
