//! What the targets share.

pub mod chunked;
pub mod naive;
pub mod pieces;
pub mod seeds;
