//! How is a head refused that never became a request? A small problem document, then a close that the client can read.
//!
//! Closing with unread bytes makes the kernel send a reset, which can destroy the answer on its way. So: write, end our
//! direction, then read and throw away for a moment (the "lingering close" of other servers), bounded in bytes and time.

use crate::domain::problem::{Problem, document};
use pingora::protocols::Stream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
const WRITE_TIME: Duration = Duration::from_secs(5);

/// Answers with `problem` and ends the connection.
pub(super) async fn refuse(stream: &mut Stream, problem: Problem) {
    let answer = answer(problem, &crate::proxy::new_request_id());
    let written = timeout(WRITE_TIME, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    })
    .await;
    if !matches!(written, Ok(Ok(()))) {
        return;
    }
    if AsyncWriteExt::shutdown(stream).await.is_ok() {
        let _ = timeout(LINGER_TIME, discard(stream)).await;
    }
}

fn answer(problem: Problem, request_id: &str) -> String {
    let body = document(problem, request_id);
    let status = http::StatusCode::from_u16(problem.status()).unwrap_or(http::StatusCode::BAD_REQUEST);
    format!(
        "HTTP/1.1 {} {}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len(),
    )
}

async fn discard(stream: &mut Stream) {
    let mut scratch = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut scratch).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => return,
        }
    }
}
