//! How does Pulsegate answer by itself? Problem documents, redirects and fixed responses, with the connection left usable where
//! that is safe.
//!
//! A body that the client is still sending is read to its end within bounds before the next request is looked for; where that
//! cannot be, the connection is closed. Otherwise an unread body would be read as the next request (RUSTSEC-2025-0037).

use super::heads::Body;
use crate::proxy::downstream::{ClientSide, Fate, FromClient, Read};
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pulsegate_core::http::grpc;
use pulsegate_core::http::problem::{Problem, document};
use std::time::Duration;
use tokio::time::timeout;

/// A body up to this size is read to its end; a larger one ends the connection.
const DRAINED_BYTES: u64 = 64 * 1024;
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
            Body::Length(_) | Body::Unsized => Self::Boundless,
        }
    }
}

/// An answer of our own.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    /// Says that it is refused. `is_call`: in gRPC's way.
    pub(super) fn to(problem: Problem, is_call: bool, request_id: &str, retry_after: Option<u64>) -> Self {
        if is_call { Self::grpc(problem) } else { Self::problem(problem, request_id, retry_after) }
    }

    fn problem(problem: Problem, request_id: &str, retry_after: Option<u64>) -> Self {
        let mut headers =
            vec![("Content-Type", "application/problem+json".to_owned()), ("Cache-Control", "no-store".to_owned())];
        headers.extend(retry_after.map(|seconds| ("Retry-After", seconds.to_string())));
        Self { status: problem.status(), headers, body: document(problem, request_id) }
    }

    /// The same problem as a gRPC caller is told of it: a head that is also the trailers (RFC 9113 knows no other place without a body).
    fn grpc(problem: Problem) -> Self {
        let headers = vec![
            ("Content-Type", grpc::CONTENT_TYPE.to_owned()),
            (grpc::STATUS, grpc::status_of(problem).to_string()),
            (grpc::MESSAGE, grpc::message(problem.detail())),
        ];
        Self { status: 200, headers, body: String::new() }
    }

    /// Writes the answer to a request of which `unread` may still come.
    pub(super) async fn send(self, client: &mut ClientSide, request_id: &str, unread: Unread) -> Fate {
        let drained = unread == Unread::Drainable;
        client.answer_early(drained);
        let written = matches!(timeout(WRITE_TIME, self.write(client, request_id)).await, Ok(Ok(())));
        match written {
            false => Fate::Cut,
            true if drained => Fate::Finish,
            true => Fate::Linger,
        }
    }

    async fn write(self, client: &mut ClientSide, request_id: &str) -> pingora::Result<()> {
        let mut head = ResponseHeader::build(self.status, Some(self.headers.len() + 4))?;
        for (name, value) in self.headers {
            head.insert_header(name, value)?;
        }
        head.insert_header("X-Request-Id", request_id)?;
        let trailers_only = head.headers.contains_key(grpc::STATUS);
        if !trailers_only {
            head.insert_header("Content-Length", self.body.len())?;
        }
        let bodiless = client.head().method == http::Method::HEAD || trailers_only;
        client.send_head(Box::new(head), bodiless).await.map_err(|_| gone())?;
        if !bodiless {
            client.offer(Bytes::from(self.body), true).await.map_err(|_| gone())?;
        }
        // A window that the client keeps shut holds this answer up, not us: the caller's time bounds the wait.
        while !client.is_clear() {
            if !matches!(client.next(Read::Nothing).await, FromClient::Taken) {
                return Err(gone());
            }
        }
        Ok(())
    }
}

fn gone() -> Box<pingora::Error> {
    pingora::Error::new(pingora::ErrorType::WriteError)
}
