//! Where are bytes cut? At places that depend on nothing but the bytes, so that a find can be replayed.

use pulsegate_core::base::rng::{Rng, hash_bytes};

pub fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut dice = Rng::new(hash_bytes(bytes));
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + dice.below(rest.len() as u32) as usize);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
