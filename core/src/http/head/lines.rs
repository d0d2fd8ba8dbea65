//! How is a head cut into its lines, and a line into name and value? Strictly, in one walk: lines end in exactly CR LF, a name is a token with its colon
//! right behind it.

use super::bytes::{field_bytes, line_end, token};
use super::span::Span;

/// The lines of a head, one after the other.
#[derive(Debug)]
pub(in crate::http) struct Lines<'h> {
    /// Each with its ending; without the blank line behind them.
    text: &'h [u8],
    at: usize,
}

/// Where a field's line has its name, and its value without the blanks around it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Line {
    pub name: Span,
    pub value: Span,
}

impl<'h> Lines<'h> {
    /// Of a head with its blank line; `None`: it has none.
    pub fn of(head: &'h [u8]) -> Option<Self> {
        let text = head.strip_suffix(b"\r\n").filter(|text| text.ends_with(b"\r\n"))?;
        u32::try_from(text.len()).is_ok().then_some(Self { text, at: 0 })
    }

    /// Of trailers, which have no line in front of them.
    pub fn of_fields(text: &'h [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// No line is left.
    pub const fn ended(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The next one as a whole; `None`: it does not end as it must.
    pub fn whole(&mut self) -> Option<&'h [u8]> {
        let rest = self.text.get(self.at..)?;
        let (line, ending) = rest.split_at_checked(line_end(rest)?)?;
        self.at += line.len() + 2;
        ending.starts_with(b"\r\n").then_some(line)
    }

    /// The next one as a field; `None`: it is none. A token holds no white space: folded lines and blanks before the colon end here.
    pub fn field(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        let name = token(rest);
        let (_, behind) = rest.split_at_checked(name)?;
        let behind = behind.strip_prefix(b":").filter(|_| name > 0)?;
        let blanks = behind.iter().take_while(|byte| is_blank(**byte)).count();
        let (_, value) = behind.split_at_checked(blanks)?;
        let (value, ending) = value.split_at_checked(field_bytes(value))?;
        if !ending.starts_with(b"\r\n") {
            return None;
        }
        let from = start + name + 1 + blanks;
        self.at = from + value.len() + 2;
        let trailing = value.iter().rev().take_while(|byte| is_blank(**byte)).count();
        Some(Line { name: Span::new(start, start + name), value: Span::new(from, from + value.len() - trailing) })
    }

    /// What stands there.
    pub fn bytes(&self, span: Span) -> &'h [u8] {
        self.text.get(span.range()).unwrap_or_default()
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
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
            let mut lines = Lines::of(text.as_bytes()).unwrap();
            assert_eq!(lines.whole(), Some(&b"GET"[..]));
            let field =
                lines.field().map(|field| (field.name.text(text.as_bytes()), field.value.text(text.as_bytes())));
            assert_eq!((field, lines.ended()), (read, read.is_some()), "{line:?}");
        }
    }

    #[test]
    fn lines_end_as_they_must() {
        for (head, lines) in [
            ("\r\n\r\n", Some(&[Some("")][..])),
            ("A\r\n\r\n", Some(&[Some("A")])),
            ("A\r\nB\r\n\r\n", Some(&[Some("A"), Some("B")])),
            ("A\0\r\n\r\n", Some(&[Some("A\0")])),
            ("A\nB\r\n\r\n", Some(&[None])),
            ("A\r\r\n\r\n", Some(&[None])),
            ("A\r\n", None),
            ("\r\n", None),
            ("A\n\n", None),
            ("", None),
        ] {
            let mut read = Vec::new();
            let walk = Lines::of(head.as_bytes()).map(|mut walk| {
                while !walk.ended() && !read.contains(&None) {
                    read.push(walk.whole().map(|line| std::str::from_utf8(line).unwrap()));
                }
            });
            assert_eq!(walk.map(|()| &read[..]), lines, "{head:?}");
        }
    }
}
