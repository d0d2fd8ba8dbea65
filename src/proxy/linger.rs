//! How does a connection end that has unread bytes on it? Our direction first, so that the client sees the end of the answer at
//! once; then what it still sends is read and thrown away for a moment.
//!
//! Closing with unread bytes makes the kernel send a reset, which can destroy the answer on its way (the "lingering close" of other
//! servers). Bounded in bytes and time.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// Ends the connection of an answer that is already written.
pub async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ended = timeout(LINGER_TIME, stream.shutdown()).await;
    if matches!(ended, Ok(Ok(()))) {
        let _ = timeout(LINGER_TIME, discard(&mut stream)).await;
    }
}

async fn discard(stream: &mut (impl AsyncRead + Unpin)) {
    // Not on the spot: all that may end so would have room for it all the time.
    let mut scratch = vec![0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut scratch).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => return,
        }
    }
}
