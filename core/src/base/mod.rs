//! What does everything stand on? Time as a number, seeded randomness, who a backend is, how threads hold what they share. Knows no other wing.

pub mod hex;
pub mod identity;
pub mod ip_text;
#[cfg(feature = "serde")]
pub(crate) mod nanos;
pub mod own;
pub mod rng;
pub mod stripes;
pub(crate) mod sync;
pub mod time;
