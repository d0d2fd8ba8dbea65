//! What does a request's head say? Read once: the strict check and everything that is asked of the head later come from the same walk.

use super::framing::Framing;
use super::persistence::Options;
use super::spans::Spans;
use super::upgrade::asked;
use crate::http::head::expectation::Expectation;
use crate::http::head::facts::Known;
use crate::http::head::span::Span;
use crate::http::head::{Reach, in_origin_form, walk};
use crate::http::problem::Problem;

/// A request's head that has passed. Its spans lie in the bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub method: Span,
    /// Up to the query.
    pub path: Span,
    /// With its `?`; empty where there is none.
    pub query: Span,
    pub http10: bool,
    /// The value of its Host, which only HTTP/1.0 may leave out.
    pub host: Option<Span>,
    pub framing: Framing,
    /// As far as the client says: the connection carries another request behind this one.
    pub persists: bool,
    /// The client waits for a 100 before it sends the body. HTTP/1.0 knows of none (RFC 9110 §10.1.1).
    pub expects_continue: bool,
    /// The protocol that it asks for, if it is one that may be passed on.
    pub upgrade: Option<Span>,
}

impl RequestHead {
    /// Path and query.
    pub const fn target(&self) -> Span {
        Span::new(self.path.range().start, self.query.range().end)
    }
}

/// Reads a complete head, its blank line included, and leaves its fields in `spans`.
///
/// # Errors
/// The answer that the client gets.
pub fn parse(head: &[u8], spans: &mut Spans) -> Result<RequestHead, Problem> {
    walked(head, Reach::All, spans).map(|walked| walked.head)
}

/// A head that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub head: RequestHead,
    /// As it came, in bytes.
    pub length: usize,
    /// It came in another form than the one in which requests go on: this is the head made anew, in which the spans lie.
    pub anew: Option<Vec<u8>>,
}

/// Reads a complete head that goes on.
///
/// # Errors
/// The answer that the client gets.
pub fn read(head: &[u8], spans: &mut Spans) -> Result<Read, Problem> {
    walked(head, Reach::All, spans)?.in_one_form(head, spans)
}

/// Reads the head at the start of what has come, as nearly all do that came in one piece. `None`: it is not whole yet, or is to be refused, and
/// [`crate::http::head::head_end`] says which.
pub fn read_start(bytes: &[u8], spans: &mut Spans) -> Option<Read> {
    walked(bytes, Reach::Start, spans).and_then(|walked| walked.in_one_form(bytes, spans)).ok()
}

/// What a walk has found.
struct Walked {
    head: RequestHead,
    length: usize,
    in_one_form: bool,
}

impl Walked {
    fn in_one_form(self, bytes: &[u8], spans: &mut Spans) -> Result<Read, Problem> {
        let Self { head, length, in_one_form } = self;
        match bytes.get(..length).filter(|_| !in_one_form).and_then(in_origin_form) {
            Some(anew) => Ok(Read { head: parse(&anew, spans)?, length, anew: Some(anew) }),
            None => Ok(Read { head, length, anew: None }),
        }
    }
}

fn walked(bytes: &[u8], reach: Reach, spans: &mut Spans) -> Result<Walked, Problem> {
    spans.clear();
    let (mut host, mut options, mut upgrades) = (None, Options::default(), Upgrades::None);
    let request = walk(bytes, reach, |line, known| {
        spans.take(line);
        match known {
            Known::Host => host = Some(line.value_span()),
            Known::Connection => options.take(line.value),
            Known::Upgrade => upgrades.take(line.value_span()),
            Known::ContentLength | Known::TransferEncoding | Known::Expect | Known::Other => {}
        }
    })?;
    spans.conclude();
    let (line, facts) = (request.line, request.facts);
    let framing = match facts.length {
        _ if facts.chunked => Framing::Chunked,
        None | Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
    };
    let target = line.method.len() + 1;
    let head = RequestHead {
        method: Span::new(0, line.method.len()),
        path: Span::new(target, target + line.query),
        query: Span::new(target + line.query, target + line.target.len()),
        http10: line.http10,
        host,
        framing,
        persists: options.persists(line.http10),
        expects_continue: facts.expectation == Expectation::Continue && !line.http10 && framing != Framing::None,
        upgrade: upgrades.asked(bytes, spans).filter(|_| !line.http10),
    };
    Ok(Walked { head, length: request.length, in_one_form: line.in_one_form })
}

/// The `Upgrade` lines of a head.
enum Upgrades {
    None,
    One(Span),
    /// Two wishes of one client are none that could be passed on as one.
    Several,
}

impl Upgrades {
    fn take(&mut self, value: Span) {
        *self = if matches!(self, Self::None) { Self::One(value) } else { Self::Several };
    }

    fn asked(&self, head: &[u8], spans: &Spans) -> Option<Span> {
        let Self::One(value) = self else { return None };
        asked(spans.over(head).lines("connection"), Some(value.text(head))).map(|_| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &str) -> RequestHead {
        parse(format!("{head}\r\n\r\n").as_bytes(), &mut Spans::default()).unwrap()
    }

    #[test]
    fn the_request_line_in_parts() {
        let mut spans = Spans::default();
        for (line, method, path, query, http10) in [
            ("GET / HTTP/1.1", "GET", "/", "", false),
            ("PATCH /a/b?c?d HTTP/1.0", "PATCH", "/a/b", "?c?d", true),
            ("OPTIONS * HTTP/1.1", "OPTIONS", "*", "", false),
            ("GET /? HTTP/1.1", "GET", "/", "?", false),
        ] {
            let head = format!("{line}\r\nHost: a.example:80\r\n\r\n");
            let bytes = head.as_bytes();
            let read = parse(bytes, &mut spans).unwrap();
            let text = |span: Span| span.text(bytes);
            assert_eq!(
                (text(read.method), text(read.path), text(read.query), read.http10),
                (method, path, query, http10)
            );
            assert_eq!(text(read.target()), format!("{path}{query}"));
            assert_eq!(read.host.map(text), Some("a.example:80"));
        }
        assert_eq!(parsed("GET / HTTP/1.0").host, None);
    }

    #[test]
    fn how_the_body_comes_and_what_is_awaited() {
        for (fields, framing, expects) in [
            ("X: y", Framing::None, false),
            ("Content-Length: 0", Framing::None, false),
            ("Content-Length: 5", Framing::Length(5), false),
            ("content-length: 5\r\nContent-Length: 5", Framing::Length(5), false),
            ("Transfer-Encoding: CHUNKED", Framing::Chunked, false),
            ("Content-Length: 5\r\nExpect: 100-Continue", Framing::Length(5), true),
            ("Expect: 100-continue\r\nTransfer-Encoding: chunked", Framing::Chunked, true),
            ("Expect: 100-continue", Framing::None, false),
            ("Content-Length: 0\r\nExpect: 100-continue", Framing::None, false),
        ] {
            let read = parsed(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}"));
            assert_eq!((read.framing, read.expects_continue), (framing, expects), "{fields:?}");
        }
        assert!(!parsed("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue").expects_continue);
    }

    #[test]
    fn what_becomes_of_the_connection() {
        for (fields, http11, http10) in [
            ("X: y", true, false),
            ("Connection: close", false, false),
            ("Connection: keep-alive", true, true),
            ("Connection: x\r\nconnection: y, Close", false, false),
        ] {
            for (version, persists) in [("1.1", http11), ("1.0", http10)] {
                let read = parsed(&format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}"));
                assert_eq!(read.persists, persists, "{version} {fields:?}");
            }
        }
    }

    #[test]
    fn an_upgrade_is_asked_for_by_two_fields_once() {
        for (fields, asked) in [
            ("Connection: upgrade\r\nUpgrade: websocket", Some("websocket")),
            ("Upgrade: WebSocket \r\nConnection: keep-alive, Upgrade", Some("WebSocket")),
            ("Upgrade: websocket", None),
            ("Connection: upgrade", None),
            ("Connection: upgrade\r\nUpgrade: h2c", None),
            ("Connection: upgrade\r\nUpgrade:", None),
            ("Connection: upgrade\r\nUpgrade: \u{e4}", None),
            ("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket", None),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let read = parse(head.as_bytes(), &mut Spans::default()).unwrap();
            assert_eq!(read.upgrade.map(|span| span.text(head.as_bytes())), asked, "{fields:?}");
            let http10 = head.replace("HTTP/1.1", "HTTP/1.0");
            assert_eq!(parse(http10.as_bytes(), &mut Spans::default()).unwrap().upgrade, None);
        }
    }

    #[test]
    fn another_form_is_made_anew_and_its_spans_lie_there() {
        let mut spans = Spans::default();
        for (head, target, host) in [
            ("GET http://A.test:80/{}?x HTTP/1.1\r\nX-Own: 1\r\nhost: a.test.\r\n\r\n", "/%7B%7D?x", "A.test"),
            ("GET /|?\" HTTP/1.1\r\nX-Own: 1\r\nhost: a\r\n\r\n", "/%7C?%22", "a"),
        ] {
            let read = read(head.as_bytes(), &mut spans).unwrap();
            let (bytes, read, length) = (read.anew.unwrap(), read.head, read.length);
            assert_eq!((read.target().text(&bytes), read.host.map(|host| host.text(&bytes))), (target, Some(host)));
            assert_eq!(length, head.len());
            assert_eq!(spans.over(&bytes).lines("x-own").collect::<Vec<_>>(), [b"1"]);
        }
        for head in ["GET /?{}` HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"] {
            assert_eq!(read(head.as_bytes(), &mut spans).unwrap().anew, None, "{head:?}");
        }
    }

    #[test]
    fn a_head_that_came_whole_is_read_with_what_came_behind_it() {
        let mut spans = Spans::default();
        for (head, passes) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", false),
        ] {
            let alone = read(head.as_bytes(), &mut spans).ok();
            assert_eq!(alone.is_some(), passes, "{head:?}");
            for behind in ["", "body", "\r\n", "GET / HTTP/1.1\r\nX\r\n\r\n"] {
                assert_eq!(read_start(format!("{head}{behind}").as_bytes(), &mut spans), alone, "{head:?}{behind:?}");
            }
            for length in 0..head.len() {
                assert_eq!(read_start(&head.as_bytes()[..length], &mut spans), None, "{head:?}, {length}");
            }
        }
    }
}
