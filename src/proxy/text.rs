//! Where does a request keep its words? In strings of its thread, which are used again, so that a request asks nobody for memory.

use super::spare::{self, Spares};
use std::fmt;
use std::ops::Deref;

/// What a thread keeps at most, and how long one may have grown.
const KEPT: usize = 256;
const LONGEST: usize = 4 * 1024;

thread_local! {
    static RESTING: Spares<String> = const { Spares::at_most(KEPT) };
}

/// A word of one request.
#[derive(PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Written by `write` into an empty string.
    pub fn written(write: impl FnOnce(&mut String)) -> Self {
        let mut text = spare::take(&RESTING).unwrap_or_default();
        write(&mut text);
        Self(text)
    }

    pub fn of(text: &str) -> Self {
        // Nothing needs no string.
        if text.is_empty() { Self(String::new()) } else { Self::written(|out| out.push_str(text)) }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Clone for Text {
    fn clone(&self) -> Self {
        Self::of(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        let mut text = std::mem::take(&mut self.0);
        if text.capacity() == 0 || text.capacity() > LONGEST {
            return;
        }
        text.clear();
        spare::keep(&RESTING, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_request_has_written_is_not_what_the_next_one_reads() {
        let first = Text::of("a secret");
        let room = first.as_ptr();
        drop(first);
        let next = Text::of("b");
        assert_eq!((&*next, next.as_ptr()), ("b", room));
        assert_eq!(next.clone(), next);
    }
}
