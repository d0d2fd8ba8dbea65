//! What do the heads look like on the other side? The request's for the backend, the response's for the client.
//!
//! Framing is made anew for each side; what travels is decided by `domain::forwarding`. Nothing is copied that only ends here.

use super::ConnectionFacts;
use super::target::Target;
use crate::telemetry::Traffic;
use http::{Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::http::forwarding::{
    acceptable_request_id, client_address, is_trusted, listed_in_connection, names_client_certificate,
    request_header_routes, request_header_travels, response_header_travels, upgrade_asked,
};
use pulsegate_core::http::trace::{Trace, TraceParent};
use pulsegate_core::plan::{Forward, PathMatch, RoutePlan};
use std::net::IpAddr;

/// Who asks, as far as it can be believed.
#[derive(Debug)]
pub(super) struct Asker {
    pub client: IpAddr,
    pub trusted: bool,
    pub request_id: String,
    /// Where we have a word in its trace.
    pub trace: Option<Trace>,
}

impl Asker {
    pub(super) fn of(head: &RequestHeader, facts: &ConnectionFacts, telemetry: &Traffic) -> Self {
        let trace = telemetry.tracer().as_ref().and_then(|tracer| tracer.begin(trace_parent(head)));
        let networks = &facts.listener.trusted_proxies;
        let forwarded: Vec<&str> =
            head.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        let inbound = value(head, "x-request-id").filter(|id| acceptable_request_id(id));
        Self {
            client: client_address(facts.client, Some(&forwarded.join(",")), networks),
            trusted: is_trusted(facts.client, networks),
            request_id: inbound.map_or_else(super::new_request_id, str::to_owned),
            trace,
        }
    }
}

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

/// Does the client wait for a 100 before it sends its body? HTTP/1.0 knows of none (RFC 9110 §10.1.1).
pub(super) fn expects_continue(head: &RequestHeader, body: Body) -> bool {
    head.version >= Version::HTTP_11 && head.headers.contains_key("expect") && body != Body::None
}

/// The head for the backend.
pub(super) fn request(
    head: &RequestHeader,
    body: Body,
    target: &Target,
    asker: &Asker,
    route: &RoutePlan,
    forward: &Forward,
    facts: &ConnectionFacts,
) -> pingora::Result<Box<RequestHeader>> {
    let path = rewritten_path(target, route, forward) + &target.query;
    let mut out = Box::new(RequestHeader::build(head.method.clone(), path.as_bytes(), Some(head.headers.len() + 8))?);
    out.set_version(Version::HTTP_11);
    out.insert_header("Host", forward.host.as_deref().or(value(head, "host")).unwrap_or(&target.host))?;
    copy(head, asker, facts, &mut out)?;
    ours(head, asker, facts, &mut out)?;
    match body {
        Body::None => drop(out.remove_header("content-length")),
        Body::Length(length) => out.insert_header("Content-Length", length)?,
        Body::Unsized => out.insert_header("Transfer-Encoding", "chunked")?,
    }
    // A length of zero is said for methods that are expected to have a body (RFC 9110 §8.6).
    if body == Body::None && head.headers.contains_key("content-length") {
        out.insert_header("Content-Length", 0)?;
    }
    for name in &route.request_headers.remove {
        out.remove_header(name.as_str());
    }
    for (name, value) in &route.request_headers.set {
        out.insert_header(name.clone(), value.as_str())?;
    }
    for (name, value) in &route.request_headers.add {
        out.append_header(name.clone(), value.as_str())?;
    }
    Ok(out)
}

fn copy(head: &RequestHeader, asker: &Asker, facts: &ConnectionFacts, out: &mut RequestHeader) -> pingora::Result<()> {
    let underscores = facts.listener.underscores_in_headers;
    let asks = facts.asks_for_certificates();
    let connections: Vec<&str> = head.headers.get_all("connection").iter().filter_map(|v| v.to_str().ok()).collect();
    for (name, value) in &head.headers {
        let lower = name.as_str();
        let framing = matches!(lower, "host" | "content-length" | "x-request-id");
        let listed = connections.iter().any(|connection| listed_in_connection(connection, lower));
        let ours = asks && names_client_certificate(lower);
        if !framing && !listed && !ours && request_header_travels(lower, asker.trusted, underscores) {
            out.append_header(name.clone(), value.clone())?;
        }
    }
    let te_travels =
        head.version == Version::HTTP_2 || connections.iter().any(|value| listed_in_connection(value, "te"));
    if te_travels && value(head, "te").is_some_and(|te| te.contains("trailers")) {
        out.insert_header("TE", "trailers")?;
    }
    Ok(())
}

/// A header as routes see it (lower-case name): of who the client is, only what backends will be told too.
pub(super) fn seen<'h>(
    name: &str,
    head: &'h RequestHeader,
    asker: &Asker,
    facts: &'h ConnectionFacts,
) -> Option<&'h str> {
    if facts.asks_for_certificates() && names_client_certificate(name) {
        return facts.certificate.as_ref()?.header(name);
    }
    request_header_routes(name, asker.trusted).then(|| value(head, name))?
}

/// The fields that are ours to set.
fn ours(head: &RequestHeader, asker: &Asker, facts: &ConnectionFacts, out: &mut RequestHeader) -> pingora::Result<()> {
    let peer = facts.client.to_string();
    let before =
        out.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(", ");
    let chain = if before.is_empty() { peer } else { format!("{before}, {peer}") };
    out.insert_header("X-Forwarded-For", chain)?;
    if !out.headers.contains_key("x-forwarded-proto") {
        out.insert_header("X-Forwarded-Proto", if facts.tls { "https" } else { "http" })?;
    }
    if !out.headers.contains_key("x-forwarded-host")
        && let Some(host) = value(head, "host")
    {
        out.insert_header("X-Forwarded-Host", host)?;
    }
    for (name, value) in facts.certificate.iter().flat_map(|certificate| certificate.headers()) {
        out.insert_header(*name, value.clone())?;
    }
    out.insert_header("X-Real-IP", asker.client.to_string())?;
    out.insert_header("X-Request-Id", asker.request_id.as_str())?;
    if let Some(trace) = &asker.trace {
        out.insert_header("traceparent", trace.told.to_string())?;
        if trace.is_new() {
            out.remove_header("tracestate");
        }
    }
    if let Some(protocol) = upgrade_of(head) {
        out.insert_header("Upgrade", protocol)?;
        out.insert_header("Connection", "Upgrade")?;
    }
    Ok(())
}

/// The upgrade that the request asks for.
pub(super) fn upgrade_of(head: &RequestHeader) -> Option<&str> {
    if head.version != Version::HTTP_11 {
        return None;
    }
    upgrade_asked(value(head, "connection"), value(head, "upgrade"))
}

/// The path for the backend, without the query.
pub(super) fn rewritten_path(target: &Target, route: &RoutePlan, forward: &Forward) -> String {
    match (&forward.replace_prefix, &route.matches.path) {
        (Some(with), PathMatch::Prefix(prefix) | PathMatch::Exact(prefix)) => {
            let rest = target.path.strip_prefix(prefix.as_str()).unwrap_or(&target.path);
            let joined = format!("{}/{}", with.trim_end_matches('/'), rest.trim_start_matches('/'));
            if rest.is_empty() && !with.is_empty() { with.clone() } else { joined }
        }
        (None, _) => target.path.clone(),
    }
}

/// Makes a backend's head fit for the client: hop-by-hop fields out, framing for the client's version, edits of the route.
pub(super) fn response(
    head: &mut ResponseHeader,
    method: &Method,
    version: Version,
    route: &RoutePlan,
    drain_header: Option<&str>,
) -> pingora::Result<()> {
    let upgraded = head.status == 101;
    let listed: Vec<String> = head
        .headers
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|token| token.trim().to_ascii_lowercase())
        .filter(|token| listed_in_connection(token, token))
        .collect();
    let names = head.headers.keys().map(http::HeaderName::as_str);
    let gone: Vec<String> = names
        .filter(|name| {
            !response_header_travels(name) || listed.iter().any(|one| one == name) || Some(*name) == drain_header
        })
        .filter(|name| !(upgraded && *name == "upgrade"))
        .map(str::to_owned)
        .collect();
    for name in &gone {
        head.remove_header(name.as_str());
    }
    // Equal repetitions of a length (others are refused) become one.
    if let Some(length) = head.headers.get("content-length").cloned() {
        head.insert_header("Content-Length", length)?;
    }
    let bodiless = *method == Method::HEAD || head.status == 204 || head.status == 304 || upgraded;
    if head.status == 204 {
        head.remove_header("content-length");
    }
    if !bodiless && !head.headers.contains_key("content-length") && version == Version::HTTP_11 {
        head.insert_header("Transfer-Encoding", "chunked")?;
    }
    if upgraded {
        head.insert_header("Connection", "Upgrade")?;
    }
    head.set_version(Version::HTTP_11);
    let edits = &route.response_headers;
    for name in &edits.remove {
        head.remove_header(name.as_str());
    }
    for (name, value) in &edits.set {
        head.insert_header(name.clone(), value.as_str())?;
    }
    for (name, value) in &edits.add {
        head.append_header(name.clone(), value.as_str())?;
    }
    Ok(())
}

/// The trace that a request is part of; of two that it names, none.
pub(super) fn trace_parent(head: &RequestHeader) -> Option<TraceParent> {
    let mut named = head.headers.get_all("traceparent").iter();
    let parent = named.next()?.to_str().ok().and_then(TraceParent::parse)?;
    named.next().is_none().then_some(parent)
}

pub(super) fn value<'a>(head: &'a RequestHeader, name: &str) -> Option<&'a str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}
