//! What does a decision ask of a head? Its fields by their names, whatever carries them: spans over the bytes of HTTP/1, or the header map of HTTP/2.
//!
//! Values are bytes: a field that holds one odd byte is there all the same.

/// The fields of a head or of trailers.
pub trait Fields {
    type Field<'h>: Field
    where
        Self: 'h;

    /// All of them, in order.
    fn fields(&self) -> impl Iterator<Item = Self::Field<'_>>;

    /// All lines of one field (its name in lower case), in order.
    fn lines<'h>(&'h self, name: &str) -> impl DoubleEndedIterator<Item = &'h [u8]>;

    /// The first of them.
    fn first<'h>(&'h self, name: &str) -> Option<&'h [u8]> {
        self.lines(name).next()
    }

    /// Is this field there?
    fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

/// One line.
pub trait Field {
    /// In lower case.
    fn name(&self) -> &[u8];

    /// Without the blanks around it.
    fn value(&self) -> &[u8];
}

/// The lines of one field, where more than one is another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines<'a> {
    None,
    One(&'a [u8]),
    /// Which of them counts, two readers may see differently: they equal nothing.
    Several,
}

impl<'a> Lines<'a> {
    pub fn of(mut lines: impl Iterator<Item = &'a [u8]>) -> Self {
        match (lines.next(), lines.next()) {
            (None, _) => Self::None,
            (Some(only), None) => Self::One(only),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// The one line; of several, none.
pub fn only<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    if let Lines::One(line) = Lines::of(lines) { Some(line) } else { None }
}

/// The same where it is text.
pub fn only_text<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    only(lines).and_then(|line| std::str::from_utf8(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_another_answer_than_two_equal_ones() {
        for (lines, read, text) in [
            (&[][..], Lines::None, None),
            (&[&b"a"[..]], Lines::One(b"a"), Some("a")),
            (&[b"\xe9"], Lines::One(b"\xe9"), None),
            (&[b"a", b"a"], Lines::Several, None),
        ] {
            let all = || lines.iter().copied();
            assert_eq!((Lines::of(all()), only_text(all())), (read, text), "{lines:?}");
            assert_eq!(only(all()).map_or(Lines::None, Lines::One) == read, lines.len() < 2, "{lines:?}");
        }
    }
}
