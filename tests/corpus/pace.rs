//! In which pieces do a row's bytes travel?

/// How a row's bytes are cut into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each part in one write.
    Whole,
    /// Byte by byte (large parts in larger pieces): parsers that resume are parsers that slip.
    Drip,
}

impl Pace {
    /// How long the pieces of so many bytes are.
    pub const fn piece(self, bytes: usize) -> usize {
        match self {
            Self::Whole if bytes > 0 => bytes,
            Self::Drip if bytes > 600 => 1009,
            Self::Whole | Self::Drip => 1,
        }
    }
}
