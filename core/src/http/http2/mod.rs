//! What does HTTP/2 add to a connection that we must decide ourselves? Frames that begin and do not end, streams that break, and tunnels.

pub mod frames;
pub mod glitches;
pub mod tunnel;
