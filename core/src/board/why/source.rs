//! Why does a source's last set of backends stay?

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Kept {
    NothingFound,
    /// It could not be asked, in the words of whoever asked.
    Failed(String),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingFound => f.write_str("answered with no backend at all"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}
