//! What do the rules say, read as plainly as they are written? Line by line, byte by byte, without a thought for speed: the walk must say the same of
//! every head, whatever it is.

use super::expectation::Expectation;
use super::host::are_one;
use super::{AnswerFlaw, FIELDS, Follows, Framing, Problem, Reach, is_field_byte, is_token, response_head};
use std::net::Ipv6Addr;

/// Checks a complete head, its blank line included.
///
/// # Errors
/// The answer that the client gets.
pub(super) fn check(head: &[u8]) -> Result<Framing, Problem> {
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
        let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else { return Some(Ok(rest)) };
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
    let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at..)).unwrap_or_default();
    !target.is_empty() && target.iter().all(visible) && !query.iter().any(|byte| matches!(byte, b'<' | b'>'))
}

/// One header line.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Problem> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Problem::MalformedRequest)?;
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        // A token holds no white space: folded lines and blanks before the colon end here.
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Problem::MalformedRequest);
        }
        if !value.iter().copied().all(is_field_byte) {
            return Err(Problem::MalformedRequest);
        }
        Ok(Self { name, value: value.trim_ascii() })
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
            (Some(host), Some((scheme, authority))) if !are_one(host, authority, scheme) => Err(Problem::BadHost),
            _ if !self.expectation.is_met() => Err(Problem::ExpectationFailed),
            _ => Ok(()),
        }
    }
}

/// Reads the head of a backend's answer, its blank line included; `to_head`: the request was a HEAD.
///
/// # Errors
/// It cannot be read.
pub(super) fn check_answer(head: &[u8], to_head: bool) -> Result<Follows, AnswerFlaw> {
    let mut lines = Lines { rest: head.strip_suffix(b"\r\n\r\n") };
    let (http10, status) = lines.next().and_then(Result::ok).and_then(status_line).ok_or(AnswerFlaw::Malformed)?;
    let mut facts = Facts::default();
    for (number, line) in lines.enumerate() {
        if number == response_head::FIELDS {
            return Err(AnswerFlaw::TooLarge);
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
    let fits = matches!(status, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9']) && reason.iter().copied().all(is_field_byte);
    (fits && (reason.is_empty() || reason.starts_with(b" "))).then_some((http10, status))
}

/// A name or an address with its brackets, and perhaps a port.
fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let port_fits = port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    if let Some(address) = host.strip_prefix('[') {
        return port_fits && address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    let labels = host.strip_suffix('.').unwrap_or(host).split('.');
    port_fits && labels.into_iter().all(|label| !label.is_empty() && label.bytes().all(named))
}

/// The walk's verdict, which must be the plain one.
pub(super) fn both(head: &[u8]) -> Result<Framing, Problem> {
    let verdict = super::check(head);
    assert_eq!(verdict, check(head), "{}", head.escape_ascii());
    verdict
}

/// The same of an answer.
pub(super) fn both_answer(head: &[u8], to_head: bool) -> Result<Follows, AnswerFlaw> {
    let verdict = super::check_answer(head, to_head);
    assert_eq!(verdict, check_answer(head, to_head), "{}, to HEAD: {to_head}", head.escape_ascii());
    verdict
}

/// A head as it came: is there nothing to be made anew, in the eyes of the walk and of who would make it?
fn in_one_form(head: &[u8]) {
    if let Ok(request) = super::walk(head, Reach::All, |_, _| {}) {
        assert_eq!(request.line.in_one_form, super::in_origin_form(head).is_none(), "{}", head.escape_ascii());
    }
}

/// The heads of the protocol corpus.
fn corpus(rows: &str) -> Vec<Vec<u8>> {
    let texts = rows.lines().filter_map(|line| {
        let (key, text) = line.split_once('"')?;
        matches!(key.trim(), "send:" | "-" | "answer:").then(|| text.strip_suffix('"')).flatten()
    });
    texts.map(unescaped).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'\\').then(|| bytes.next()).flatten();
        out.push(match escaped {
            None => byte,
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap()
            }
            Some(other) => other,
        });
    }
    out
}

/// The row's head, and the row as it is: what stands behind a head is a mistake of its own.
fn compare(row: &[u8], read: impl Fn(&[u8])) {
    let end = super::head_end(row, 0).unwrap_or(row.len());
    read(row.get(..end).unwrap_or_default());
    read(row);
}

fn read_all(bytes: &[u8]) {
    let _ = both(bytes);
    in_one_form(bytes);
    for to_head in [false, true] {
        let _ = both_answer(bytes, to_head);
    }
}

#[test]
fn the_walk_reads_the_corpus_as_it_is_written() {
    let requests = corpus(include_str!("../../../../tests/data/requests.yaml"));
    let answers = corpus(include_str!("../../../../tests/data/answers.yaml"));
    assert!(requests.len() >= 400 && answers.len() >= 60, "{} and {} rows", requests.len(), answers.len());
    requests.iter().chain(&answers).for_each(|row| compare(row, read_all));
}

/// Heads of the corpus with bytes changed, taken out, put in and said twice.
#[test]
fn the_walk_reads_whatever_becomes_of_a_head_as_it_is_written() {
    const BYTES: &[u8] = b"\r\n\t :,;-_./?#*%{\"aZ019\0\x7f\x80\xff";
    let rows =
        [include_str!("../../../../tests/data/requests.yaml"), include_str!("../../../../tests/data/answers.yaml")];
    let rows: Vec<Vec<u8>> = rows.into_iter().flat_map(corpus).collect();
    let mut dice = crate::base::rng::Rng::new(15);
    let mut passed = 0;
    for round in 0..60_000 {
        let row = &rows[round % rows.len()];
        let end = super::head_end(row, 0).unwrap_or(row.len());
        let mut head = row[..end].to_vec();
        for _ in 0..dice.below(3) {
            let at = dice.below(head.len() as u32) as usize;
            let byte = BYTES[dice.below(BYTES.len() as u32) as usize];
            match dice.below(4) {
                _ if head.is_empty() => {}
                0 => head[at] = byte,
                1 => drop(head.remove(at)),
                2 => head.insert(at, byte),
                _ => {
                    let said = head[at..(at + 1 + dice.below(40) as usize).min(head.len())].to_vec();
                    let to = dice.below(head.len() as u32) as usize;
                    head.splice(to..to, said);
                }
            }
        }
        read_all(&head);
        passed += usize::from(super::check(&head).is_ok() || super::check_answer(&head, false).is_ok());
    }
    assert!((5_000..55_000).contains(&passed), "{passed} of 60000 passed");
}
