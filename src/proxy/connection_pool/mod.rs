//! How do we come to a connection to a backend? Opened, secured, introduced; kept while it rests, cut when its backend goes, counted all the time.

pub mod cut;
pub mod mark;
pub mod peer;
pub mod secure;
pub mod introduce;
pub mod connect;
pub mod socket;
pub mod private;
pub mod idle;
