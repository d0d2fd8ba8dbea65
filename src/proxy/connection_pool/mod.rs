//! How do we come to a connection to a backend? Opened, introduced, secured; kept while it rests, cut when its backend goes, counted all the time.

pub mod cut;
pub mod idle;
pub mod mark;
pub mod open;
pub mod private;
pub mod secure;
pub mod shelf;
