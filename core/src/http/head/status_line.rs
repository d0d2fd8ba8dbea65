//! What does a status line say (RFC 9112 §4)?

use super::bytes::are_field_bytes;
use super::span::Span;

/// Version, status and reason that have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct StatusLine {
    pub http10: bool,
    pub status: u16,
    /// Without the blank in front of it, which may be missing where there is no reason, as it often is.
    pub reason: Span,
}

impl StatusLine {
    /// Of the line at the start of a head.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (version, rest) = line.split_at_checked(8)?;
        let http10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return None,
        };
        let ([b' ', hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'], reason) =
            rest.split_first_chunk()?
        else {
            return None;
        };
        let reason = if reason.is_empty() { reason } else { reason.strip_prefix(b" ")? };
        let digit = |digit: &u8| u16::from(digit - b'0');
        let status = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
        are_field_bytes(reason).then(|| Self {
            http10,
            status,
            reason: Span::new(line.len() - reason.len(), line.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        for (line, read) in [
            ("HTTP/1.1 200 OK", Some((false, 200, "OK"))),
            ("HTTP/1.0 599 Not  so\tbad ", Some((true, 599, "Not  so\tbad "))),
            ("HTTP/1.1 100", Some((false, 100, ""))),
            ("HTTP/1.1 204 ", Some((false, 204, ""))),
            ("HTTP/1.1 204  ", Some((false, 204, " "))),
            ("HTTP/1.1 600 OK", None),
            ("HTTP/1.1 099 OK", None),
            ("HTTP/1.1 2000", None),
            ("HTTP/1.1 20", None),
            ("HTTP/1.1  200", None),
            ("HTTP/1.1\t200", None),
            ("HTTP/1.1 200\tOK", None),
            ("HTTP/1.1 200 \x7f", None),
            ("HTTP/1.2 200 OK", None),
            ("", None),
        ] {
            let parsed = StatusLine::parse(line.as_bytes());
            assert_eq!(
                parsed.map(|read| (read.http10, read.status, read.reason.text(line.as_bytes()))),
                read,
                "{line:?}"
            );
        }
    }
}
