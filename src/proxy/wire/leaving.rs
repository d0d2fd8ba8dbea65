//! What is to leave over a connection? Heads and frames, which are small and put together, then at most one piece of a body, which is not copied,
//! then what closes its frame.

use super::buffers;
use bytes::{Buf, Bytes, BytesMut};
use std::io::IoSlice;

#[derive(Debug, Default)]
pub struct Leaving {
    before: BytesMut,
    piece: Bytes,
    after: BytesMut,
}

impl Leaving {
    /// Where heads and frames are written: behind all that waits already.
    pub fn out(&mut self) -> &mut BytesMut {
        let out = if self.piece.is_empty() { &mut self.before } else { &mut self.after };
        buffers::lend(out);
        out
    }

    /// A piece of a body. Only while none waits.
    pub fn piece(&mut self, piece: Bytes) {
        self.piece = piece;
    }

    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.piece.is_empty() && self.after.is_empty()
    }

    pub(super) fn slices(&self) -> [IoSlice<'_>; 3] {
        [&self.before, &self.piece, &self.after].map(|bytes: &[u8]| IoSlice::new(bytes))
    }

    pub(super) fn advance(&mut self, written: usize) {
        let of_before = written.min(self.before.len());
        self.before.advance(of_before);
        let of_piece = (written - of_before).min(self.piece.len());
        self.piece.advance(of_piece);
        self.after.advance((written - of_before - of_piece).min(self.after.len()));
        if self.before.is_empty() {
            buffers::give_back(&mut self.before);
        }
        if self.piece.is_empty() {
            // The room that the piece lay in is free for the next.
            self.piece = Bytes::new();
            if self.before.is_empty() {
                std::mem::swap(&mut self.before, &mut self.after);
            }
        }
        if self.after.is_empty() {
            buffers::give_back(&mut self.after);
        }
        if self.before.is_empty() {
            buffers::give_back(&mut self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leaves_in_its_order_however_little_is_taken_at_once() {
        for step in 1..20 {
            let mut leaving = Leaving::default();
            leaving.out().extend_from_slice(b"head");
            leaving.out().extend_from_slice(b"5:");
            leaving.piece(Bytes::from_static(b"piece"));
            leaving.out().extend_from_slice(b"/");
            leaving.out().extend_from_slice(b"end");
            let mut left = Vec::new();
            while !leaving.is_empty() {
                let now: Vec<u8> = leaving.slices().iter().flat_map(|slice| slice.iter().copied()).take(step).collect();
                leaving.advance(now.len());
                left.extend(now);
            }
            assert_eq!(left, b"head5:piece/end", "{step}");
        }
    }

    #[test]
    fn what_is_written_behind_a_piece_that_has_left_in_part_stays_behind_it() {
        let mut leaving = Leaving::default();
        leaving.piece(Bytes::from_static(b"piece"));
        leaving.advance(2);
        leaving.out().extend_from_slice(b"end");
        let left: Vec<u8> = leaving.slices().iter().flat_map(|slice| slice.iter().copied()).collect();
        assert_eq!(left, b"eceend");
    }
}
