//! What does the head of a backend's answer say? Read once, as strictly as a request's, and bounded.

use super::framing::Framing;
use super::persistence::{Options, ends_with_its_head};
use super::spans::Spans;
use crate::http::head::facts::Known;
use crate::http::head::span::Span;
use crate::http::head::{AnswerFlaw, Reach, head_end, walk_answer};

/// An answer's head that has passed. Its spans lie in the bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    pub status: u16,
    pub http10: bool,
    pub reason: Span,
    /// Of a body, as its fields say, be there one or not.
    pub length: Option<u64>,
    /// What follows, whatever its fields say of it (RFC 9112 §6.3).
    pub framing: Framing,
    /// As far as the backend says, and its framing allows: the connection carries another answer behind this one.
    pub persists: bool,
}

impl AnswerHead {
    /// Another head follows.
    pub const fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199) && self.status != 101
    }
}

/// How every answer begins.
const VERSION: &[u8] = b"HTTP/1.";

/// Reads the head at the start of what has come of an answer, and leaves its fields in `spans`. `searched`: bytes in which no head ended before;
/// `to_head`: the request was a HEAD; `limit`: of the head, in bytes. With its length; `None`: it is not whole yet.
///
/// # Errors
/// It cannot be read, or goes beyond what we take.
pub fn read(
    bytes: &[u8],
    searched: usize,
    to_head: bool,
    limit: usize,
    spans: &mut Spans,
) -> Result<Option<(AnswerHead, usize)>, AnswerFlaw> {
    // Nearly all come in one piece: the walk finds their end by itself.
    if searched == 0
        && let Ok((head, end)) = walked(bytes, Reach::Start, to_head, spans)
        && end <= limit
    {
        return Ok(Some((head, end)));
    }
    // Whoever speaks another protocol may say no more, and wait: nobody waits with it.
    if !bytes.iter().zip(VERSION).all(|(byte, expected)| byte == expected) {
        return Err(AnswerFlaw::Malformed);
    }
    // The blank line may straddle two reads.
    let end = head_end(bytes, searched.saturating_sub(3));
    if end.unwrap_or(bytes.len()) > limit {
        return Err(AnswerFlaw::TooLarge);
    }
    let Some(end) = end else { return Ok(None) };
    parse(bytes.get(..end).unwrap_or_default(), to_head, spans).map(|head| Some((head, end)))
}

/// Reads a complete head, its blank line included.
///
/// # Errors
/// It cannot be read, or has more fields than we take.
pub fn parse(head: &[u8], to_head: bool, spans: &mut Spans) -> Result<AnswerHead, AnswerFlaw> {
    walked(head, Reach::All, to_head, spans).map(|(head, _)| head)
}

fn walked(bytes: &[u8], reach: Reach, to_head: bool, spans: &mut Spans) -> Result<(AnswerHead, usize), AnswerFlaw> {
    spans.clear();
    let mut options = Options::default();
    let answer = walk_answer(bytes, reach, |line, known| {
        spans.take(line);
        if known == Known::Connection {
            options.take(line.value);
        }
    })?;
    spans.conclude();
    let line = answer.line;
    let framing = match answer.body {
        _ if line.status == 101 => Framing::Switched,
        _ if ends_with_its_head(line.status, to_head) => Framing::None,
        _ if answer.chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    let persists = options.persists(line.http10) && !matches!(framing, Framing::UntilClose | Framing::Switched);
    let (status, http10, reason) = (line.status, line.http10, line.reason);
    let head = AnswerHead { status, http10, reason, length: answer.body, framing, persists };
    Ok((head, answer.length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response_head::{DEFAULT, FIELDS};

    fn parsed(head: &str, to_head: bool) -> AnswerHead {
        parse(format!("{head}\r\n\r\n").as_bytes(), to_head, &mut Spans::default()).unwrap()
    }

    #[test]
    fn the_status_line_in_parts() {
        let mut spans = Spans::default();
        for (line, status, reason, http10, interim) in [
            ("HTTP/1.1 200 OK", 200, "OK", false, false),
            ("HTTP/1.0 404 Not Found", 404, "Not Found", true, false),
            ("HTTP/1.1 204", 204, "", false, false),
            ("HTTP/1.1 204 ", 204, "", false, false),
            ("HTTP/1.1 103 Early Hints", 103, "Early Hints", false, true),
            ("HTTP/1.1 101 Switching Protocols", 101, "Switching Protocols", false, false),
        ] {
            let head = format!("{line}\r\nX-Own: 1\r\n\r\n");
            let read = parse(head.as_bytes(), false, &mut spans).unwrap();
            assert_eq!((read.status, read.reason.text(head.as_bytes()), read.http10), (status, reason, http10));
            assert_eq!(read.is_interim(), interim, "{line}");
            assert!(spans.over(head.as_bytes()).has("x-own"));
        }
    }

    #[test]
    fn how_the_body_comes_and_what_becomes_of_the_connection() {
        use Framing::{Chunked, Length, None, Switched, UntilClose};
        for (line, fields, to_head, framing, persists) in [
            ("HTTP/1.1 200 OK", "Content-Length: 5", false, Length(5), true),
            ("HTTP/1.1 200 OK", "Content-Length: 0", false, Length(0), true),
            ("HTTP/1.1 200 OK", "Content-Length: 5", true, None, true),
            ("HTTP/1.1 200 OK", "transfer-encoding: Chunked", false, Chunked, true),
            ("HTTP/1.1 200 OK", "transfer-encoding: chunked", true, None, true),
            ("HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: x, close", false, Length(5), false),
            ("HTTP/1.1 200 OK", "X: y", false, UntilClose, false),
            ("HTTP/1.1 200 OK", "Connection: keep-alive", false, UntilClose, false),
            ("HTTP/1.1 200 OK", "X: y", true, None, true),
            ("HTTP/1.1 204 No Content", "Content-Length: 5", false, None, true),
            ("HTTP/1.1 304 Not Modified", "Content-Length: 5", false, None, true),
            ("HTTP/1.1 205 Reset Content", "Content-Length: 5", false, Length(5), true),
            ("HTTP/1.1 100 Continue", "Content-Length: 5", false, None, true),
            ("HTTP/1.1 101 Switching Protocols", "Connection: upgrade", false, Switched, false),
            ("HTTP/1.0 200 OK", "Content-Length: 5", false, Length(5), false),
            ("HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive", false, Length(5), true),
        ] {
            let read = parsed(&format!("{line}\r\n{fields}"), to_head);
            assert_eq!(read.length.is_some(), fields.contains("Length"), "{fields:?}");
            assert_eq!((read.framing, read.persists), (framing, persists), "{line} {fields:?} {to_head}");
        }
    }

    #[test]
    fn a_head_is_read_once_it_is_whole_and_never_beyond_its_bounds() {
        let head = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
        let bytes = format!("{head}body");
        let mut spans = Spans::default();
        for length in 0..bytes.len() {
            let read =
                read(&bytes.as_bytes()[..length], length.min(head.len() - 1), false, DEFAULT, &mut spans).unwrap();
            assert_eq!(read.map(|(_, end)| end), (length >= head.len()).then_some(head.len()), "{length}");
        }
        for (bytes, limit, flaw) in [
            (bytes.clone(), head.len() - 1, Some(AnswerFlaw::TooLarge)),
            (bytes.clone(), head.len(), None),
            (format!("{head}HTTP/1.1\n\n"), DEFAULT, None),
            (format!("HTTP/1.1{}", "y".repeat(9)), 16, Some(AnswerFlaw::TooLarge)),
            (format!("HTTP/1.1{}", "y".repeat(8)), 16, None),
            ("HTTP/".to_owned(), 8, None),
            ("HTTP/2".to_owned(), 8, Some(AnswerFlaw::Malformed)),
            ("SSH-2.0-a\r\n".to_owned(), 8, Some(AnswerFlaw::Malformed)),
            ("\r".to_owned(), 8, Some(AnswerFlaw::Malformed)),
            ("HTTP/1.1 200 OK\n\n".to_owned(), DEFAULT, Some(AnswerFlaw::Malformed)),
            (format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(FIELDS)), DEFAULT, None),
            (format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(FIELDS + 1)), DEFAULT, Some(AnswerFlaw::TooLarge)),
        ] {
            assert_eq!(read(bytes.as_bytes(), 0, false, limit, &mut spans).err(), flaw, "{bytes:?} {limit}");
        }
    }
}
