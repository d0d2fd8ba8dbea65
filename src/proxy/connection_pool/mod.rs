//! How do we come to a connection to a backend? Opened, secured, introduced; kept while it rests, cut when its backend goes, counted all the time.

pub mod cut;
pub mod idle;
pub mod introduce;
pub mod mark;
pub mod peer;
pub mod private;
pub mod secure;
pub mod socket;
