//! Is this head, a request's or an answer's, strictly HTTP/1.1? Checked on the raw bytes, before any parser that is more forgiving
//! sees them.
//!
//! Everything that two implementations could read differently is refused here: bare line feeds, folded lines, odd lengths, odd
//! transfer codings, a Host that is not one host. The invariant: a head that passes has one meaning.
//!
//! Sources: RFC 9112 §§2–7, RFC 9110 §§5–7; the request-smuggling corpora of the last years.

use crate::http::problem::Problem;
use crate::http::response_head;
use bytes::find;
use facts::{Facts, Known};
use lines::{Line, Lines};
use request_line::RequestLine;
use status_line::StatusLine;

/// More fields than anybody needs.
const FIELDS: usize = 256;

mod bytes;
pub(super) mod expectation;
pub(super) mod facts;
pub mod host;
pub(super) mod lines;
mod origin_form;
mod overlong;
mod request_line;
pub mod span;
mod status_line;
mod stream;

pub(super) use bytes::is_word;
pub use bytes::{is_field_byte, is_token};
pub use origin_form::in_origin_form;
pub use overlong::too_large;
pub use stream::{StreamHead, Unserved, check_stream, codec_bound, has_outer_blanks, protocol_travels};

/// How the body behind a head that has passed is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By a length or (an answer's) by the connection's end, or there is none.
    Plain,
    Chunked,
}

/// Checks a complete head, its blank line included.
///
/// # Errors
/// The answer that the client gets.
pub fn check(head: &[u8]) -> Result<Framing, Problem> {
    let request = walk(head, Reach::All, |_, _| {})?;
    Ok(if request.facts.chunked { Framing::Chunked } else { Framing::Plain })
}

/// How much of some bytes is a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    /// Up to its blank line, if it has come.
    Start,
}

impl Reach {
    /// May one of these bytes end with them?
    fn is_met(self, bytes: &[u8]) -> bool {
        u32::try_from(bytes.len()).is_ok() && (self == Self::Start || bytes.ends_with(b"\r\n\r\n"))
    }

    /// Does it end at this blank line?
    fn ends(self, blank_line: usize, bytes: &[u8]) -> bool {
        self == Self::Start || blank_line + 2 == bytes.len()
    }
}

/// What a strict walk over a request's head has found.
pub(super) struct Request<'h> {
    pub line: RequestLine<'h>,
    pub facts: Facts<'h>,
    /// Of the head, in bytes.
    pub length: usize,
}

/// The one walk over a request's head; `found` is told each field on the way.
#[inline]
pub(super) fn walk<'h>(
    bytes: &'h [u8],
    reach: Reach,
    mut found: impl FnMut(&Line<'h>, Known),
) -> Result<Request<'h>, Problem> {
    let mut lines = Some(Lines::of(bytes)).filter(|_| reach.is_met(bytes)).ok_or(Problem::MalformedRequest)?;
    let line = RequestLine::parse(lines.whole().ok_or(Problem::MalformedRequest)?)?;
    let (mut facts, mut number) = (Facts::default(), 0);
    let end = loop {
        if let Some(end) = lines.end().filter(|end| reach.ends(*end, bytes)) {
            break end;
        }
        if number == FIELDS {
            return Err(Problem::HeadTooLarge);
        }
        number += 1;
        let field = lines.field().ok_or(Problem::MalformedRequest)?;
        let known = Known::of(field.name);
        if known != Known::Other {
            facts.take(known, field.value)?;
        }
        found(&field, known);
    };
    facts.conclude(&line)?;
    Ok(Request { line, facts, length: end + 2 })
}

/// The index behind the blank line that ends the head at the start of `bytes`, looking from `from` on. Bare line feeds end it too,
/// so that the strict check refuses it at once instead of waiting for an end that never comes.
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let line_feed = at + find(bytes.get(at..)?, b'\n')?;
        match bytes.get(line_feed + 1..)? {
            [b'\n', ..] => return Some(line_feed + 2),
            [b'\r', b'\n', ..] => return Some(line_feed + 3),
            _ => at = line_feed + 1,
        }
    }
}

/// What comes behind the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// It was an interim one: another head.
    Head,
    /// The body, or another protocol: neither has marks among its bytes unless it is chunked.
    Body(Framing),
}

/// Why the head of an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFlaw {
    /// It is not strictly HTTP/1.1, or its framing is not clear.
    Malformed,
    /// It is beyond what we take.
    TooLarge,
}

/// Reads the head of a backend's answer, its blank line included; `to_head`: the request was a HEAD.
///
/// # Errors
/// It cannot be read.
pub fn check_answer(head: &[u8], to_head: bool) -> Result<Follows, AnswerFlaw> {
    let answer = walk_answer(head, Reach::All, |_, _| {})?;
    // RFC 9112 §6.3: whatever the first of these say about a body, they have none.
    Ok(match answer.line.status {
        101 | 204 | 304 => Follows::Body(Framing::Plain),
        100..=199 => Follows::Head,
        _ if answer.chunked && !to_head => Follows::Body(Framing::Chunked),
        _ => Follows::Body(Framing::Plain),
    })
}

/// What a strict walk over an answer's head has found.
pub(super) struct Answer {
    pub line: StatusLine,
    /// Of the body, as its fields say.
    pub body: Option<u64>,
    pub chunked: bool,
    /// Of the head, in bytes.
    pub length: usize,
}

/// The one walk over an answer's head; `found` is told each field on the way. Only what frames it counts.
#[inline]
pub(super) fn walk_answer<'h>(
    bytes: &'h [u8],
    reach: Reach,
    mut found: impl FnMut(&Line<'h>, Known),
) -> Result<Answer, AnswerFlaw> {
    let mut lines = Some(Lines::of(bytes)).filter(|_| reach.is_met(bytes)).ok_or(AnswerFlaw::Malformed)?;
    let line = lines.whole().and_then(StatusLine::parse).ok_or(AnswerFlaw::Malformed)?;
    let (mut facts, mut number) = (Facts::default(), 0);
    let end = loop {
        if let Some(end) = lines.end().filter(|end| reach.ends(*end, bytes)) {
            break end;
        }
        if number == response_head::FIELDS {
            return Err(AnswerFlaw::TooLarge);
        }
        number += 1;
        let field = lines.field().ok_or(AnswerFlaw::Malformed)?;
        let known = Known::of(field.name);
        if known.frames() {
            facts.take(known, field.value).map_err(|_| AnswerFlaw::Malformed)?;
        }
        found(&field, known);
    };
    if !facts.is_clear(line.http10) {
        return Err(AnswerFlaw::Malformed);
    }
    Ok(Answer { line, body: facts.length, chunked: facts.chunked, length: end + 2 })
}

#[cfg(test)]
mod plainly;
#[cfg(test)]
mod tests;
