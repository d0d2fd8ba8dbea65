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

/// What may still come of a request that is answered early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing, or so little that it is read to its end.
    Drainable,
    /// Nobody can tell where it ends within bounds, or whether it comes at all.
    Boundless,
}

impl Unread {
    /// `asked`: the client was told, or did not wait to be told, to send its body.
    pub(super) fn of(body: Body, asked: bool) -> Self {
        match body {
            Body::None => Self::Drainable,
            Body::Length(length) if length <= DRAINED_BYTES && asked => Self::Drainable,
            Body::Length(_) | Body::Chunked => Self::Boundless,
        }
    }
}

/// What becomes of a client's connection when its request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// As HTTP says: it carries another request, or it is closed.
    Finish,
    /// Closed with unread bytes on it, so that the answer arrives all the same.
    Linger,
    /// Cut: what broke off must not look whole.
    Cut,
    /// Cut, and what the kernel still holds for a client that does not read is thrown away.
    Reset,
}

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

    /// Writes the answer to a request of which `unread` may still come.
    pub(super) async fn send(self, session: &mut ServerSession, request_id: &str, unread: Unread) -> Fate {
        let drained = unread == Unread::Drainable;
        if !drained {
            session.set_keepalive(None);
        }
        // Without this, pingora would close whenever a body is still to be read; a small one is read behind the answer.
        session.set_close_on_response_before_downstream_finish(!drained);
        session.set_total_drain_timeout(Some(DRAIN_TIME));
        let written = matches!(timeout(WRITE_TIME, self.write(session, request_id)).await, Ok(Ok(())));
        match written {
            false => Fate::Cut,
            true if drained => Fate::Finish,
            true => Fate::Linger,
        }
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
