//! What the targets share.

pub mod chunked;
pub mod naive;
pub mod seeds;
