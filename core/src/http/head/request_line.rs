//! What does a request line say? Its three parts, each strictly; and whether its target stands in the one form in which requests go on.

use super::Problem;
use super::bytes::{find, is_token};
use crate::http::path::is_sent_raw;

/// Method, target and version that have passed.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct RequestLine<'a> {
    pub method: &'a [u8],
    pub target: &'a [u8],
    pub http10: bool,
    /// Where the target's query begins, with its `?`; its end, where there is none.
    pub query: usize,
    /// In origin-form (or `*`), and without a byte that is escaped on its way: [`super::in_origin_form`] has nothing to do.
    pub in_one_form: bool,
}

impl<'a> RequestLine<'a> {
    #[inline]
    pub fn parse(line: &'a [u8]) -> Result<Self, Problem> {
        let (rest, version) = line.split_last_chunk::<9>().ok_or(Problem::MalformedRequest)?;
        let length = rest.iter().take_while(|byte| is_token(**byte)).count();
        let (method, rest) = rest.split_at_checked(length).unwrap_or_default();
        let target = rest.strip_prefix(b" ").filter(|_| !method.is_empty()).ok_or(Problem::MalformedRequest)?;
        let kinds_here = kinds(target);
        // Four parts are not a request line, whatever the last of them says.
        if kinds_here & BLANK != 0 {
            return Err(Problem::MalformedRequest);
        }
        let http10 = match version {
            b" HTTP/1.1" => false,
            b" HTTP/1.0" => true,
            [b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Problem::VersionNotSupported);
            }
            _ => return Err(Problem::MalformedRequest),
        };
        if !is_served(method) {
            return Err(Problem::MethodNotAllowed);
        }
        if target.is_empty() || kinds_here & BAD != 0 {
            return Err(Problem::MalformedRequest);
        }
        let query = if kinds_here & QUERY == 0 { None } else { find(target, b'?') }.unwrap_or(target.len());
        let in_one_form = match target {
            [b'/', ..] => kinds_here & (RAW | QUOTE) == 0 || !is_escaped(target, query),
            target => target == b"*" && method == b"OPTIONS",
        };
        Ok(Self { method, target, http10, query, in_one_form })
    }

    /// Scheme and authority of an absolute-form target; `None` for origin-form.
    pub fn authority(&self) -> Result<Option<(&'a str, &'a [u8])>, Problem> {
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
pub(super) fn is_served(method: &[u8]) -> bool {
    method != b"CONNECT" && method != b"TRACE"
}

/// May it stand between two blanks of a request line? A fragment is nobody's business but the client's.
pub(super) fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && kinds(target) & BAD == 0
}

/// Is something in it escaped on its way?
fn is_escaped(target: &[u8], query: usize) -> bool {
    let (path, query) = target.split_at_checked(query).unwrap_or_default();
    kinds(path) & RAW | kinds(query) & QUOTE != 0
}

/// Which kinds of bytes are among them.
fn kinds(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |kinds, byte| kinds | KINDS[usize::from(*byte)])
}

/// It may not stand in a target.
const BAD: u8 = 1;
/// Neither may this, which would be where the target ends.
const BLANK: u8 = 8;
/// It is sent raw, and escaped in a path.
const RAW: u8 = 2;
/// It is escaped in a query too.
const QUOTE: u8 = 4;
/// No query of the libraries behind us holds it; of a path, its normalisation says so.
const ANGLE: u8 = 8;

/// A query begins, if none has.
const QUERY: u8 = 16;

const KINDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'"' => RAW | QUOTE,
            raw if is_sent_raw(raw) => RAW,
            b' ' => BAD | BLANK,
            b'?' => QUERY,
            b'#' => BAD,
            b'<' | b'>' => ANGLE,
            b'!'..=b'~' => 0,
            _ => BAD,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_pass() {
        for (line, method, target, query, http10, in_one_form) in [
            ("GET / HTTP/1.1", "GET", "/", "", false, true),
            ("GET /a/b?c?d HTTP/1.0", "GET", "/a/b?c?d", "?c?d", true, true),
            ("X-OWN /? HTTP/1.1", "X-OWN", "/?", "?", false, true),
            ("OPTIONS * HTTP/1.1", "OPTIONS", "*", "", false, true),
            ("GET /{} HTTP/1.1", "GET", "/{}", "", false, false),
            ("GET /?{} HTTP/1.1", "GET", "/?{}", "?{}", false, true),
            ("GET /?\" HTTP/1.1", "GET", "/?\"", "?\"", false, false),
            ("GET http://a/b?c HTTP/1.1", "GET", "http://a/b?c", "?c", false, false),
        ] {
            let read = RequestLine::parse(line.as_bytes()).unwrap();
            assert_eq!((read.method, read.target), (method.as_bytes(), target.as_bytes()));
            assert_eq!(
                (&read.target[read.query..], read.http10, read.in_one_form),
                (query.as_bytes(), http10, in_one_form)
            );
        }
    }

    #[test]
    fn the_first_mistake_decides() {
        use Problem::{MalformedRequest, MethodNotAllowed, VersionNotSupported};
        for (line, problem) in [
            ("G(T / HTTP/2.0", MalformedRequest),
            ("GET / x HTTP/2.0", MalformedRequest),
            ("TRACE / x HTTP/1.1", MalformedRequest),
            ("TRACE /?  HTTP/1.1", MalformedRequest),
            ("GET / HTTP/1.1 ", MalformedRequest),
            ("GET HTTP/1.1", MalformedRequest),
            ("GET HTTP/2.0", MalformedRequest),
            (" / HTTP/1.1", MalformedRequest),
            ("HTTP/1.1", MalformedRequest),
            ("GET  HTTP/2.0", VersionNotSupported),
            ("TRACE  HTTP/1.1", MethodNotAllowed),
            ("GET  HTTP/1.1", MalformedRequest),
            ("GET / HTTP/1.x", MalformedRequest),
            ("TRACE /\0 HTTP/2.0", VersionNotSupported),
            ("TRACE /\0 HTTP/1.1", MethodNotAllowed),
            ("GET /\0 HTTP/1.1", MalformedRequest),
            ("GET /?# HTTP/1.1", MalformedRequest),
            ("GET /?a<b HTTP/1.1", MalformedRequest),
            ("GET /?> HTTP/1.1", MalformedRequest),
        ] {
            assert_eq!(RequestLine::parse(line.as_bytes()).err(), Some(problem), "{line:?}");
        }
    }

    #[test]
    fn bytes_of_a_target() {
        for byte in 0..=255 {
            assert_eq!(is_target(&[b'/', byte]), matches!(byte, b'!'..=b'~') && byte != b'#', "{byte}");
            assert_eq!(kinds(&[byte]) & RAW != 0, is_sent_raw(byte), "{byte}");
        }
        assert!(!is_target(b""));
    }
}
