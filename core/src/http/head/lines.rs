//! How is a head cut into its lines, and a line into name and value? Strictly, in one walk: lines end in exactly CR LF, a name is a token with its colon
//! right behind it.

use super::bytes::{field_bytes, line_end, token};
use super::span::Span;

/// The lines of a head, one after the other.
#[derive(Debug)]
pub(in crate::http) struct Lines<'h> {
    /// Those that are left, with what comes behind them.
    rest: &'h [u8],
    /// Where they begin.
    at: usize,
}

/// A field's line.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Line<'h> {
    pub name: &'h [u8],
    /// Without the blanks around it.
    pub value: &'h [u8],
    name_at: usize,
    value_at: usize,
}

impl Line<'_> {
    pub const fn name_span(&self) -> Span {
        Span::new(self.name_at, self.name_at + self.name.len())
    }

    pub const fn value_span(&self) -> Span {
        Span::new(self.value_at, self.value_at + self.value.len())
    }
}

impl<'h> Lines<'h> {
    /// Of the head at the start of these bytes.
    pub const fn of(bytes: &'h [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// Where the blank line begins that comes next; `None`: another line comes.
    pub fn end(&self) -> Option<usize> {
        self.rest.starts_with(b"\r\n").then_some(self.at)
    }

    /// The next one as a whole; `None`: it does not end as it must.
    pub fn whole(&mut self) -> Option<&'h [u8]> {
        let (line, ending) = self.rest.split_at_checked(line_end(self.rest)?)?;
        self.rest = ending.strip_prefix(b"\r\n")?;
        self.at += line.len() + 2;
        Some(line)
    }

    /// The next one as a field; `None`: it is none. A token holds no white space: folded lines and blanks before the colon end here.
    #[inline(always)]
    pub fn field(&mut self) -> Option<Line<'h>> {
        let (name, mut value) = self.rest.split_at_checked(token(self.rest))?;
        value = value.strip_prefix(b":").filter(|_| !name.is_empty())?;
        while let [b' ' | b'\t', behind @ ..] = value {
            value = behind;
        }
        let name_at = self.at;
        let value_at = name_at + (self.rest.len() - value.len());
        let (mut value, ending) = value.split_at_checked(field_bytes(value))?;
        self.rest = ending.strip_prefix(b"\r\n")?;
        self.at = value_at + value.len() + 2;
        while let [before @ .., b' ' | b'\t'] = value {
            value = before;
        }
        Some(Line { name, value, name_at, value_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        for (line, read) in [
            ("X: y", Some(("X", "y"))),
            ("X:y", Some(("X", "y"))),
            ("X: \t y z\t ", Some(("X", "y z"))),
            ("X:", Some(("X", ""))),
            ("X: \t", Some(("X", ""))),
            ("X-1_y~: a:b", Some(("X-1_y~", "a:b"))),
            ("X: \u{e4}\ty", Some(("X", "\u{e4}\ty"))),
            ("", None),
            (": y", None),
            ("X", None),
            ("X : y", None),
            (" X: y", None),
            ("X: \0", None),
            ("X: y\x7f", None),
            ("X: y\rz", None),
        ] {
            let text = format!("GET\r\n{line}\r\n\r\n");
            let mut lines = Lines::of(text.as_bytes());
            assert_eq!(lines.whole(), Some(&b"GET"[..]));
            let field = lines.field();
            let spans =
                field.map(|field| (field.name_span().text(text.as_bytes()), field.value_span().text(text.as_bytes())));
            assert_eq!(
                field.map(|field| (field.name, field.value)),
                read.map(|(name, value): (&str, &str)| (name.as_bytes(), value.as_bytes()))
            );
            assert_eq!(spans, read, "{line:?}");
            assert!(field.is_none() || lines.end() == Some(text.len() - 2), "{line:?}");
        }
    }

    #[test]
    fn lines_end_as_they_must() {
        for (head, lines) in [
            ("\r\n\r\n", &[][..]),
            ("A\r\n\r\nB", &[Some("A")]),
            ("A\r\nB\r\n\r\n", &[Some("A"), Some("B")]),
            ("A\0\r\n\r\n", &[Some("A\0")]),
            ("A\nB\r\n\r\n", &[None]),
            ("A\r\r\n\r\n", &[None]),
            ("A\r\nB", &[Some("A"), None]),
            ("", &[None]),
        ] {
            let (mut read, mut walk) = (Vec::new(), Lines::of(head.as_bytes()));
            while walk.end().is_none() && !read.contains(&None) {
                read.push(walk.whole().map(|line| std::str::from_utf8(line).unwrap()));
            }
            assert_eq!(read, lines, "{head:?}");
        }
    }
}
