//! What does HTTP/2 add to a connection that we must bound ourselves? Frames that begin and do not end, and streams that break.

pub mod frames;
pub mod glitches;
