//! What decides the meaning of a message, collected over all lines of its head? Its host and its framing, each of them one or none.

use super::Problem;
use super::bytes::is_word;
use super::expectation::Expectation;
use super::host::{are_one, is_host};
use super::request_line::RequestLine;

/// The fields that a walk over a head knows by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Known {
    Host,
    ContentLength,
    TransferEncoding,
    Expect,
    Connection,
    Upgrade,
    Other,
}

impl Known {
    /// By its length and its first letter: few names are compared at all.
    #[inline(always)]
    pub fn of(name: &[u8]) -> Self {
        let [first, ..] = name else { return Self::Other };
        let (known, is_it) = match (name.len(), first | 0x20) {
            (4, b'h') => (Self::Host, is_word(name, b"host")),
            (6, b'e') => (Self::Expect, is_word(name, b"expect")),
            (7, b'u') => (Self::Upgrade, is_word(name, b"upgrade")),
            (10, b'c') => (Self::Connection, is_word(name, b"connection")),
            (14, b'c') => (Self::ContentLength, is_word(name, b"content-length")),
            (17, b't') => (Self::TransferEncoding, is_word(name, b"transfer-encoding")),
            _ => return Self::Other,
        };
        if is_it { known } else { Self::Other }
    }

    pub const fn frames(self) -> bool {
        matches!(self, Self::ContentLength | Self::TransferEncoding)
    }
}

#[derive(Debug, Default)]
pub(in crate::http) struct Facts<'a> {
    pub host: Option<&'a [u8]>,
    pub length: Option<u64>,
    pub chunked: bool,
    pub(in crate::http) expectation: Expectation,
}

impl<'a> Facts<'a> {
    #[inline]
    pub fn take(&mut self, field: Known, value: &'a [u8]) -> Result<(), Problem> {
        match field {
            Known::Host => {
                if self.host.is_some() || !is_host(value) {
                    return Err(Problem::BadHost);
                }
                self.host = Some(value);
            }
            Known::ContentLength => self.take_length(value)?,
            Known::TransferEncoding => {
                // Exactly one "chunked", in one line: every other coding, and every repetition, is read differently somewhere.
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Problem::AmbiguousLength);
                }
                self.chunked = true;
            }
            Known::Expect => self.expectation = self.expectation.max(Expectation::of(value)),
            Known::Connection | Known::Upgrade | Known::Other => {}
        }
        Ok(())
    }

    /// Equal repetitions are one length (RFC 9110 §8.6); anything but plain digits is none.
    fn take_length(&mut self, value: &[u8]) -> Result<(), Problem> {
        let length = length(value).filter(|length| self.length.is_none_or(|before| before == *length));
        self.length = Some(length.ok_or(Problem::AmbiguousLength)?);
        Ok(())
    }

    /// One framing at most, and of HTTP/1.0 no chunks.
    pub const fn is_clear(&self, http10: bool) -> bool {
        !self.chunked || (self.length.is_none() && !http10)
    }

    pub fn conclude(&self, request: &RequestLine<'_>) -> Result<(), Problem> {
        if !self.is_clear(request.http10) {
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

/// Plain digits that begin with no zero, and no more of them than every number holds.
fn length(value: &[u8]) -> Option<u64> {
    let plain = matches!(value, b"0" | [b'1'..=b'9', ..]) && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    plain.then(|| value.iter().fold(0, |length, byte| length * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case() {
        for (name, known) in [
            ("Host", Known::Host),
            ("HOST", Known::Host),
            ("content-Length", Known::ContentLength),
            ("Transfer-Encoding", Known::TransferEncoding),
            ("expect", Known::Expect),
            ("Connection", Known::Connection),
            ("Upgrade", Known::Upgrade),
            ("Cookie", Known::Other),
            ("User-Agent", Known::Other),
            ("content_length", Known::Other),
            ("", Known::Other),
        ] {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
        }
    }

    #[test]
    fn lengths() {
        for (value, read) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("1024", Some(1024)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("1000000000000000000", None),
            ("", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("1a", None),
            ("1 ", None),
        ] {
            assert_eq!(length(value.as_bytes()), read, "{value:?}");
        }
    }
}
