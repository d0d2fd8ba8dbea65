//! Is a chunked body, a request's or an answer's, framed so that it has one meaning? Watched byte by byte, before any parser
//! that is more forgiving sees them.
//!
//! Sizes are plain hexadecimal digits, lines end in exactly CR LF, extensions keep to their grammar, trailers hold no control characters.
//! What is allowed (extensions, trailers) ends at the gateway, which frames the body anew; what is not is where two implementations find two
//! different ends of the body. The invariant: bytes that pass are exactly one body, and nothing behind its end is looked at.
//!
//! Sources: RFC 9112 §7.1; the published attacks with line ends in extensions and trailers.

mod extension;

use crate::http::head::{is_field_byte, is_token};
use extension::Extension;
use std::fmt;
use std::ops::Range;

/// More digits are no size of anything.
const DIGITS: u32 = 15;
/// Extensions may outweigh the data by this much: a byte per chunk with a long extension each costs more than it says.
const EXCESS: u64 = 8 * 1024;
/// All trailers together.
const TRAILERS: u32 = 16 * 1024;

/// The body is not framed as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedBody;

impl fmt::Display for MalformedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the chunks of the body do not follow HTTP/1.1 (RFC 9112 §7.1)")
    }
}

impl std::error::Error for MalformedBody {}

/// How far a chunked body has come.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    expected: Expected,
    data: u64,
    extensions: u64,
    trailers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Size { value: u64, digits: u32 },
    Extension { size: u64, at: Extension },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    LastLf,
    Done,
}

impl Expected {
    const fn behind_size(size: u64) -> Self {
        if size == 0 { Self::TrailerStart } else { Self::Data { left: size } }
    }

    const fn is_trailer(self) -> bool {
        matches!(self, Self::TrailerStart | Self::TrailerName | Self::TrailerValue | Self::TrailerEnd)
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self::Size { value: 0, digits: 0 }
    }
}

/// What some bytes of the connection were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The first of them that are data, one behind the other.
    pub data: Range<usize>,
    /// Lines of trailers, with their endings.
    pub trailers: Range<usize>,
    /// So many were taken: up to the next data, to the body's end, or to a flaw behind the data, which the next call finds.
    pub taken: usize,
}

impl Chunks {
    /// Takes the next bytes of the connection. What is behind the body's end is not looked at.
    ///
    /// # Errors
    /// The body is malformed; nothing more can be said about the connection.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), MalformedBody> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.done() {
            rest = rest.get(self.run(rest)?.taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes the next bytes of the connection up to the end of the first run of data among them, and of what frames it.
    ///
    /// # Errors
    /// The body is malformed in front of any data.
    pub fn run(&mut self, bytes: &[u8]) -> Result<Run, MalformedBody> {
        let mut run = Run::default();
        while let Some(rest @ [byte, ..]) = bytes.get(run.taken..) {
            let expected = self.expected;
            match expected {
                Expected::Done => break,
                Expected::Data { .. } if !run.data.is_empty() => break,
                Expected::Data { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    run.data = run.taken..run.taken + here;
                    run.taken += here;
                    self.data += here as u64;
                    let left = left - here as u64;
                    self.expected = if left == 0 { Expected::DataCr } else { Expected::Data { left } };
                }
                Expected::Size { digits: 0, .. } if let Some((size, length)) = plain_size(rest) => {
                    run.taken += length;
                    self.expected = size;
                }
                Expected::DataCr if rest.starts_with(b"\r\n") => {
                    run.taken += 2;
                    self.expected = Expected::default();
                }
                _ => {
                    match self.step(expected, *byte) {
                        Ok(next) => self.expected = next,
                        Err(_) if !run.data.is_empty() => break,
                        Err(malformed) => return Err(malformed),
                    }
                    run.taken += 1;
                    if expected.is_trailer() && self.expected != Expected::LastLf {
                        let start = if run.trailers.is_empty() { run.taken - 1 } else { run.trailers.start };
                        run.trailers = start..run.taken;
                    }
                }
            }
        }
        Ok(run)
    }

    /// The whole body was seen.
    pub fn done(&self) -> bool {
        self.expected == Expected::Done
    }

    fn step(&mut self, expected: Expected, byte: u8) -> Result<Expected, MalformedBody> {
        match expected {
            Expected::Size { .. } | Expected::Extension { .. } => self.size_line(expected, byte),
            Expected::TrailerStart | Expected::TrailerName | Expected::TrailerValue => {
                self.trailer_line(expected, byte)
            }
            Expected::SizeEnd { size } if byte == b'\n' => Ok(Expected::behind_size(size)),
            Expected::DataCr if byte == b'\r' => Ok(Expected::DataLf),
            Expected::DataLf if byte == b'\n' => Ok(Expected::default()),
            Expected::TrailerEnd if byte == b'\n' => Ok(Expected::TrailerStart),
            Expected::LastLf if byte == b'\n' => Ok(Expected::Done),
            _ => Err(MalformedBody),
        }
    }

    fn size_line(&mut self, expected: Expected, byte: u8) -> Result<Expected, MalformedBody> {
        match (expected, byte) {
            (Expected::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Ok(Expected::Size { value: value * 16 + u64::from(digit), digits: digits + 1 })
            }
            (Expected::Size { digits: 0, .. }, _) => Err(MalformedBody),
            (Expected::Size { value: size, .. }, b'\r') => Ok(Expected::SizeEnd { size }),
            (Expected::Extension { size, at }, b'\r') if at.may_end() => Ok(Expected::SizeEnd { size }),
            (Expected::Size { value: size, .. }, _) => self.extension(size, Extension::begin(byte)),
            (Expected::Extension { size, at }, _) => self.extension(size, at.step(byte)),
            _ => Err(MalformedBody),
        }
    }

    fn extension(&mut self, size: u64, at: Option<Extension>) -> Result<Expected, MalformedBody> {
        self.extensions += 1;
        let within = self.extensions <= self.data + EXCESS;
        at.filter(|_| within).map(|at| Expected::Extension { size, at }).ok_or(MalformedBody)
    }

    fn trailer_line(&mut self, expected: Expected, byte: u8) -> Result<Expected, MalformedBody> {
        self.trailers += 1;
        match (expected, byte) {
            _ if self.trailers > TRAILERS => Err(MalformedBody),
            (Expected::TrailerStart, b'\r') => Ok(Expected::LastLf),
            (Expected::TrailerStart | Expected::TrailerName, _) if is_token(byte) => Ok(Expected::TrailerName),
            (Expected::TrailerName, b':') => Ok(Expected::TrailerValue),
            (Expected::TrailerValue, b'\r') => Ok(Expected::TrailerEnd),
            (Expected::TrailerValue, _) if is_field_byte(byte) => Ok(Expected::TrailerValue),
            _ => Err(MalformedBody),
        }
    }
}

/// A whole line of nothing but a size, as nearly all are: what is expected behind it, and its length. Every other one is read byte by byte.
fn plain_size(bytes: &[u8]) -> Option<(Expected, usize)> {
    let mut size = 0;
    for (at, byte) in bytes.iter().take(DIGITS as usize + 1).enumerate() {
        match char::from(*byte).to_digit(16).filter(|_| at < DIGITS as usize) {
            Some(digit) => size = size * 16 + u64::from(digit),
            None => {
                let ends = at > 0 && bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"));
                return ends.then_some((Expected::behind_size(size), at + 2));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole, and byte by byte: the verdict must be the same.
    fn verdict(body: &str) -> Result<bool, MalformedBody> {
        let mut whole = Chunks::default();
        let at_once = whole.take(body.as_bytes()).map(|()| whole.done());
        let mut dripped = Chunks::default();
        let in_pieces = body.as_bytes().chunks(1).try_for_each(|byte| dripped.take(byte)).map(|()| dripped.done());
        assert_eq!(at_once, in_pieces, "{body:?}");
        at_once
    }

    #[test]
    fn runs_of_data_and_lines_of_trailers() {
        let body = b"2\r\nab\r\n3;x\r\ncde\r\n0\r\nX: y\r\nZ:\r\n\r\nbehind";
        let mut chunks = Chunks::default();
        let (mut rest, mut found) = (&body[..], Vec::new());
        while !chunks.done() {
            let run = chunks.run(rest).unwrap();
            found.push((&rest[run.data], &rest[run.trailers]));
            rest = &rest[run.taken..];
        }
        assert_eq!(found, [(&b"ab"[..], &b""[..]), (b"cde", b"X: y\r\nZ:\r\n")]);
        assert_eq!((rest, chunks.run(rest)), (&b"behind"[..], Ok(Run::default())));
    }

    #[test]
    fn data_in_front_of_a_flaw_is_data() {
        for (body, taken) in [("2\r\nabX", 5), ("2\r\nab\rX", 6), ("2\r\nab\r\n2\rX", 9), ("2\r\nab\r\n0\r\nX\r", 11)] {
            let mut chunks = Chunks::default();
            assert_eq!(chunks.run(body.as_bytes()).map(|run| (run.data, run.taken)), Ok((3..5, taken)), "{body:?}");
            for _ in 0..2 {
                assert_eq!(chunks.run(&body.as_bytes()[taken..]), Err(MalformedBody), "{body:?}");
            }
        }
    }

    #[test]
    fn bodies_that_pass() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "0005\r\nhello\r\n000\r\n\r\n",
            "a\r\nhellohello\r\n0\r\n\r\n",
            "5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n",
            "5 ; a = b\r\nhello\r\n0\r\n\r\n",
            "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n",
            "0\r\n\r\nGET / HTTP/1.1\n\n\0",
        ] {
            assert_eq!(verdict(body), Ok(true), "{body:?}");
        }
    }

    #[test]
    fn bodies_that_are_not_there_yet() {
        for body in ["", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\nX: y", "0\r\nX: y\r\n\r"] {
            assert_eq!(verdict(body), Ok(false), "{body:?}");
        }
    }

    #[test]
    fn bodies_that_are_refused() {
        for body in [
            "\r\n",
            " 5\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5 5\r\n",
            "5 \r\n",
            "5\n",
            "5\r5",
            "5\0\r\n",
            "0000000000000005\r\n",
            "5;\r\n",
            "5;a \r\n",
            "5;a=\r\n",
            "5;a=\"b\r\n",
            "5;a b\r\n",
            "5;a\nb",
            "5;a\rb",
            "5;\0",
            "3\r\nhello",
            "5\r\nhello\n",
            "5\r\nhello0",
            "0\r\n\n",
            "0\r\n\rX",
            "0\r\nX\r\n",
            "0\r\nX : y\r\n",
            "0\r\nX: y\n",
            "0\r\nX: y\0",
            "0\r\nX: y\r\n z",
            "0\r\n: y",
        ] {
            assert_eq!(verdict(body), Err(MalformedBody), "{body:?}");
        }
    }

    #[test]
    fn extensions_may_not_outweigh_the_data_and_trailers_have_an_end() {
        let signed = format!("400;signature={}\r\n{}\r\n", "a".repeat(64), "x".repeat(0x400)).repeat(1000);
        assert_eq!(verdict(&signed), Ok(false), "what large uploads carry");
        assert_eq!(verdict(&format!("1;{}\r\nx\r\n", "a".repeat(100)).repeat(100)), Err(MalformedBody));
        assert_eq!(verdict(&format!("0\r\nX: {}\r\n\r\n", "y".repeat(20_000))), Err(MalformedBody));
    }
}
