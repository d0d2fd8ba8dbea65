//! Every decision that Pulsegate makes, and nothing else.
//!
//! The rule of this crate: it imports `std` and itself. No clock (time is an argument), no socket, no log, no randomness of its own (seeds
//! are arguments), and nothing in it can fail: it returns values. The feature `serde`, off unless asked for, derives how the states that
//! machines export are written down, and nothing else. Hash maps may be looked up but never iterated, so that the same seed
//! gives the same trace.
//!
//! The wings know only those before them: [`base`], [`http`], [`plan`], [`health`], [`traffic`], [`board`]; [`timings`] and [`alert`] stand on top.

pub mod alert;
pub mod base;
pub mod board;
pub mod health;
pub mod http;
pub mod plan;
pub mod timings;
pub mod traffic;
