//! What does a finished request look like in a trace? One span for it and one for each attempt, with the attributes of OpenTelemetry's
//! conventions for HTTP, and ours (`pulsegate.…`) for what those do not know.

use super::otlp::{Code, KeyValue, Kind, Span, Status, attribute};
use crate::clock::Clock;
use crate::telemetry::request::RequestRecord;
use crate::telemetry::tries::Try;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::redact;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::traffic::outcome::{AttemptEnd, LetGo};
use std::time::SystemTime;

/// Text of a client beyond this is cut: spans wait in memory.
const LONGEST: usize = 1024;

/// Methods that have a name of their own in traces; all others are one.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Reasons by which an answer that had begun was not the client's fault.
const BROKE_OFF: [&str; 6] =
    ["backend_broke_off", "cut", "deadline_exceeded", "idle_timeout", "response_head_bytes_exceeded", "total_timeout"];

/// The parent of this span is at somebody else's (bits 8 and 9 of the flags of a span).
const PARENT_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;
pub const SAMPLED: u32 = 1;

/// All spans of a request, its own first. `secrets`: the keys of a query that are taken out.
pub fn of(trace: &Trace, record: &RequestRecord<'_>, secrets: &[String], clock: Clock) -> Vec<Span> {
    let method = method(record.method);
    let mut spans = Vec::with_capacity(1 + record.attempts as usize);
    spans.push(server(trace, record, method, secrets, clock));
    let tries = record.tries.iter().enumerate();
    spans.extend(tries.map(|(index, one)| client(trace, record, method, index as u64, one, clock)));
    spans
}

fn server(trace: &Trace, record: &RequestRecord<'_>, method: &str, secrets: &[String], clock: Clock) -> Span {
    let route = record.route.unwrap_or_default();
    let mut attributes = vec![
        attribute("http.request.method", method),
        attribute("url.scheme", if record.tls { "https" } else { "http" }),
        attribute("url.path", cut(record.path)),
        attribute("server.address", cut(record.host)),
        attribute("client.address", record.client.to_string()),
        attribute("network.protocol.version", version(record.protocol)),
        attribute("http.response.status_code", u64::from(record.status)),
        attribute("pulsegate.listener", record.listener),
        attribute("pulsegate.request_id", cut(record.id())),
        attribute("pulsegate.attempts", u64::from(record.attempts)),
    ];
    if method == "_OTHER" {
        attributes.push(attribute("http.request.method_original", cut(record.method)));
    }
    if let Some(query) = record.query.strip_prefix('?').filter(|query| !query.is_empty()) {
        let redacted = redact::query(record.query, secrets);
        attributes.push(attribute("url.query", cut(redacted.strip_prefix('?').unwrap_or(query))));
    }
    let agent = record
        .headers
        .and_then(|headers| headers.line("user-agent", 0))
        .and_then(|agent| std::str::from_utf8(agent).ok());
    let named = [
        ("user_agent.original", agent),
        ("pulsegate.route", record.route),
        ("pulsegate.upstream", record.upstream),
        ("pulsegate.reason", record.reason),
        ("pulsegate.retry_stopped", record.retry_stopped),
    ];
    attributes.extend(named.iter().filter_map(|(key, value)| value.map(|value| attribute(key, cut(value)))));
    attributes.extend(record.grpc_status.map(|status| attribute("rpc.grpc.status_code", u64::from(status))));
    if !record.queued.is_zero() {
        let micros = u64::try_from(record.queued.as_micros()).unwrap_or(u64::MAX);
        attributes.push(attribute("pulsegate.queue_us", micros));
    }
    let failed = record.class() == 5 || record.reason.is_some_and(|reason| BROKE_OFF.contains(&reason));
    let error = failed.then(|| record.reason.map_or_else(|| record.status.to_string(), str::to_owned));
    let name =
        if route.is_empty() { named_method(method).to_owned() } else { format!("{} {route}", named_method(method)) };
    let remote = if trace.parent.is_some() { PARENT_KNOWN | PARENT_IS_REMOTE } else { 0 };
    Span {
        span_id: trace.own.to_be_bytes().into(),
        parent_span_id: trace.parent.map(|parent| parent.to_be_bytes().into()).unwrap_or_default(),
        name,
        flags: SAMPLED | remote,
        ..span(trace, Kind::Server, (record.began, record.began + record.took), attributes, error, clock)
    }
}

fn client(trace: &Trace, record: &RequestRecord<'_>, method: &str, index: u64, one: &Try, clock: Clock) -> Span {
    let mut attributes = vec![
        attribute("http.request.method", method),
        attribute("pulsegate.backend", one.backend.to_string()),
        attribute("pulsegate.outcome", one.end.word()),
    ];
    placed(&mut attributes, &one.backend);
    attributes.extend(one.url.as_deref().map(|url| attribute("url.full", cut(url))));
    attributes.extend(record.upstream.map(|upstream| attribute("pulsegate.upstream", upstream)));
    match (&one.end, one.end.said()) {
        (AttemptEnd::GrpcStatus(status), _) => {
            attributes.push(attribute("rpc.grpc.status_code", u64::from(*status)));
        }
        (_, Some(status)) => attributes.push(attribute("http.response.status_code", u64::from(status))),
        _ => {}
    }
    if index > 0 {
        attributes.push(attribute("http.request.resend_count", index));
    }
    Span {
        span_id: one.span.to_be_bytes().into(),
        parent_span_id: trace.own.to_be_bytes().into(),
        name: named_method(method).to_owned(),
        flags: SAMPLED | PARENT_KNOWN,
        ..span(trace, Kind::Client, (one.began, one.began + one.took), attributes, error_of(&one.end), clock)
    }
}

/// Where a backend is.
pub fn placed(attributes: &mut Vec<KeyValue>, backend: &Address) {
    match backend {
        Address::Socket(address) => {
            let (ip, port) = (address.ip().to_string(), u64::from(address.port()));
            attributes.push(attribute("server.address", ip.clone()));
            attributes.push(attribute("server.port", port));
            attributes.push(attribute("network.peer.address", ip));
            attributes.push(attribute("network.peer.port", port));
        }
        Address::Unix(path) => {
            attributes.push(attribute("server.address", path.display().to_string()));
            attributes.push(attribute("network.transport", "unix"));
        }
    }
}

/// What all spans have: of a trace that is recorded.
pub fn span(
    trace: &Trace,
    kind: Kind,
    (start, end): (Timestamp, Timestamp),
    mut attributes: Vec<KeyValue>,
    error: Option<String>,
    clock: Clock,
) -> Span {
    let status = error.as_ref().map(|_| Status { message: String::new(), code: Code::Error.into() });
    attributes.extend(error.map(|kind| attribute("error.type", kind)));
    Span {
        trace_id: trace.told.trace.to_be_bytes().into(),
        kind: kind.into(),
        start: nanos(clock.wall(start)),
        end: nanos(clock.wall(end)),
        attributes,
        status,
        ..Span::default()
    }
}

/// A client that left is nobody's error here.
fn error_of(end: &AttemptEnd) -> Option<String> {
    match end {
        AttemptEnd::Response { status: ..400 } | AttemptEnd::GrpcStatus(0) | AttemptEnd::ClientAborted { .. } => None,
        AttemptEnd::LetGo { why: LetGo::ClientStalled | LetGo::Overtaken, .. } => None,
        AttemptEnd::Response { status } => Some(status.to_string()),
        end => Some(end.word().to_owned()),
    }
}

fn method(written: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == written).unwrap_or("_OTHER")
}

/// In the name of a span.
fn named_method(method: &str) -> &str {
    if method == "_OTHER" { "HTTP" } else { method }
}

fn version(protocol: &str) -> &str {
    protocol.strip_prefix("HTTP/").unwrap_or(protocol)
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
