//! The table of heads: what is served, and what is refused with which answer.

use super::plainly::{both, both_answer};
use super::*;
use Problem::{AmbiguousLength, BadHost, ExpectationFailed, MalformedRequest, MethodNotAllowed, VersionNotSupported};

/// A row's head without its last blank line; "\n" is not translated.
fn verdict(head: &str) -> Result<(), Problem> {
    both(format!("{head}\r\n\r\n").as_bytes()).map(|_| ())
}

#[test]
fn heads_that_are_served() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a",
        "GET /?q=1 HTTP/1.1\r\nhost: a:80",
        "GET / HTTP/1.0",
        "OPTIONS / HTTP/1.0",
        "OPTIONS * HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.1\r\nHost: [::1]:80",
        "GET / HTTP/1.1\r\nHost: a_b-c.example",
        "GET http://a/x HTTP/1.1\r\nHost: a",
        "GET http://A:80/ HTTP/1.1\r\nHost: a.",
        "GET https://a/ HTTP/1.1\r\nHost: a:443",
        "GET / HTTP/1.1\r\nHost: a:",
        "GET HTTP://A:80/x HTTP/1.1\r\nHost: A:80",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked",
        "PATCH / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue",
        "X-OWN / HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.1\r\nHost: a\r\nX:",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \tb \t",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e4}",
    ] {
        assert_eq!(verdict(head), Ok(()), "{head:?}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one table, a row per head")]
fn heads_that_are_refused() {
    for (head, problem) in [
        ("", MalformedRequest),
        ("GET /", MalformedRequest),
        ("GET / ", MalformedRequest),
        ("GET  / HTTP/1.1\r\nHost: a", MalformedRequest),
        (" GET / HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET / HTTP/1.1 \r\nHost: a", MalformedRequest),
        ("GET\t/ HTTP/1.1\r\nHost: a", MalformedRequest),
        ("G(T / HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET / http/1.1\r\nHost: a", MalformedRequest),
        ("GET / HTTP/11\r\nHost: a", MalformedRequest),
        ("GET / HTTP/2.0\r\nHost: a", VersionNotSupported),
        ("GET / HTTP/1.2\r\nHost: a", VersionNotSupported),
        ("PRI * HTTP/2.0", VersionNotSupported),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443", MethodNotAllowed),
        ("TRACE / HTTP/1.1\r\nHost: a", MethodNotAllowed),
        ("GET /a#b HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET /\u{7f} HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET /\0 HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET * HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET a HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a", MalformedRequest),
        ("GET http://b/ HTTP/1.1\r\nHost: a", BadHost),
        ("GET http://u@a/ HTTP/1.1\r\nHost: u@a", BadHost),
        ("GET / HTTP/1.1", BadHost),
        ("GET / HTTP/1.1\r\nHost:", BadHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a", BadHost),
        ("GET / HTTP/1.1\r\nHost: a, b", BadHost),
        ("GET / HTTP/1.1\r\nHost: a b", BadHost),
        ("GET / HTTP/1.1\r\nHost: a/b", BadHost),
        ("GET / HTTP/1.1\r\nHost: a:b", BadHost),
        ("GET / HTTP/1.1\r\nHost: a:99999", BadHost),
        ("GET / HTTP/1.1\r\nHost: a..", BadHost),
        ("GET / HTTP/1.1\r\nHost: [::1", BadHost),
        ("GET / HTTP/1.1\r\nHost: [::1]x", BadHost),
        ("GET / HTTP/1.1\nHost: a", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\nX: b", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\rX: b", MalformedRequest),
        ("GET / HTTP/1.1\r\n Host: a", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost : a", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\u{e4}: b", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\x0bc", MalformedRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f", MalformedRequest),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked", MalformedRequest),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", AmbiguousLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok", ExpectationFailed),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: x", ExpectationFailed),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nExpect: 100-continue", ExpectationFailed),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\nExpect: ,", ExpectationFailed),
    ] {
        assert_eq!(verdict(head), Err(problem), "{head:?}");
    }
}

#[test]
fn a_head_that_ends_in_bare_line_feeds_is_refused() {
    assert_eq!(both(b"GET / HTTP/1.1\nHost: a\n\n"), Err(MalformedRequest));
}

#[test]
fn a_head_tells_how_its_body_is_framed() {
    assert_eq!(both(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Framing::Plain));
    assert_eq!(both(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(Framing::Chunked));
}

#[test]
fn a_head_has_a_bound_in_fields_too() {
    let head = |fields: usize| format!("GET / HTTP/1.1\r\nHost: a{}", "\r\nX: y".repeat(fields - 1));
    assert_eq!(verdict(&head(FIELDS)), Ok(()));
    assert_eq!(verdict(&head(FIELDS + 1)), Err(Problem::HeadTooLarge));
}

#[test]
fn answers_of_backends_that_are_relayed() {
    for head in [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.0 599 \u{e4}",
        "HTTP/1.1 200 OK\r\nContent-Length: 5",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Length: 5",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: \u{e4}",
    ] {
        assert!(both_answer(format!("{head}\r\n\r\n").as_bytes(), false).is_ok(), "{head:?}");
    }
}

#[test]
fn answers_of_backends_that_are_bad() {
    for head in [
        "",
        "garbage",
        "HTTP/1.1",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 600 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 OK\nX: y",
        "HTTP/1.1 200 OK\r\nX: y\nZ: y",
        "HTTP/1.1 200 OK\r\nX : y",
        "HTTP/1.1 200 OK\r\nX: y\r\n z",
        "HTTP/1.1 200 OK\r\nX: \u{1}",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        "HTTP/1.1 200 OK\r\nContent-Length: x",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: foo",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
    ] {
        let bytes = format!("{head}\r\n\r\n");
        assert_eq!(both_answer(bytes.as_bytes(), false), Err(AnswerFlaw::Malformed), "{head:?}");
    }
    assert_eq!(both_answer(b"HTTP/1.1 200 OK\n\n", false), Err(AnswerFlaw::Malformed));
}

#[test]
fn an_answer_s_head_tells_what_follows() {
    let (plain, chunked) = (Follows::Body(Framing::Plain), Follows::Body(Framing::Chunked));
    for (status, fields, to_head, follows) in [
        (200, "Transfer-Encoding: chunked", false, chunked),
        (200, "transfer-encoding:CHUNKED ", false, chunked),
        (404, "X: y\r\nTransfer-Encoding: chunked", false, chunked),
        (205, "Transfer-Encoding: chunked", false, chunked),
        (200, "Transfer-Encoding: chunked", true, plain),
        (200, "Content-Length: 5", false, plain),
        (200, "X: y", false, plain),
        (204, "Transfer-Encoding: chunked", false, plain),
        (304, "Transfer-Encoding: chunked", false, plain),
        (101, "Transfer-Encoding: chunked", false, plain),
        (100, "X: y", false, Follows::Head),
        (102, "Transfer-Encoding: chunked", false, Follows::Head),
        (103, "Content-Length: 5", true, Follows::Head),
        (199, "X: y", false, Follows::Head),
    ] {
        let head = format!("HTTP/1.1 {status} OK\r\n{fields}\r\n\r\n");
        assert_eq!(both_answer(head.as_bytes(), to_head), Ok(follows), "{head:?}, {to_head}");
    }
}

#[test]
fn a_head_ends_at_its_first_blank_line_however_it_ends() {
    for (bytes, from, end) in [
        ("", 0, None),
        ("A\r\nB\r\n\r", 0, None),
        ("A\r\nB\r\n\r\nC\r\n\r\n", 0, Some(8)),
        ("A\r\nB\r\n\r\nC\r\n\r\n", 5, Some(8)),
        ("A\n\nB", 0, Some(3)),
        ("A\n\r\nB", 0, Some(4)),
        ("\r\n\r\nA", 0, Some(4)),
        ("A\r\r\n\rB", 0, None),
        ("A", 9, None),
    ] {
        assert_eq!(head_end(bytes.as_bytes(), from), end, "{bytes:?} from {from}");
    }
}
