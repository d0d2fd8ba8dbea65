//! Has this head of an HTTP/2 stream one meaning, on HTTP/1 too? What frames and compression say is the codec's matter; here are the rules for
//! what a backend may be told.
//!
//! Sources: RFC 9113 §§8.2–8.3; the downgrade attacks of the last years.

use super::host::is_host;
use super::{FIELDS, Facts, Field, Problem, is_served, is_target, mean_the_same};

/// What the stream said.
#[derive(Clone, Copy, Debug)]
pub struct StreamHead<'a> {
    pub method: &'a str,
    pub authority: Option<&'a str>,
    /// With its query.
    pub path: &'a str,
}

/// Checks the head of a stream; `fields` are names in lower case with their values.
///
/// # Errors
/// The answer that the client gets.
pub fn check_stream<'a>(
    head: &StreamHead<'a>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), Problem> {
    if !is_served(head.method.as_bytes()) {
        return Err(Problem::MethodNotAllowed);
    }
    let origin_form = head.path.starts_with('/') || (head.path == "*" && head.method == "OPTIONS");
    if !origin_form || !is_target(head.path.as_bytes()) {
        return Err(Problem::MalformedRequest);
    }
    let mut facts = Facts::default();
    for (number, (name, value)) in fields.enumerate() {
        if number == FIELDS {
            return Err(Problem::HeadTooLarge);
        }
        if matches!(name, "transfer-encoding" | "connection" | "upgrade" | "keep-alive" | "proxy-connection") {
            return Err(Problem::MalformedRequest);
        }
        facts.take(Field::of(name.as_bytes(), value))?;
    }
    host(head.authority, facts.host)?;
    if facts.unknown_expectation { Err(Problem::ExpectationFailed) } else { Ok(()) }
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
    ["http", "https"].iter().any(|scheme| mean_the_same(host, authority, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: StreamHead<'_> = StreamHead { method: "GET", authority: Some("a.example"), path: "/x?y" };

    fn verdict(head: StreamHead<'_>, fields: &[(&'static str, &'static str)]) -> Result<(), Problem> {
        check_stream(&head, fields.iter().map(|(name, value)| (*name, value.as_bytes())))
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
        let head = |method, authority, path| StreamHead { method, authority, path };
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
            (PLAIN, vec![("transfer-encoding", "chunked")], Problem::MalformedRequest),
            (PLAIN, vec![("connection", "close")], Problem::MalformedRequest),
            (PLAIN, vec![("upgrade", "h2c")], Problem::MalformedRequest),
            (PLAIN, vec![("content-length", "+1")], Problem::AmbiguousLength),
            (PLAIN, vec![("content-length", "1"), ("content-length", "2")], Problem::AmbiguousLength),
            (PLAIN, vec![("expect", "a miracle")], Problem::ExpectationFailed),
        ] {
            assert_eq!(verdict(refused, &fields), Err(problem), "{refused:?} {fields:?}");
        }
        assert_eq!(verdict(PLAIN, &[("x", "y"); FIELDS + 1]), Err(Problem::HeadTooLarge));
    }
}
