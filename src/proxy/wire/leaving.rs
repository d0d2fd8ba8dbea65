//! What is to leave over a connection? Heads and frames, which are small and put together, then at most one piece of a body, which is not copied
//! where it is large, then what closes its frame.

use super::buffers;
use bytes::{Buf, Bytes};
use std::io::IoSlice;

/// A piece up to this size is put behind its head: to copy it is less work than to have the system gather two.
const COPIED: usize = 4 * 1024;

#[derive(Debug, Default)]
pub struct Leaving {
    before: Written,
    piece: Bytes,
    after: Written,
}

/// Bytes that were put together, of which some have left.
#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    left: usize,
}

impl Leaving {
    /// Where heads and frames are written: behind all that waits already.
    pub fn out(&mut self) -> &mut Vec<u8> {
        let out = if self.piece.is_empty() { &mut self.before } else { &mut self.after };
        buffers::lend_for_heads(&mut out.bytes);
        &mut out.bytes
    }

    /// A piece of a body. Only while none waits.
    pub fn piece(&mut self, piece: Bytes) {
        if self.before.is_empty() || piece.len() > COPIED {
            self.piece = piece;
        } else {
            self.before.bytes.extend_from_slice(&piece);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.piece.is_empty() && self.after.is_empty()
    }

    /// All that is to leave, where it lies in one piece.
    pub(super) fn only(&self) -> Option<&[u8]> {
        match (self.before.is_empty(), self.piece.is_empty(), self.after.is_empty()) {
            (false, true, true) => Some(self.before.rest()),
            (true, false, true) => Some(&self.piece),
            _ => None,
        }
    }

    pub(super) fn slices(&self) -> [IoSlice<'_>; 3] {
        [self.before.rest(), &self.piece, self.after.rest()].map(IoSlice::new)
    }

    pub(super) fn advance(&mut self, written: usize) {
        let of_before = self.before.advance(written);
        let of_piece = (written - of_before).min(self.piece.len());
        self.piece.advance(of_piece);
        self.after.advance(written - of_before - of_piece);
        if self.piece.is_empty() {
            // The room that the piece lay in is free for the next.
            self.piece = Bytes::new();
            if self.before.is_empty() {
                std::mem::swap(&mut self.before, &mut self.after);
            }
        }
    }
}

impl Written {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.left..).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == self.left
    }

    fn advance(&mut self, written: usize) -> usize {
        let here = written.min(self.bytes.len() - self.left);
        self.left += here;
        if self.is_empty() {
            self.left = 0;
            buffers::give_back_of_heads(&mut self.bytes);
        }
        here
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
            leaving.piece(Bytes::from(vec![b'-'; COPIED + 1]));
            leaving.out().extend_from_slice(b"/");
            leaving.out().extend_from_slice(b"end");
            let mut left = Vec::new();
            while !leaving.is_empty() {
                let now: Vec<u8> = leaving.slices().iter().flat_map(|slice| slice.iter().copied()).take(step).collect();
                leaving.advance(now.len());
                left.extend(now);
            }
            assert_eq!(left, [b"head5:", &[b'-'; COPIED + 1][..], b"/end"].concat(), "{step}");
        }
    }

    #[test]
    fn a_small_piece_leaves_with_its_head_as_one_and_a_large_one_is_not_copied() {
        for (length, is_one) in [(1, true), (COPIED, true), (COPIED + 1, false)] {
            let mut leaving = Leaving::default();
            leaving.out().extend_from_slice(b"head");
            leaving.piece(vec![b'x'; length].into());
            assert_eq!(leaving.only().map(<[u8]>::len), is_one.then_some(4 + length));
            leaving.advance(4 + length);
            assert!(leaving.is_empty());
        }
        let mut leaving = Leaving::default();
        let piece = Bytes::from_static(b"piece");
        leaving.piece(piece.clone());
        assert_eq!(
            leaving.only().map(<[u8]>::as_ptr),
            Some(piece.as_ptr()),
            "with nothing in front of it, it lies well"
        );
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
