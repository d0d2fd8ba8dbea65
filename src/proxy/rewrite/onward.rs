//! What is a backend told? What travels of the client's head, and what is ours to say of it.

use super::edited::{Edited, listed};
use super::path::{rewrites, rewritten_path};
use crate::proxy::ConnectionFacts;
use crate::proxy::asked::Asked;
use crate::proxy::heads::{self, Body};
use crate::proxy::message::{RequestHead, Sink};
use crate::proxy::passage::mark;
use http::Version;
use pulsegate_core::base::ip_text::WrittenIp;
use pulsegate_core::http::fields::{Field, Fields};
use pulsegate_core::http::forwarding::names::Meaning;
use pulsegate_core::http::forwarding::passage::MaxForwards;
use pulsegate_core::http::forwarding::{is_alias_of, lists};
use pulsegate_core::http::head::host::told;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::RoutePlan;
use std::borrow::Cow;

/// The head for the backend.
#[derive(Clone, Copy)]
pub(in crate::proxy) struct Onward<'a> {
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
    pub(in crate::proxy) fn target(&self) -> (Cow<'a, str>, &'a str) {
        (rewritten_path(&self.asked.target, self.route), &self.asked.target.query)
    }

    pub(in crate::proxy) fn host(&self) -> Cow<'a, [u8]> {
        match rewrites(self.route).and_then(|forward| forward.host.as_deref()) {
            Some(host) => Cow::Borrowed(host.as_bytes()),
            None => told(self.head.host()),
        }
    }

    /// A `TE` goes with it, which is between this connection's ends.
    pub(in crate::proxy) fn says_te(&self) -> bool {
        let head = self.head;
        let travels = head.has("te")
            && (head.version() == Version::HTTP_2 || head.lines("connection").any(|line| lists(line, "te")));
        travels && head.lines("te").any(|line| lists(line, "trailers"))
    }

    /// What is asked for by way of an upgrade.
    pub(in crate::proxy) fn upgrade(&self) -> Option<&'a str> {
        heads::upgrade_of(self.head)
    }

    /// All fields but Host, and but those that are between the connection's ends.
    pub(in crate::proxy) fn fields(&self, out: &mut impl Sink) {
        let mut out = Edited::of(out, &self.route.request_headers);
        let replaced = self.copy(&mut out);
        self.tell(&mut out, replaced);
        out.finish();
    }

    /// What travels as it came. Returns what of ours stands there already.
    fn copy(&self, out: &mut Edited<'_, impl Sink>) -> Copied {
        let (rules, edits) = (self.asked.asker.rules(self.facts), out.edits());
        let listed = listed(self.head);
        let ends = |name: &[u8]| {
            listed.iter().any(|one| one.as_bytes() == name)
                || edits.is_some_and(|edits| is_alias_of(name, edits.names()))
        };
        let mut copied = Copied::default();
        out.copy(self.head.fields().filter(|field| {
            let name = field.name();
            rules.carries(name).is_some_and(|meaning| !ends(name) && self.goes_on(name, meaning, &mut copied))
        }));
        copied
    }

    /// Does a field that may travel go on as it came, and is not told anew?
    fn goes_on(&self, name: &[u8], meaning: Meaning, copied: &mut Copied) -> bool {
        if !matches!(meaning, Meaning::Ours | Meaning::Identity) {
            return true;
        }
        match name {
            b"x-forwarded-for" => copied.chain = true,
            b"x-forwarded-proto" => copied.proto = true,
            b"x-forwarded-host" => copied.host = true,
            _ => {}
        }
        match name {
            b"x-forwarded-for" | b"x-real-ip" => false,
            b"traceparent" => self.trace.is_none(),
            b"tracestate" => !self.trace.is_some_and(Trace::is_new),
            b"max-forwards" => self.max_forwards().is_none(),
            _ => true,
        }
    }

    /// Of an OPTIONS (TRACE is served to nobody).
    fn max_forwards(&self) -> Option<MaxForwards> {
        heads::max_forwards(self.head)
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
            out.put("traceparent", &trace.told.written());
        }
        out.put("CDN-Loop", mark().as_bytes());
        if let Some(MaxForwards::Onward(left)) = self.max_forwards() {
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
        let peer = facts.client.text();
        match copied.chain {
            false => out.put("X-Forwarded-For", peer),
            true => {
                // Odd bytes travel on as they came: whoever reads the list stops at them, as we do.
                let mut chain = head.lines("x-forwarded-for").collect::<Vec<_>>().join(&b", "[..]);
                if !chain.is_empty() {
                    chain.extend_from_slice(b", ");
                }
                chain.extend_from_slice(peer);
                out.put("X-Forwarded-For", &chain);
            }
        }
        if !copied.proto {
            out.put("X-Forwarded-Proto", if facts.tls { b"https" } else { b"http" });
        }
        if !copied.host && !head.host().is_empty() {
            out.put("X-Forwarded-Host", &told(head.host()));
        }
        for (name, value) in facts.certificate.iter().flat_map(|certificate| certificate.headers()) {
            out.put(name, value.as_bytes());
        }
        match asked.asker.client {
            client if client == facts.client.ip() => out.put("X-Real-IP", peer),
            client => out.put("X-Real-IP", WrittenIp::of(client).text()),
        }
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

fn via(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"1.0 pulsegate",
        Version::HTTP_2 => b"2 pulsegate",
        _ => b"1.1 pulsegate",
    }
}
