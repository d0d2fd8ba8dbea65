//! What is a backend told? What travels of the client's head, and what is ours to say of it.

use super::edited::{Edited, listed, name_of};
use super::path::{rewrites, rewritten_path};
use crate::proxy::ConnectionFacts;
use crate::proxy::asked::Asked;
use crate::proxy::heads::{self, Body};
use crate::proxy::message::{RequestHead, Sink};
use crate::proxy::passage::mark;
use crate::proxy::target::told_host;
use http::Version;
use pulsegate_core::base::ip_text::WrittenIp;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::forwarding::lists;
use pulsegate_core::http::forwarding::passage::MaxForwards;
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

    pub(in crate::proxy) fn host(&self) -> Cow<'a, str> {
        match rewrites(self.route).and_then(|forward| forward.host.as_deref()) {
            Some(host) => Cow::Borrowed(host),
            None => told_host(self.head).unwrap_or_default(),
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
        if !copied.host
            && let Some(host) = told_host(head)
        {
            out.put("X-Forwarded-Host", host.as_bytes());
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
