//! Where does a request keep its head? In room of its own, to which it is copied once: what it was read into is free for the next read of anybody, which
//! so finds it warm, and whoever waits for a backend holds no more than what it asks.

use crate::proxy::spare::{self, Spares};
use std::ops::Deref;

/// What a thread keeps at most, how large such room begins, and how large it may have grown.
const KEPT: usize = 256;
const USUAL: usize = 1024;
const LARGEST: usize = 8 * 1024;

thread_local! {
    static RESTING: Spares<Vec<u8>> = const { Spares::at_most(KEPT) };
}

/// The bytes of one head.
#[derive(Debug)]
pub struct Kept(Vec<u8>);

impl Kept {
    pub fn of(head: &[u8]) -> Self {
        let mut bytes = spare::take(&RESTING).unwrap_or_else(|| Vec::with_capacity(USUAL));
        bytes.extend_from_slice(head);
        Self(bytes)
    }
}

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self::of(self)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() > LARGEST {
            return;
        }
        bytes.clear();
        spare::keep(&RESTING, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_head_has_said_is_not_what_the_next_one_says() {
        let first = Kept::of(b"GET /secret");
        let (room, copy) = (first.as_ptr(), first.clone());
        drop(first);
        let next = Kept::of(b"GET /");
        assert_eq!((&*next, next.as_ptr(), &*copy), (&b"GET /"[..], room, &b"GET /secret"[..]));
    }
}
