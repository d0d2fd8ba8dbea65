//! Who tells what, and to whom? One small type for each who needs one: traffic, probes, the board, operators, and the life of the process.
//!
//! Behind them are the same counters and the same logs.

mod board;
mod life;
mod operators;
mod probes;
mod traffic;

pub use board::BoardEvents;
pub use life::Life;
pub use operators::Operators;
pub use probes::Probes;
pub use traffic::Traffic;
