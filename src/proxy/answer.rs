//! How does Pulsegate answer by itself? Problem documents, redirects and fixed responses, with the connection left usable where
//! that is safe.
//!
//! A body that the client is still sending is read to its end within bounds before the next request is looked for; where that
//! cannot be, the connection is closed. Otherwise an unread body would be read as the next request (RUSTSEC-2025-0037).

use super::heads::Body;
use crate::domain::problem::{Problem, document};
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use std::time::Duration;
use tokio::time::timeout;

/// A body up to this size is read to its end; a larger one ends the connection.
const DRAINED_BYTES: u64 = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How long a client may take to accept a small answer.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// An answer of our own.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub(super) fn problem(problem: Problem, request_id: &str, retry_after: Option<u64>) -> Self {
        let mut headers =
            vec![("Content-Type", "application/problem+json".to_owned()), ("Cache-Control", "no-store".to_owned())];
        headers.extend(retry_after.map(|seconds| ("Retry-After", seconds.to_string())));
        Self { status: problem.status(), headers, body: document(problem, request_id) }
    }

    /// Writes the answer. False: the client could not be reached, or the connection must not be used again.
    pub(super) async fn send(self, session: &mut ServerSession, request_id: &str, body: Body, keep: bool) -> bool {
        let drained = match body {
            Body::None => true,
            Body::Length(length) => length <= DRAINED_BYTES,
            Body::Chunked => false,
        };
        if !keep || !drained {
            session.set_keepalive(None);
        }
        // Without this, pingora would close whenever a body is still to be read; a small one is read behind the answer.
        session.set_close_on_response_before_downstream_finish(!drained);
        session.set_total_drain_timeout(Some(DRAIN_TIME));
        let written = matches!(timeout(WRITE_TIME, self.write(session, request_id)).await, Ok(Ok(())));
        if written && !drained {
            linger(session).await;
        }
        written && keep && drained
    }

    async fn write(self, session: &mut ServerSession, request_id: &str) -> pingora::Result<()> {
        let mut head = ResponseHeader::build(self.status, Some(self.headers.len() + 4))?;
        for (name, value) in self.headers {
            head.insert_header(name, value)?;
        }
        head.insert_header("Content-Length", self.body.len())?;
        head.insert_header("X-Request-Id", request_id)?;
        let headless = session.req_header().method == http::Method::HEAD;
        session.write_response_header(Box::new(head)).await?;
        if !headless {
            session.write_response_body(Bytes::from(self.body), true).await?;
        }
        Ok(())
    }
}

/// Reads on for a moment after an early answer: the reset that unread bytes cause could destroy it on its way.
pub(super) async fn linger(session: &mut ServerSession) {
    let discard = async {
        let mut left = DRAINED_BYTES * 4;
        while let Ok(Some(chunk)) = session.read_request_body().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(DRAIN_TIME, discard).await;
}
