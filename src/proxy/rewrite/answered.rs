//! What is a client told of a backend's answer? What travels of its head, and what we say of it.

use super::edited::{Edited, is_taken_out, listed, name_of};
use crate::proxy::message::{AnswerHead, Sink, Told};
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::forwarding::response_header_travels;
use pulsegate_core::http::interim::interim_field_travels;
use pulsegate_core::plan::RoutePlan;

/// A backend's head, fit for the client: hop-by-hop fields out, edits of the route in. Framing is for whoever writes it.
pub(in crate::proxy) struct Answered<'a> {
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
        // It is what these two are about (RFC 9110 §15.2.2, §15.5.22).
        let upgrades = switches || head.status() == 426;
        let travels = |name: &str| response_header_travels(name) || (upgrades && name == "upgrade");
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
        let mut edited = Edited { out: &mut out, edits: &edits };
        let travels = |name: &str| name == "upgrade" || response_header_travels(name);
        strip(&AnswerHead::Mapped(Box::new(head)), travels, None, &mut edited);
        let mut left: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "upgrade", "x-two"]);
    }
}
