//! How does an answer that broke off end on HTTP/2? With a reset of its stream, behind what was written of it.
//!
//! h2 throws away what waits to be written of a stream that is reset, its head too. Only the connection knows when it has left, so the
//! stream is the connection's from here.

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;

/// A stream that is to be reset when all that was given to its connection has been written.
#[derive(Debug)]
pub struct BrokenStream(SendResponse<Bytes>);

impl BrokenStream {
    pub(super) fn of(respond: SendResponse<Bytes>) -> Self {
        Self(respond)
    }

    pub fn reset(mut self) {
        self.0.send_reset(Reason::INTERNAL_ERROR);
    }
}
