//! What is a client told of a backend's answer? What travels of its head, and what we say of it.

use super::edited::{Edited, is_taken_out, listed};
use crate::proxy::message::{AnswerHead, Sink, Told};
use pulsegate_core::http::fields::{Field, Fields};
use pulsegate_core::http::forwarding::response_header_travels;
use pulsegate_core::http::interim::interim_field_travels;
use pulsegate_core::plan::RoutePlan;

/// A backend's head, fit for the client: hop-by-hop fields out, edits of the route in. Framing is for whoever writes it.
pub(in crate::proxy) struct Answered<'a> {
    pub head: &'a AnswerHead,
    pub route: &'a RoutePlan,
    /// The header by which a backend asks to be drained: nobody's business behind us.
    pub drain_header: Option<&'a str>,
    pub request_id: &'a [u8],
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
        self.head.length()
    }

    fn is_dated(&self) -> bool {
        self.head.has("date") && !is_taken_out(&self.route.response_headers, b"date")
    }

    fn fields(&self, out: &mut impl Sink) {
        let Self { head, drain_header, .. } = *self;
        let mut out = Edited::of(out, &self.route.response_headers);
        let switches = head.status() == 101;
        // It is what these two are about (RFC 9110 §15.2.2, §15.5.22).
        let upgrades = switches || head.status() == 426;
        let travels = |name: &[u8]| response_header_travels(name) || (upgrades && name == b"upgrade");
        // Said once, even where it came twice; 204 and a switch of protocols have none.
        if let Some(length) = head.first("content-length").filter(|_| !switches && head.status() != 204) {
            out.put("Content-Length", length);
        }
        let ours = |name: &[u8]| matches!(name, b"content-length" | b"x-request-id");
        strip(head, |name| travels(name) && !ours(name), drain_header, &mut out);
        out.put("X-Request-Id", self.request_id);
        if let Some(cookie) = self.cookie {
            out.put("Set-Cookie", cookie.as_bytes());
        }
        out.finish();
    }
}

/// The head of an interim answer, fit for the client.
pub(in crate::proxy) struct Interim<'a> {
    pub head: &'a AnswerHead,
    pub route: &'a RoutePlan,
    pub drain_header: Option<&'a str>,
}

impl Told for Interim<'_> {
    fn status(&self) -> u16 {
        self.head.status()
    }

    fn reason(&self) -> Option<&[u8]> {
        self.head.reason()
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn is_dated(&self) -> bool {
        true
    }

    fn fields(&self, out: &mut impl Sink) {
        let mut out = Edited::of(out, &self.route.response_headers);
        strip(self.head, interim_field_travels, self.drain_header, &mut out);
        out.finish();
    }
}

/// Leaves out what ends here.
fn strip(
    head: &AnswerHead,
    travels: impl Fn(&[u8]) -> bool,
    drain_header: Option<&str>,
    out: &mut Edited<'_, impl Sink>,
) {
    let listed = listed(head);
    // A switch of protocols lists the one field that it is about.
    let is_listed = |name: &[u8]| name != b"upgrade" && listed.iter().any(|one| one.as_bytes() == name);
    out.copy(head.fields().filter(|field| {
        let name = field.name();
        travels(name) && !is_listed(name) && drain_header.is_none_or(|asks| asks.as_bytes() != name)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName};
    use pulsegate_core::plan::HeaderEdits;

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
        let mut edited = Edited::of(&mut out, &edits);
        let travels = |name: &[u8]| name == b"upgrade" || response_header_travels(name);
        strip(&AnswerHead::Mapped(Box::new(head)), travels, None, &mut edited);
        let mut left: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "upgrade", "x-two"]);
    }
}
