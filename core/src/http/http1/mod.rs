//! What does HTTP/1 have that HTTP/2 has not?

pub mod persistence;
pub mod upgrade;
