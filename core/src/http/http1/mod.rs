//! What does HTTP/1 have that HTTP/2 has not? Heads and bodies as bytes of one connection, read strictly and written, and a connection that is used again.

pub mod answer;
pub mod body;
pub mod date;
mod digits;
pub mod flaw;
pub mod framing;
pub mod persistence;
pub mod request;
pub mod spans;
pub mod status;
pub mod upgrade;
pub mod write;
