//! Does a connection carry another message behind this one? What both sides say of it; and which answers end with their head.
//!
//! Sources: RFC 9112 §6.3 (a body without a length ends with its connection), §9.3 and §9.6.

use crate::http::head::is_word;

/// What the `Connection` lines of a message say, taken one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    closes: bool,
    keeps: bool,
}

impl Options {
    pub fn take(&mut self, line: &[u8]) {
        // Nearly all say one of these and nothing else.
        if !self.option(line) {
            line.split(|byte| *byte == b',').for_each(|option| {
                self.option(option.trim_ascii());
            });
        }
    }

    /// Was it one that counts?
    fn option(&mut self, option: &[u8]) -> bool {
        let (closes, keeps) = (is_word(option, b"close"), is_word(option, b"keep-alive"));
        self.closes |= closes;
        self.keeps |= keeps;
        closes || keeps
    }

    /// May it go on? A single `close` among all of them ends it; HTTP/1.0 goes on only where it says so.
    pub const fn persists(self, http10: bool) -> bool {
        !self.closes && (self.keeps || !http10)
    }
}

/// Is the head of this answer all of it, whatever its fields say and whatever follows (RFC 9110 §6.4.1)?
pub const fn ends_with_its_head(status: u16, to_head: bool) -> bool {
    to_head || matches!(status, 100..=199 | 204 | 304)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persists<'a>(connections: impl Iterator<Item = &'a [u8]>, http10: bool) -> bool {
        let mut options = Options::default();
        connections.for_each(|line| options.take(line));
        options.persists(http10)
    }

    #[test]
    fn a_single_close_ends_it_wherever_it_stands() {
        for (lines, http11, http10) in [
            (&[][..], true, false),
            (&[&b"close"[..]], false, false),
            (&[b"Close"], false, false),
            (&[b"keep-alive"], true, true),
            (&[b"Keep-Alive, X-Y"], true, true),
            (&[b"keep-alive, close"], false, false),
            (&[b"close , keep-alive"], false, false),
            (&[b"x-y", b"close"], false, false),
            (&[b"x-y", b"keep-alive"], true, true),
            (&[b"\xe9", b"\t close"], false, false),
            (&[b"\xe9, close"], false, false),
            (&[b"closed, not-close, \"close\""], true, false),
            (&[b",,"], true, false),
        ] {
            assert_eq!(persists(lines.iter().copied(), false), http11, "{lines:?}");
            assert_eq!(persists(lines.iter().copied(), true), http10, "{lines:?}");
        }
    }
}
