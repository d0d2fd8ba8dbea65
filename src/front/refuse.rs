//! How is a head refused that never became a request? A small problem document, then a close that the client can read.

use crate::proxy::linger;
use pulsegate_core::http::problem::{Problem, document};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

const WRITE_TIME: Duration = Duration::from_secs(5);

/// Answers with `problem` and ends the connection.
pub(super) async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, problem: Problem) {
    let answer = answer(problem, &crate::proxy::new_request_id());
    let written = timeout(WRITE_TIME, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    })
    .await;
    if matches!(written, Ok(Ok(()))) {
        linger::close(stream).await;
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
