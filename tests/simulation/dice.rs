//! Who decides what happens next? The storm asks for small numbers and does not know where they come from.

use pulsegate_core::base::rng::Rng;

pub trait Dice {
    /// A whole number in `0..bound`; 0 when `bound` is 0.
    fn below(&mut self, bound: u32) -> u32;

    /// Of the board.
    fn seed(&mut self) -> u64;

    /// Nothing is left to decide with.
    fn used_up(&self) -> bool;
}

/// From a seed, without end.
impl Dice for Rng {
    fn below(&mut self, bound: u32) -> u32 {
        Rng::below(self, bound)
    }

    fn seed(&mut self) -> u64 {
        self.next_u64()
    }

    fn used_up(&self) -> bool {
        false
    }
}
