//! What do the heads look like on the other side? The request's for the backend, the response's for the client.
//!
//! Framing is made anew for each side; what travels is decided by the core (`http::forwarding`). Nothing is copied that only ends here.

use super::ConnectionFacts;
use super::asked::{Asked, Asker};
use super::heads::{self, Body};
use super::passage::mark;
use super::target::{Target, told_host};
use http::header::{CONNECTION, TE, UPGRADE};
use http::{HeaderMap, HeaderName, Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::http::forwarding::passage::MaxForwards;
use pulsegate_core::http::forwarding::trailers::{request_trailer_travels, response_trailer_travels};
use pulsegate_core::http::forwarding::{connection_options, ends_where_listed, lists, response_header_travels};
use pulsegate_core::http::http1::persistence::ends_with_its_head;
use pulsegate_core::http::interim::interim_field_travels;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::{Forward, PathMatch, RouteAction, RoutePlan};
use std::io::Write;

/// The head for the backend. `trace`: what it is told of one.
pub(super) fn request(
    head: &RequestHeader,
    body: Body,
    (asked, trace): (&Asked, Option<&Trace>),
    route: &RoutePlan,
    facts: &ConnectionFacts,
) -> pingora::Result<Box<RequestHeader>> {
    let (target, asker) = (&asked.target, &asked.asker);
    let path = rewritten_path(target, route) + &target.query;
    let mut out = Box::new(RequestHeader::build(head.method.clone(), path.as_bytes(), Some(head.headers.len() + 9))?);
    out.set_version(Version::HTTP_11);
    let host = rewrites(route).and_then(|forward| forward.host.as_deref());
    match host {
        Some(host) => out.insert_header("Host", host)?,
        None => out.insert_header("Host", told_host(head).as_deref().unwrap_or_default())?,
    }
    copy(head, (asker, facts), route, &mut out)?;
    ours(head, asker, trace, facts, &mut out)?;
    passes_on(head, facts, &mut out)?;
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

fn copy(
    head: &RequestHeader,
    (asker, facts): (&Asker, &ConnectionFacts),
    route: &RoutePlan,
    out: &mut RequestHeader,
) -> pingora::Result<()> {
    let (rules, edits) = (asker.rules(facts), &route.request_headers);
    for (name, value) in &head.headers {
        if rules.travels(name.as_str(), edits.names()) {
            out.append_header(name.clone(), value.clone())?;
        }
    }
    for name in listed(&head.headers) {
        out.remove_header(name.as_str());
    }
    let asks_for_trailers = heads::lines(&head.headers, TE).any(|line| lists(line, "trailers"));
    let lists_te = || heads::lines(&head.headers, CONNECTION).any(|line| lists(line, "te"));
    if asks_for_trailers && (head.version == Version::HTTP_2 || lists_te()) {
        out.insert_header("TE", "trailers")?;
    }
    Ok(())
}

/// Where the request has been, and how far it may go on.
fn passes_on(head: &RequestHeader, facts: &ConnectionFacts, out: &mut RequestHeader) -> pingora::Result<()> {
    out.append_header("CDN-Loop", mark())?;
    if head.method == Method::OPTIONS
        && let Some(MaxForwards::Onward(left)) = heads::max_forwards(head)
    {
        out.insert_header("Max-Forwards", left)?;
    }
    if facts.listener.headers.via {
        let version = match head.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        out.append_header("Via", format!("{version} pulsegate"))?;
    }
    Ok(())
}

/// The fields that are ours to set.
fn ours(
    head: &RequestHeader,
    asker: &Asker,
    trace: Option<&Trace>,
    facts: &ConnectionFacts,
    out: &mut RequestHeader,
) -> pingora::Result<()> {
    // Odd bytes travel on as they came: whoever reads the list stops at them, as we do.
    let mut chain = heads::lines(&out.headers, "x-forwarded-for").collect::<Vec<_>>().join(&b", "[..]);
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    // Writing to memory cannot fail.
    let _ = write!(chain, "{}", facts.client);
    out.insert_header("X-Forwarded-For", chain)?;
    if !out.headers.contains_key("x-forwarded-proto") {
        out.insert_header("X-Forwarded-Proto", if facts.tls { "https" } else { "http" })?;
    }
    if !out.headers.contains_key("x-forwarded-host")
        && let Some(host) = told_host(head)
    {
        out.insert_header("X-Forwarded-Host", &*host)?;
    }
    for (name, value) in facts.certificate.iter().flat_map(|certificate| certificate.headers()) {
        out.insert_header(*name, value.clone())?;
    }
    out.insert_header("X-Real-IP", asker.client.to_string())?;
    out.insert_header("X-Request-Id", asker.request_id.as_str())?;
    if let Some(trace) = trace {
        out.insert_header("traceparent", trace.told.to_string())?;
        if trace.is_new() {
            out.remove_header("tracestate");
        }
    }
    if let Some(protocol) = heads::upgrade_of(head) {
        out.insert_header("Upgrade", protocol)?;
        out.insert_header("Connection", "Upgrade")?;
    }
    Ok(())
}

/// What a route changes about what it forwards.
fn rewrites(route: &RoutePlan) -> Option<&Forward> {
    match &route.action {
        RouteAction::Forward(forward) => Some(forward),
        RouteAction::Redirect { .. } | RouteAction::Respond { .. } => None,
    }
}

/// The path for the backend, without the query.
pub(super) fn rewritten_path(target: &Target, route: &RoutePlan) -> String {
    replaced(&target.path, &route.matches.path, route)
}

/// The path for the backend, of a path that this pattern has matched.
pub(super) fn replaced(path: &str, pattern: &PathMatch, route: &RoutePlan) -> String {
    // The server as a whole has no path (RFC 9112 §3.2.4).
    let replaced = rewrites(route).and_then(|forward| forward.replace_prefix.as_ref()).filter(|_| path != "*");
    match (replaced, pattern) {
        (Some(with), PathMatch::Prefix(prefix) | PathMatch::Exact(prefix)) => {
            let rest = path.strip_prefix(prefix.as_str()).unwrap_or(path);
            let joined = format!("{}/{}", with.trim_end_matches('/'), rest.trim_start_matches('/'));
            if rest.is_empty() && !with.is_empty() { with.clone() } else { joined }
        }
        (None, _) => path.to_owned(),
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
    let travels = |name: &str| response_header_travels(name) || (upgraded && name == "upgrade");
    strip(head, travels, drain_header);
    // Equal repetitions of a length (others are refused) become one.
    if let Some(length) = head.headers.get("content-length").cloned() {
        head.insert_header("Content-Length", length)?;
    }
    let bodiless = ends_with_its_head(head.status.as_u16(), *method == Method::HEAD);
    if head.status == 204 || upgraded {
        head.remove_header("content-length");
    }
    if !bodiless && !head.headers.contains_key("content-length") && version == Version::HTTP_11 {
        head.insert_header("Transfer-Encoding", "chunked")?;
    }
    if upgraded {
        head.insert_header("Connection", "Upgrade")?;
    }
    head.set_version(Version::HTTP_11);
    edit(head, route)
}

/// Makes the head of an interim answer fit for the client.
pub(super) fn interim(head: &mut ResponseHeader, route: &RoutePlan, drain_header: Option<&str>) -> pingora::Result<()> {
    strip(head, interim_field_travels, drain_header);
    head.set_version(Version::HTTP_11);
    edit(head, route)
}

/// Takes out what ends here.
fn strip(head: &mut ResponseHeader, travels: impl Fn(&str) -> bool, drain_header: Option<&str>) {
    let names = head.headers.keys().filter(|name| !travels(name.as_str()) || Some(name.as_str()) == drain_header);
    // A switch of protocols lists the one field that it is about.
    let gone: Vec<HeaderName> = names.cloned().chain(listed(&head.headers).filter(|name| *name != UPGRADE)).collect();
    for name in &gone {
        head.remove_header(name.as_str());
    }
}

/// The fields of a head that end here since its `Connection` lists them. Each is looked for by the name in the list, since a list may be long
/// where there are many fields.
fn listed(fields: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    connection_options(heads::lines(fields, CONNECTION))
        .filter(|option| fields.contains_key(*option))
        .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
        .filter(|name| ends_where_listed(name.as_str()))
}

/// What the route changes.
fn edit(head: &mut ResponseHeader, route: &RoutePlan) -> pingora::Result<()> {
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

/// Leaves what may travel of the trailers behind a request's body: as of its head, and less.
pub(super) fn request_trailers(
    trailers: &mut HeaderMap,
    (asker, facts): (&Asker, &ConnectionFacts),
    route: &RoutePlan,
) {
    let (rules, edits) = (asker.rules(facts), &route.request_headers);
    let ours = |name: &str| edits.remove.iter().any(|one| one == name) || edits.set.iter().any(|(one, _)| one == name);
    sift(trailers, |name| request_trailer_travels(name, &rules, edits.names()) && !ours(name));
}

/// Leaves what may travel of the trailers behind an answer's body.
pub(super) fn response_trailers(trailers: &mut HeaderMap, route: &RoutePlan, drain_header: Option<&str>) {
    let edits = &route.response_headers;
    let ours = |name: &str| edits.remove.iter().any(|one| one == name) || edits.set.iter().any(|(one, _)| one == name);
    sift(trailers, |name| response_trailer_travels(name) && !ours(name) && Some(name) != drain_header);
}

fn sift(trailers: &mut HeaderMap, travels: impl Fn(&str) -> bool) {
    let gone: Vec<HeaderName> = trailers.keys().filter(|name| !travels(name.as_str())).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_names_ends_here_however_long_it_is() {
        let mut head = ResponseHeader::build(200, None).unwrap();
        for name in ["X-One", "X-Two", "Upgrade", "Cache-Control", "Keep-Alive"] {
            head.append_header(name, "y").unwrap();
        }
        let long = ",,no-field,\u{e9}, x y,keep-alive".repeat(2000);
        for line in [long.as_str(), "close, X-ONE ,upgrade", "cache-control,connection"] {
            head.append_header("Connection", line).unwrap();
        }
        strip(&mut head, |name| name == "upgrade" || response_header_travels(name), None);
        let mut left: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "upgrade", "x-two"]);
    }
}
