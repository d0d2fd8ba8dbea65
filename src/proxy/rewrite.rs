//! What do the heads look like on the other side? The request's for the backend, the response's for the client.
//!
//! Framing is made anew for each side; what travels is decided by the core (`http::forwarding`). Nothing is copied that only ends here.

use super::ConnectionFacts;
use super::asked::{Asked, Asker};
use super::heads::{self, Body};
use super::message::{AnswerHead, HeadField, RequestHead, Sink, Told};
use super::passage::mark;
use super::target::{Target, told_host};
use http::{HeaderMap, HeaderName, Version};
use pulsegate_core::http::fields::{Field, Fields};
use pulsegate_core::http::forwarding::passage::MaxForwards;
use pulsegate_core::http::forwarding::trailers::{request_trailer_travels, response_trailer_travels};
use pulsegate_core::http::forwarding::{Rules, connection_options, ends_where_listed, lists, response_header_travels};
use pulsegate_core::http::interim::interim_field_travels;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::{Forward, HeaderEdits, PathMatch, RouteAction, RoutePlan};
use std::borrow::Cow;
use std::io::Write;

/// The head for the backend.
#[derive(Clone, Copy)]
pub(super) struct Onward<'a> {
    pub head: &'a RequestHead,
    pub body: Body,
    pub asked: &'a Asked,
    /// What it is told of a trace.
    pub trace: Option<&'a Trace>,
    pub route: &'a RoutePlan,
    pub facts: &'a ConnectionFacts,
    /// The backend is to say the 100.
    pub expects: bool,
}

impl<'a> Onward<'a> {
    /// Path and query.
    pub(super) fn target(&self) -> (Cow<'a, str>, &'a str) {
        (rewritten_path(&self.asked.target, self.route), &self.asked.target.query)
    }

    pub(super) fn host(&self) -> Cow<'a, str> {
        match rewrites(self.route).and_then(|forward| forward.host.as_deref()) {
            Some(host) => Cow::Borrowed(host),
            None => told_host(self.head).unwrap_or_default(),
        }
    }

    /// A `TE` goes with it, which is between this connection's ends.
    pub(super) fn says_te(&self) -> bool {
        let head = self.head;
        let travels = head.has("te")
            && (head.version() == Version::HTTP_2 || head.lines("connection").any(|line| lists(line, "te")));
        travels && head.lines("te").any(|line| lists(line, "trailers"))
    }

    /// What is asked for by way of an upgrade.
    pub(super) fn upgrade(&self) -> Option<&'a str> {
        heads::upgrade_of(self.head)
    }

    /// All fields but Host, and but those that are between the connection's ends.
    pub(super) fn fields(&self, out: &mut impl Sink) {
        let mut out = Edited { out, edits: &self.route.request_headers };
        let replaced = self.copy(&mut out);
        self.tell(&mut out, replaced);
        out.finish();
    }

    /// What travels as it came. Returns what of ours stands there already.
    fn copy(&self, out: &mut Edited<'_, impl Sink>) -> Copied {
        let rules = self.asked.asker.rules(self.facts);
        let listed = listed(self.head);
        let travels = |name: &str| {
            rules.travels(name, self.route.request_headers.names()) && !listed.iter().any(|one| one == name)
        };
        let (trace, counts) = (self.trace, self.head.method() == "OPTIONS");
        let mut copied = Copied::default();
        for field in self.head.fields() {
            let name = name_of(&field);
            if !travels(name) {
                continue;
            }
            match name {
                "x-forwarded-for" => {
                    copied.chain = true;
                    continue;
                }
                "x-real-ip" => continue,
                "traceparent" if trace.is_some() => continue,
                "tracestate" if trace.is_some_and(Trace::is_new) => continue,
                "max-forwards" if counts && heads::max_forwards(self.head).is_some() => continue,
                "x-forwarded-proto" => copied.proto = true,
                "x-forwarded-host" => copied.host = true,
                _ => {}
            }
            out.copy(field);
        }
        copied
    }

    /// The fields that are ours to set.
    fn tell(&self, out: &mut Edited<'_, impl Sink>, copied: Copied) {
        let Self { head, asked, facts, .. } = *self;
        if self.says_te() {
            out.put("TE", b"trailers");
        }
        self.tell_of_client(out, copied);
        out.put("X-Request-Id", asked.asker.request_id.as_bytes());
        if let Some(trace) = self.trace {
            out.put("traceparent", trace.told.to_string().as_bytes());
        }
        out.put("CDN-Loop", mark().as_bytes());
        if head.method() == "OPTIONS"
            && let Some(MaxForwards::Onward(left)) = heads::max_forwards(head)
        {
            out.put("Max-Forwards", left.as_bytes());
        }
        if facts.listener.headers.via {
            out.put("Via", via(head.version()));
        }
        match self.body {
            Body::Length(length) => out.put("Content-Length", itoa::Buffer::new().format(length).as_bytes()),
            // A length of zero is said for methods that are expected to have a body (RFC 9110 §8.6).
            Body::None if head.has("content-length") => out.put("Content-Length", b"0"),
            Body::None | Body::Unsized => {}
        }
        if self.expects {
            out.put("Expect", heads::CONTINUE.as_bytes());
        }
    }

    fn tell_of_client(&self, out: &mut Edited<'_, impl Sink>, copied: Copied) {
        let Self { head, asked, facts, .. } = *self;
        let peer = Text::of(facts.client);
        match copied.chain {
            false => out.put("X-Forwarded-For", peer.as_bytes()),
            true => {
                // Odd bytes travel on as they came: whoever reads the list stops at them, as we do.
                let mut chain = head.lines("x-forwarded-for").collect::<Vec<_>>().join(&b", "[..]);
                if !chain.is_empty() {
                    chain.extend_from_slice(b", ");
                }
                chain.extend_from_slice(peer.as_bytes());
                out.put("X-Forwarded-For", &chain);
            }
        }
        if !copied.proto {
            out.put("X-Forwarded-Proto", if facts.tls { b"https" } else { b"http" });
        }
        if !copied.host
            && let Some(host) = told_host(head)
        {
            out.put("X-Forwarded-Host", host.as_bytes());
        }
        for (name, value) in facts.certificate.iter().flat_map(|certificate| certificate.headers()) {
            out.put(name, value.as_bytes());
        }
        out.put("X-Real-IP", Text::of(asked.asker.client).as_bytes());
    }
}

/// Which of the fields that we would set came from somebody who is believed.
#[derive(Clone, Copy, Default)]
struct Copied {
    /// Is told anew, with one more.
    chain: bool,
    proto: bool,
    host: bool,
}

/// An address as text, without asking for memory.
struct Text {
    room: [u8; 46],
    length: usize,
}

impl Text {
    fn of(address: std::net::IpAddr) -> Self {
        let mut room = [0; 46];
        let mut rest = room.as_mut_slice();
        // No address is longer.
        let _ = write!(rest, "{address}");
        let left = rest.len();
        Self { room, length: 46 - left }
    }

    fn as_bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }
}

fn via(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"1.0 pulsegate",
        Version::HTTP_2 => b"2 pulsegate",
        _ => b"1.1 pulsegate",
    }
}

/// What a route changes about what it forwards.
fn rewrites(route: &RoutePlan) -> Option<&Forward> {
    match &route.action {
        RouteAction::Forward(forward) => Some(forward),
        RouteAction::Redirect { .. } | RouteAction::Respond { .. } => None,
    }
}

/// The path for the backend, without the query.
pub(super) fn rewritten_path<'t>(target: &'t Target, route: &RoutePlan) -> Cow<'t, str> {
    replaced(&target.path, &route.matches.path, route)
}

/// The path for the backend, of a path that this pattern has matched.
pub(super) fn replaced<'t>(path: &'t str, pattern: &PathMatch, route: &RoutePlan) -> Cow<'t, str> {
    // The server as a whole has no path (RFC 9112 §3.2.4).
    let replaced = rewrites(route).and_then(|forward| forward.replace_prefix.as_ref()).filter(|_| path != "*");
    match (replaced, pattern) {
        (Some(with), PathMatch::Prefix(prefix) | PathMatch::Exact(prefix)) => {
            let rest = path.strip_prefix(prefix.as_str()).unwrap_or(path);
            let joined = format!("{}/{}", with.trim_end_matches('/'), rest.trim_start_matches('/'));
            Cow::Owned(if rest.is_empty() && !with.is_empty() { with.clone() } else { joined })
        }
        (None, _) => Cow::Borrowed(path),
    }
}

/// A backend's head, fit for the client: hop-by-hop fields out, edits of the route in. Framing is for whoever writes it.
pub(super) struct Answered<'a> {
    pub head: &'a AnswerHead,
    pub route: &'a RoutePlan,
    /// The header by which a backend asks to be drained: nobody's business behind us.
    pub drain_header: Option<&'a str>,
    pub request_id: &'a str,
    /// Binds the client to a backend.
    pub cookie: Option<&'a str>,
}

impl Told for Answered<'_> {
    fn status(&self) -> u16 {
        self.head.status()
    }

    fn reason(&self) -> Option<&[u8]> {
        self.head.reason()
    }

    fn length(&self) -> Option<u64> {
        std::str::from_utf8(self.head.length()?).ok()?.parse().ok()
    }

    fn is_dated(&self) -> bool {
        self.head.has("date") && !is_taken_out(&self.route.response_headers, "date")
    }

    fn fields(&self, out: &mut impl Sink) {
        let Self { head, drain_header, .. } = *self;
        let mut out = Edited { out, edits: &self.route.response_headers };
        let switches = head.status() == 101;
        let travels = |name: &str| response_header_travels(name) || (switches && name == "upgrade");
        // Said once, even where it came twice; 204 and a switch of protocols have none.
        if let Some(length) = head.length().filter(|_| !switches && head.status() != 204) {
            out.put("Content-Length", length);
        }
        let ours = |name: &str| matches!(name, "content-length" | "x-request-id");
        strip(head, |name| travels(name) && !ours(name), drain_header, &mut out);
        out.put("X-Request-Id", self.request_id.as_bytes());
        if let Some(cookie) = self.cookie {
            out.put("Set-Cookie", cookie.as_bytes());
        }
        out.finish();
    }
}

/// The head of an interim answer, fit for the client.
pub(super) struct Interim<'a> {
    pub head: &'a AnswerHead,
    pub route: &'a RoutePlan,
    pub drain_header: Option<&'a str>,
}

impl Told for Interim<'_> {
    fn status(&self) -> u16 {
        self.head.status()
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn fields(&self, out: &mut impl Sink) {
        let mut out = Edited { out, edits: &self.route.response_headers };
        strip(self.head, interim_field_travels, self.drain_header, &mut out);
        out.finish();
    }
}

/// Leaves out what ends here.
fn strip(
    head: &AnswerHead,
    travels: impl Fn(&str) -> bool,
    drain_header: Option<&str>,
    out: &mut Edited<'_, impl Sink>,
) {
    let listed = listed(head);
    for field in head.fields() {
        let name = name_of(&field);
        // A switch of protocols lists the one field that it is about.
        if travels(name) && (name == "upgrade" || !listed.iter().any(|one| one == name)) && Some(name) != drain_header {
            out.copy(field);
        }
    }
}

/// The fields of a head that end here since its `Connection` lists them, in lower case. Each is looked for by the name in the list, since a list may be
/// long where there are many fields.
fn listed(head: &impl Fields) -> Vec<String> {
    if !head.has("connection") {
        return Vec::new();
    }
    connection_options(head.lines("connection"))
        .map(str::to_ascii_lowercase)
        .filter(|name| head.has(name) && ends_where_listed(name))
        .collect()
}

/// Names are tokens, which are ASCII.
fn name_of<'f>(field: &'f HeadField<'_>) -> &'f str {
    std::str::from_utf8(field.name()).unwrap_or_default()
}

/// A sink behind what a route changes: what it takes out or sets does not come from anybody else.
struct Edited<'e, S> {
    out: &'e mut S,
    edits: &'e HeaderEdits,
}

impl<S: Sink> Edited<'_, S> {
    fn put(&mut self, name: &str, value: &[u8]) {
        if !is_taken_out(self.edits, name) {
            self.out.put(name, value);
        }
    }

    fn copy(&mut self, field: HeadField<'_>) {
        if !is_taken_out(self.edits, name_of(&field)) {
            self.out.copy(field);
        }
    }

    fn finish(self) {
        for (name, value) in self.edits.set.iter().chain(&self.edits.add) {
            self.out.put(name, value.as_bytes());
        }
    }
}

fn is_taken_out(edits: &HeaderEdits, name: &str) -> bool {
    edits.remove.iter().chain(edits.set.iter().map(|(set, _)| set)).any(|edited| edited.eq_ignore_ascii_case(name))
}

/// Leaves what may travel of the trailers behind a request's body: as of its head, and less.
pub(super) fn request_trailers(
    trailers: &mut HeaderMap,
    (asker, facts): (&Asker, &ConnectionFacts),
    route: &RoutePlan,
) {
    let (rules, edits): (Rules<'_>, _) = (asker.rules(facts), &route.request_headers);
    sift(trailers, |name| request_trailer_travels(name, &rules, edits.names()) && !is_taken_out(edits, name));
}

/// Leaves what may travel of the trailers behind an answer's body.
pub(super) fn response_trailers(trailers: &mut HeaderMap, route: &RoutePlan, drain_header: Option<&str>) {
    let edits = &route.response_headers;
    sift(trailers, |name| response_trailer_travels(name) && !is_taken_out(edits, name) && Some(name) != drain_header);
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
        let mut head = http::Response::new(()).into_parts().0;
        for name in ["X-One", "X-Two", "Upgrade", "Cache-Control", "Keep-Alive"] {
            head.headers.append(name, "y".parse().unwrap());
        }
        let long = ",,no-field,\u{e9}, x y,keep-alive".repeat(2000);
        for line in [long.as_str(), "close, X-ONE ,upgrade", "cache-control,connection"] {
            head.headers.append("Connection", line.parse().unwrap());
        }
        let (edits, mut out) = (HeaderEdits::default(), HeaderMap::new());
        let mut edited = Edited { out: &mut out, edits: &edits };
        let travels = |name: &str| name == "upgrade" || response_header_travels(name);
        strip(&AnswerHead::Mapped(Box::new(head)), travels, None, &mut edited);
        let mut left: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "upgrade", "x-two"]);
    }
}
