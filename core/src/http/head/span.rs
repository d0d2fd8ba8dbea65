//! Where in a buffer does something stand? Two small numbers, so that whoever keeps them borrows nothing.

use std::ops::Range;

/// Bytes of a buffer that lies elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Within a head, whose length [`super::lines::Lines`] has seen to fit.
    pub(in crate::http) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes; none, in a buffer that it is not of.
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.range()).unwrap_or_default()
    }

    /// The same as text, as methods and targets that have passed are.
    pub fn text(self, buffer: &[u8]) -> &str {
        std::str::from_utf8(self.of(buffer)).unwrap_or_default()
    }
}
