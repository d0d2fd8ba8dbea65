//! Has this head of an HTTP/2 stream one meaning, on HTTP/1 too? What frames and compression say is the codec's matter; here are the rules for
//! what a backend may be told.
//!
//! Sources: RFC 9113 §§8.2–8.3; the downgrade attacks of the last years.

use super::facts::{Facts, Known};
use super::host::{are_one, is_host};
use super::request_line::{is_served, is_target};
use super::{FIELDS, Problem, is_token};

/// What the stream said.
#[derive(Clone, Copy, Debug)]
pub struct StreamHead<'a> {
    pub method: &'a str,
    /// Where the codec tells it.
    pub scheme: Option<&'a str>,
    pub authority: Option<&'a str>,
    /// With its query.
    pub path: &'a str,
    /// What a CONNECT asks for (RFC 8441).
    pub protocol: Option<&'a str>,
}

impl StreamHead<'_> {
    /// CONNECT is served where it names a protocol: it asks its host for a tunnel, and not us for a way to another host.
    fn is_tunnel(&self) -> bool {
        self.method == "CONNECT" && self.protocol.is_some()
    }
}

/// Why a stream is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// It gets this answer.
    Answered(Problem),
    /// It is malformed by the rules of HTTP/2 itself (RFC 9113 §8.1.1): its stream is reset with PROTOCOL_ERROR, as the codec does with what
    /// it finds by itself.
    Reset,
}

impl Unserved {
    /// The stable code for logs and metrics: the same as on HTTP/1.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Answered(problem) => problem.reason(),
            Self::Reset => Problem::MalformedRequest.reason(),
        }
    }
}

impl From<Problem> for Unserved {
    fn from(problem: Problem) -> Self {
        Self::Answered(problem)
    }
}

/// What the codec is told to take of a head whose bound is `limit`: more, so that it is refused here, with an answer that says why. Twice
/// the bound; where that is small, what the 32 bytes amount to that HTTP/2 counts for every field.
pub fn codec_bound(limit: usize) -> usize {
    limit.saturating_mul(2).max(limit.saturating_add(FIELDS * 32))
}

/// Checks the head of a stream; `fields` are names in lower case with their values. `limit`: what the head may have in bytes, as HTTP/1 would
/// write it.
///
/// # Errors
/// What becomes of the stream.
pub fn check_stream<'a>(
    head: &StreamHead<'a>,
    limit: usize,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), Unserved> {
    let mut bytes = head.method.len() + head.path.len() + " HTTP/1.1\r\n".len() + 1;
    if bytes > limit {
        // As on HTTP/1, where no method is so long.
        let target = head.method.len() <= limit;
        return Err(if target { Problem::TargetTooLong } else { Problem::MalformedRequest }.into());
    }
    bytes += head.authority.map_or(0, |authority| "host: \r\n".len() + authority.len());
    if !head.is_tunnel() && !is_served(head.method.as_bytes()) {
        return Err(Problem::MethodNotAllowed.into());
    }
    let origin_form = head.path.starts_with('/') || (head.path == "*" && head.method == "OPTIONS");
    if !origin_form || !is_target(head.path.as_bytes()) || !head.scheme.is_none_or(is_scheme) {
        return Err(Problem::MalformedRequest.into());
    }
    if !head.protocol.is_none_or(protocol_travels) {
        return Err(Problem::MalformedRequest.into());
    }
    let mut facts = Facts::default();
    for (number, (name, value)) in fields.enumerate() {
        bytes += name.len() + value.len() + ": \r\n".len();
        if number == FIELDS || bytes > limit {
            return Err(Problem::HeadTooLarge.into());
        }
        if has_outer_blanks(value) {
            return Err(Unserved::Reset);
        }
        if matches!(name, "transfer-encoding" | "connection" | "upgrade" | "keep-alive" | "proxy-connection") {
            return Err(Problem::MalformedRequest.into());
        }
        facts.take(Known::of(name.as_bytes()), value.trim_ascii())?;
    }
    host(head.authority, facts.host)?;
    // What follows is the tunnel's (RFC 9110 §9.3.6).
    if head.is_tunnel() && facts.length.is_some() {
        return Err(Problem::AmbiguousLength.into());
    }
    if facts.expectation.is_met() { Ok(()) } else { Err(Problem::ExpectationFailed.into()) }
}

/// May a client of HTTP/2 ask for this protocol? As on HTTP/1.1: h2c would smuggle a second protocol past every rule of the first.
pub fn protocol_travels(protocol: &str) -> bool {
    !protocol.is_empty() && protocol.bytes().all(is_token) && !protocol.eq_ignore_ascii_case("h2c")
}

/// Does white space stand around this value? HTTP/1 takes it off; on HTTP/2 it would be a part of the value (RFC 9113 §8.2.1).
pub const fn has_outer_blanks(value: &[u8]) -> bool {
    matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t'])
}

/// RFC 3986 §3.1. Which one it is says nothing about how the client reached us, and is not passed on.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// `:authority` or Host; where both are there, one and the same.
fn host(authority: Option<&str>, host: Option<&[u8]>) -> Result<(), Problem> {
    match (authority.map(str::as_bytes), host) {
        (None, None) => Err(Problem::BadHost),
        (Some(authority), _) if !is_host(authority) => Err(Problem::BadHost),
        (Some(authority), Some(host)) if !is_one(host, authority) => Err(Problem::BadHost),
        _ => Ok(()),
    }
}

/// A stream names its scheme apart, and a client may have left out either port.
fn is_one(host: &[u8], authority: &[u8]) -> bool {
    ["http", "https"].iter().any(|scheme| are_one(host, authority, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: StreamHead<'_> =
        StreamHead { method: "GET", scheme: Some("https"), authority: Some("a.example"), path: "/x?y", protocol: None };

    const LIMIT: usize = 32 * 1024;

    fn verdict(head: StreamHead<'_>, fields: &[(&'static str, &'static str)]) -> Result<(), Unserved> {
        within(LIMIT, head, fields)
    }

    fn within(limit: usize, head: StreamHead<'_>, fields: &[(&str, &str)]) -> Result<(), Unserved> {
        check_stream(&head, limit, fields.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    #[test]
    fn heads_that_pass() {
        assert_eq!(verdict(PLAIN, &[]), Ok(()));
        assert_eq!(verdict(PLAIN, &[("host", "A.example"), ("te", "trailers"), ("content-length", "3")]), Ok(()));
        assert_eq!(verdict(PLAIN, &[("host", "a.example.:443")]), Ok(()));
        assert_eq!(verdict(StreamHead { authority: None, ..PLAIN }, &[("host", "a")]), Ok(()));
        assert_eq!(verdict(StreamHead { method: "OPTIONS", path: "*", ..PLAIN }, &[]), Ok(()));
    }

    #[test]
    fn heads_that_are_refused() {
        let head = |method, authority, path| StreamHead { method, authority, path, scheme: None, protocol: None };
        for (refused, fields, problem) in [
            (head("CONNECT", Some("a"), "/"), vec![], Problem::MethodNotAllowed),
            (head("TRACE", Some("a"), "/"), vec![], Problem::MethodNotAllowed),
            (head("GET", None, "/"), vec![], Problem::BadHost),
            (head("GET", Some("a@b"), "/"), vec![], Problem::BadHost),
            (head("GET", Some("a,b"), "/"), vec![], Problem::BadHost),
            (head("GET", Some(""), "/"), vec![], Problem::BadHost),
            (PLAIN, vec![("host", "b")], Problem::BadHost),
            (PLAIN, vec![("host", "a.example"), ("host", "a.example")], Problem::BadHost),
            (head("GET", Some("a"), "*"), vec![], Problem::MalformedRequest),
            (head("GET", Some("a"), "x"), vec![], Problem::MalformedRequest),
            (head("GET", Some("a"), "http://b/"), vec![], Problem::MalformedRequest),
            (head("GET", Some("a"), "/ HTTP/1.1"), vec![], Problem::MalformedRequest),
            (StreamHead { scheme: Some(""), ..PLAIN }, vec![], Problem::MalformedRequest),
            (StreamHead { scheme: Some("1a"), ..PLAIN }, vec![], Problem::MalformedRequest),
            (PLAIN, vec![("transfer-encoding", "chunked")], Problem::MalformedRequest),
            (PLAIN, vec![("connection", "close")], Problem::MalformedRequest),
            (PLAIN, vec![("upgrade", "h2c")], Problem::MalformedRequest),
            (PLAIN, vec![("content-length", "+1")], Problem::AmbiguousLength),
            (PLAIN, vec![("content-length", "1"), ("content-length", "2")], Problem::AmbiguousLength),
            (PLAIN, vec![("expect", "a miracle")], Problem::ExpectationFailed),
        ] {
            assert_eq!(verdict(refused, &fields), Err(problem.into()), "{refused:?} {fields:?}");
        }
        assert_eq!(verdict(PLAIN, &[("x", "y"); FIELDS + 1]), Err(Problem::HeadTooLarge.into()));
    }

    #[test]
    fn protocols_are_one_token_and_never_h2c() {
        assert!(["websocket", "WebSocket", "connect-udp", "x"].into_iter().all(protocol_travels));
        assert!(!["", "h2c", "H2C", "a b", "a,b", "a/b", "\u{e9}"].into_iter().any(protocol_travels));
    }

    #[test]
    fn connect_is_served_where_it_names_a_protocol() {
        let asks = |protocol| StreamHead { method: "CONNECT", protocol: Some(protocol), ..PLAIN };
        assert_eq!(verdict(asks("websocket"), &[("sec-websocket-version", "13")]), Ok(()));
        assert_eq!(verdict(asks("h2c"), &[]), Err(Problem::MalformedRequest.into()));
        assert_eq!(verdict(asks(""), &[]), Err(Problem::MalformedRequest.into()));
        assert_eq!(verdict(asks("websocket"), &[("content-length", "1")]), Err(Problem::AmbiguousLength.into()));
        assert_eq!(verdict(StreamHead { method: "CONNECT", ..PLAIN }, &[]), Err(Problem::MethodNotAllowed.into()));
    }

    #[test]
    fn white_space_around_a_value_is_malformed_and_within_it_is_not() {
        for value in [" a", "a ", "\ta", "a\t", " ", "\t \t"] {
            assert_eq!(verdict(PLAIN, &[("x", value)]), Err(Unserved::Reset), "{value:?}");
            assert_eq!(verdict(PLAIN, &[("host", value)]), Err(Unserved::Reset), "{value:?}");
        }
        assert_eq!(verdict(PLAIN, &[("x", "a b\tc"), ("y", "")]), Ok(()));
    }

    #[test]
    fn a_head_is_bounded_in_the_bytes_that_http1_would_need() {
        let written = "GET /x?y HTTP/1.1\r\nhost: a.example\r\nx: yz\r\n".len();
        assert_eq!(within(written, PLAIN, &[("x", "yz")]), Ok(()));
        assert_eq!(within(written - 1, PLAIN, &[("x", "yz")]), Err(Problem::HeadTooLarge.into()));
        let line = "GET /x?y HTTP/1.1\r\n".len();
        assert_eq!(within(line - 1, PLAIN, &[]), Err(Problem::TargetTooLong.into()));
    }

    #[test]
    fn what_is_refused_here_reaches_us() {
        for limit in [1, 64, 1024, LIMIT, 1 << 20] {
            // The longest head that is taken here, in the measure of HTTP/2.
            assert!(codec_bound(limit) >= limit + FIELDS * 28, "{limit}");
        }
        assert_eq!(codec_bound(LIMIT), 2 * LIMIT);
    }
}
