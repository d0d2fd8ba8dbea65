//! Is this head, a request's or an answer's, strictly HTTP/1.1? Checked on the raw bytes, before any parser that is more forgiving
//! sees them.
//!
//! Everything that two implementations could read differently is refused here: bare line feeds, folded lines, odd lengths, odd
//! transfer codings, a Host that is not one host. The invariant: a head that passes has one meaning.
//!
//! Sources: RFC 9112 §§2–7, RFC 9110 §§5–7; the request-smuggling corpora of the last years.

use crate::http::problem::Problem;
use crate::http::response_head;
use bytes::{are_field_bytes, line_end};
use expectation::Expectation;
use host::{are_one, is_host};

/// More fields than anybody needs; pingora gives up at more without a word to the client.
const FIELDS: usize = 256;

mod bytes;
mod expectation;
pub mod host;
mod origin_form;
mod overlong;
mod stream;

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
    let text = head.strip_suffix(b"\r\n\r\n").ok_or(Problem::MalformedRequest)?;
    let mut lines = Lines { rest: Some(text) };
    let request_line = lines.next().ok_or(Problem::MalformedRequest)??;
    let request = RequestLine::parse(request_line)?;
    let mut facts = Facts::default();
    for (number, line) in lines.enumerate() {
        if number == FIELDS {
            return Err(Problem::HeadTooLarge);
        }
        facts.take(Field::parse(line?)?)?;
    }
    facts.conclude(&request)?;
    Ok(if facts.chunked { Framing::Chunked } else { Framing::Plain })
}

/// Lines that end in exactly CR LF; a bare CR or LF anywhere is an error.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some(end) = line_end(rest) else { return Some(Ok(rest)) };
        let (line, ending) = rest.split_at(end);
        match ending.strip_prefix(b"\r\n") {
            Some(after) => {
                self.rest = Some(after);
                Some(Ok(line))
            }
            None => Some(Err(Problem::MalformedRequest)),
        }
    }
}

struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    http10: bool,
}

impl<'a> RequestLine<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Problem> {
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Problem::MalformedRequest);
        };
        if method.is_empty() || !method.iter().copied().all(is_token) {
            return Err(Problem::MalformedRequest);
        }
        let http10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                return Err(Problem::VersionNotSupported);
            }
            _ => return Err(Problem::MalformedRequest),
        };
        if !is_served(method) {
            return Err(Problem::MethodNotAllowed);
        }
        if !is_target(target) {
            return Err(Problem::MalformedRequest);
        }
        Ok(Self { method, target, http10 })
    }

    /// Scheme and authority of an absolute-form target; `None` for origin-form.
    fn authority(&self) -> Result<Option<(&'a str, &'a [u8])>, Problem> {
        if self.target.starts_with(b"/") || (self.target == b"*" && self.method == b"OPTIONS") {
            return Ok(None);
        }
        let target = std::str::from_utf8(self.target).map_err(|_| Problem::MalformedRequest)?;
        let (scheme, rest) = target.split_once("://").ok_or(Problem::MalformedRequest)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Problem::MalformedRequest);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        Ok(rest.get(..end).map(|authority| (scheme, authority.as_bytes())))
    }
}

/// TRACE would show a script the headers that it must not see, ours among them.
fn is_served(method: &[u8]) -> bool {
    method != b"CONNECT" && method != b"TRACE"
}

fn is_target(target: &[u8]) -> bool {
    let visible = |byte: &u8| matches!(byte, b'!'..=b'~') && *byte != b'#';
    !target.is_empty() && target.iter().all(visible)
}

/// One header line.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    fn of(name: &'a [u8], value: &'a [u8]) -> Self {
        Self { name, value: value.trim_ascii() }
    }

    fn parse(line: &'a [u8]) -> Result<Self, Problem> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Problem::MalformedRequest)?;
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        // A token holds no white space: folded lines and blanks before the colon end here.
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Problem::MalformedRequest);
        }
        if !are_field_bytes(value) {
            return Err(Problem::MalformedRequest);
        }
        Ok(Self::of(name, value))
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// What decides the meaning of the message, collected over all lines.
#[derive(Default)]
struct Facts<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    chunked: bool,
    expectation: Expectation,
}

impl<'a> Facts<'a> {
    fn take(&mut self, field: Field<'a>) -> Result<(), Problem> {
        if field.is("host") {
            if self.host.is_some() || !is_host(field.value) {
                return Err(Problem::BadHost);
            }
            self.host = Some(field.value);
        } else if field.is("content-length") {
            self.take_length(field.value)?;
        } else if field.is("transfer-encoding") {
            // Exactly one "chunked", in one line: every other coding, and every repetition, is read differently somewhere.
            if self.chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Problem::AmbiguousLength);
            }
            self.chunked = true;
        } else if field.is("expect") {
            self.expectation = self.expectation.max(Expectation::of(field.value));
        }
        Ok(())
    }

    /// Of an answer, only what frames it counts.
    fn take_of_answer(&mut self, line: Result<&'a [u8], Problem>) -> Result<(), Problem> {
        let field = Field::parse(line?)?;
        if field.is("content-length") || field.is("transfer-encoding") { self.take(field) } else { Ok(()) }
    }

    /// Equal repetitions are one length (RFC 9110 §8.6); anything but plain digits is none.
    fn take_length(&mut self, value: &'a [u8]) -> Result<(), Problem> {
        let plain = !value.is_empty()
            && value.len() <= 18
            && value.iter().all(u8::is_ascii_digit)
            && (value == b"0" || !value.starts_with(b"0"));
        if !plain || self.length.is_some_and(|before| before != value) {
            return Err(Problem::AmbiguousLength);
        }
        self.length = Some(value);
        Ok(())
    }

    fn conclude(&self, request: &RequestLine<'_>) -> Result<(), Problem> {
        if self.chunked && (self.length.is_some() || request.http10) {
            return Err(Problem::AmbiguousLength);
        }
        let authority = request.authority()?;
        match (self.host, authority) {
            (None, _) if !request.http10 => Err(Problem::BadHost),
            (_, Some((_, authority))) if !is_host(authority) => Err(Problem::BadHost),
            // The target wins (RFC 9112 §3.2.2), but two hosts for one request are refused.
            (Some(host), Some((scheme, authority))) if !mean_the_same(host, authority, scheme) => Err(Problem::BadHost),
            _ if !self.expectation.is_met() => Err(Problem::ExpectationFailed),
            _ => Ok(()),
        }
    }
}

fn mean_the_same(host: &[u8], authority: &[u8], scheme: &str) -> bool {
    let (Ok(host), Ok(authority)) = (std::str::from_utf8(host), std::str::from_utf8(authority)) else { return false };
    are_one(host, authority, scheme)
}

/// The index behind the blank line that ends the head at the start of `bytes`, looking from `from` on. Bare line feeds end it too,
/// so that the strict check refuses it at once instead of waiting for an end that never comes.
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let line_feed = at + bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
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
    TooManyFields,
}

/// Reads the head of a backend's answer, its blank line included; `to_head`: the request was a HEAD.
///
/// # Errors
/// It cannot be read.
pub fn check_answer(head: &[u8], to_head: bool) -> Result<Follows, AnswerFlaw> {
    let mut lines = Lines { rest: head.strip_suffix(b"\r\n\r\n") };
    let (http10, status) = lines.next().and_then(Result::ok).and_then(status_line).ok_or(AnswerFlaw::Malformed)?;
    let mut facts = Facts::default();
    for (number, line) in lines.enumerate() {
        if number == response_head::FIELDS {
            return Err(AnswerFlaw::TooManyFields);
        }
        facts.take_of_answer(line).map_err(|_| AnswerFlaw::Malformed)?;
    }
    if facts.chunked && (facts.length.is_some() || http10) {
        return Err(AnswerFlaw::Malformed);
    }
    // RFC 9112 §6.3: whatever the first of these say about a body, they have none.
    Ok(match status {
        b"101" | b"204" | b"304" => Follows::Body(Framing::Plain),
        [b'1', ..] => Follows::Head,
        _ if facts.chunked && !to_head => Follows::Body(Framing::Chunked),
        _ => Follows::Body(Framing::Plain),
    })
}

/// Reads a status line (RFC 9112 §4): is it HTTP/1.0, and the status; the blank before an empty reason phrase may be missing, as it often is.
fn status_line(line: &[u8]) -> Option<(bool, &[u8; 3])> {
    let (version, rest) = line.split_at_checked(8)?;
    let http10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return None,
    };
    let (status, reason) = rest.strip_prefix(b" ")?.split_first_chunk()?;
    let fits = matches!(status, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9']) && are_field_bytes(reason);
    (fits && (reason.is_empty() || reason.starts_with(b" "))).then_some((http10, status))
}

#[cfg(test)]
mod tests;
