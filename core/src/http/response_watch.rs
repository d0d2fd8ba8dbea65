//! What of a backend's bytes may pingora see? Heads that are strictly HTTP/1.1, and chunked bodies that are framed as they say.
//!
//! The watch follows one answer through its connection: interim heads, the head, and a chunked body to its end. Bodies of another
//! framing, and what is behind an upgrade, have no marks that could be read in two ways: they pass unlooked.
//!
//! The invariant: what was found does not depend on how the bytes were cut into reads. A flaw behind a head that came in the same
//! read is kept for the next one, so that the head arrives first. Behind a flaw nothing passes any more.
//!
//! A head that lies whole in one read, as nearly all do, is read where it lies; only one in pieces is put together here.

use crate::http::chunks::Chunks;
use crate::http::head::{AnswerFlaw, Follows, Framing, check_answer, head_end};
use std::fmt;

/// What is not HTTP/1.1, or more of it than we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    Head,
    /// It is larger than its upstream allows (`limits.response_head_bytes`): no fault against HTTP.
    HeadTooLarge,
    Body,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the head of the backend's answer does not follow HTTP/1.1",
            Self::HeadTooLarge => {
                "the head of the backend's answer is larger than limits.response_head_bytes of its upstream, or has more than 256 fields"
            }
            Self::Body => "the chunks of the backend's answer do not follow HTTP/1.1 (RFC 9112 §7.1)",
        })
    }
}

impl std::error::Error for Malformed {}

/// How far one answer has come.
#[derive(Debug)]
pub struct ResponseWatch {
    /// The request was a HEAD.
    to_head: bool,
    /// Of a head, all lines together, bytes. More is an attack on whoever keeps it.
    limit: usize,
    part: Part,
}

#[derive(Debug)]
enum Part {
    /// What came of a head so far.
    Head(Vec<u8>),
    Chunks(Chunks),
    /// What comes has no marks, or is not ours to read.
    Free,
    Broken(Malformed),
}

impl ResponseWatch {
    /// `to_head`: the request was a HEAD. `limit`: of a head, in bytes.
    pub const fn new(to_head: bool, limit: usize) -> Self {
        Self { to_head, limit, part: Part::Head(Vec::new()) }
    }

    /// The flaw behind which nothing is to be read any more.
    pub const fn flaw(&self) -> Option<Malformed> {
        if let Part::Broken(flaw) = self.part { Some(flaw) } else { None }
    }

    /// Takes what was read next, and says how much of it may be passed on: all of it, or the heads in front of a flaw.
    ///
    /// # Errors
    /// Nothing of it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(taken) => passed += taken,
                Err(flaw) => {
                    self.part = Part::Broken(flaw);
                    return if passed > 0 { Ok(passed) } else { Err(flaw) };
                }
            }
        }
        Ok(passed)
    }

    /// Takes up to the next end of a head.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match &mut self.part {
            Part::Free => Ok(bytes.len()),
            Part::Broken(flaw) => Err(*flaw),
            Part::Chunks(chunks) => chunks.take(bytes).map(|()| bytes.len()).map_err(|_| Malformed::Body),
            Part::Head(begun) if begun.is_empty() => match head_end(bytes, 0) {
                Some(end) => {
                    self.part = behind(bytes.get(..end).unwrap_or_default(), self.to_head, self.limit)?;
                    Ok(end)
                }
                None => keep(begun, bytes, self.limit),
            },
            Part::Head(begun) => {
                // The blank line may straddle two reads.
                let (before, from) = (begun.len(), begun.len().saturating_sub(3));
                begun.extend_from_slice(bytes);
                let Some(end) = head_end(begun, from) else { return within(begun, bytes, self.limit) };
                self.part = behind(begun.get(..end).unwrap_or_default(), self.to_head, self.limit)?;
                Ok(end - before)
            }
        }
    }
}

/// The part of a head that has come.
fn keep(begun: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Result<usize, Malformed> {
    begun.extend_from_slice(bytes);
    within(begun, bytes, limit)
}

fn within(begun: &[u8], bytes: &[u8], limit: usize) -> Result<usize, Malformed> {
    if begun.len() > limit { Err(Malformed::HeadTooLarge) } else { Ok(bytes.len()) }
}

fn behind(head: &[u8], to_head: bool, limit: usize) -> Result<Part, Malformed> {
    if head.len() > limit {
        return Err(Malformed::HeadTooLarge);
    }
    let follows = check_answer(head, to_head).map_err(|flaw| match flaw {
        AnswerFlaw::Malformed => Malformed::Head,
        AnswerFlaw::TooLarge => Malformed::HeadTooLarge,
    })?;
    match follows {
        Follows::Head => Ok(Part::Head(Vec::new())),
        Follows::Body(Framing::Chunked) => Ok(Part::Chunks(Chunks::default())),
        Follows::Body(Framing::Plain) => Ok(Part::Free),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response_head::{DEFAULT as HEAD, FIELDS};

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";

    /// How much passed of these reads, and the flaw that ended them.
    fn watched<'a>(reads: impl IntoIterator<Item = &'a [u8]>, to_head: bool) -> (usize, Option<Malformed>) {
        let mut watch = ResponseWatch::new(to_head, HEAD);
        let mut passed = 0;
        for read in reads {
            if watch.flaw().is_some() {
                break;
            }
            passed += watch.take(read).unwrap_or_default();
        }
        (passed, watch.flaw())
    }

    /// Whole, byte by byte and cut in two at every place: the flaw must be the same, and `heads` bytes must pass in front of it.
    fn flaw(answer: &str, heads: usize, to_head: bool) -> Option<Malformed> {
        let bytes = answer.as_bytes();
        let (passed, at_once) = watched([bytes], to_head);
        assert_eq!(passed, if at_once.is_some() { heads } else { bytes.len() }, "{answer:?}");
        let cuts = (1..bytes.len()).map(|at| bytes.split_at(at)).map(|(one, two)| watched([one, two], to_head));
        for (passed, flaw) in cuts.chain([watched(bytes.chunks(1), to_head)]) {
            assert_eq!(flaw, at_once, "{answer:?}");
            assert!(passed >= heads, "{answer:?}: {passed}");
        }
        at_once
    }

    #[test]
    fn answers_that_pass() {
        let bad = "\r\nhello\r\n0\r\n\r\n";
        for (answer, to_head) in [
            (format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"), false),
            (format!("{CHUNKED}5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), false),
            (format!("{CHUNKED}0\r\n\r\nwhat is behind is the relay's matter\n\n\0"), false),
            (format!("{CHUNKED}5\r\nhel"), false),
            (format!("{HINTS}HTTP/1.1 100 Continue\r\n\r\n{CHUNKED}0\r\n\r\n"), false),
            (format!("{CHUNKED}{bad}"), true),
            (format!("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n{bad}"), false),
            (format!("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n{bad}"), false),
            (format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{bad}"), false),
            (format!("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{bad}"), false),
            (format!("HTTP/1.0 200 OK\r\n\r\n{bad}"), false),
            ("HTTP/1.1 200 OK\r\nTransfer-Enc".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(flaw(&answer, 0, to_head), None, "{answer:?}");
        }
    }

    #[test]
    fn a_flaw_comes_behind_the_heads_that_came_with_it() {
        for (heads, rest, found) in [
            ("", "HTTP/1.1 200 OK\n\n", Malformed::Head),
            ("", "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::Head),
            ("", "\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Malformed::Head),
            ("", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Malformed::Head),
            ("", "HTTP/1.1 103 Early Hints\n\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Malformed::Head),
            (HINTS, "HTTP/1.1 200 OK\r\nX: y\n\r\n", Malformed::Head),
            (HINTS, "\r\n\r\n", Malformed::Head),
            (CHUNKED, "\r\nhello\r\n0\r\n\r\n", Malformed::Body),
            (CHUNKED, "5\r\nhello\r\n\r\n0\r\n\r\n", Malformed::Body),
            (CHUNKED, "5\r\nhello\r\n0\r\nX\r\n\r\n", Malformed::Body),
            (CHUNKED, "5\r\nhello0\r\n\r\n", Malformed::Body),
        ] {
            let interim = format!("{HINTS}{heads}");
            for heads in [heads, &interim] {
                assert_eq!(flaw(&format!("{heads}{rest}"), heads.len(), false), Some(found), "{heads:?}{rest:?}");
            }
        }
    }

    #[test]
    fn nothing_passes_behind_a_flaw() {
        let mut watch = ResponseWatch::new(false, HEAD);
        assert_eq!(watch.take(b"HTTP/1.1 200 OK\n\n"), Err(Malformed::Head));
        assert_eq!(watch.take(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Malformed::Head));
        assert_eq!(watch.take(b""), Ok(0), "the end of the connection");
    }

    #[test]
    fn a_head_has_a_bound_whole_and_in_pieces() {
        let head = |length: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(length - 24));
        for (length, found) in [(HEAD, None), (HEAD + 1, Some(Malformed::HeadTooLarge))] {
            let head = head(length);
            assert_eq!(head.len(), length);
            assert_eq!(watched([head.as_bytes()], false).1, found);
            assert_eq!(watched(head.as_bytes().chunks(1000), false).1, found);
        }
        let endless = "y".repeat(HEAD + 1);
        assert_eq!(watched([endless.as_bytes()], false), (0, Some(Malformed::HeadTooLarge)));
        let fields = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(watched([fields(FIELDS).as_bytes()], false).1, None);
        assert_eq!(watched([fields(FIELDS + 1).as_bytes()], false).1, Some(Malformed::HeadTooLarge));
        let many = HINTS.repeat(2000);
        assert_eq!(
            watched(many.as_bytes().chunks(4096), false),
            (many.len(), None),
            "each is bounded, the relay counts them"
        );
    }
}
