//! How does an answer of our own reach its client? Problem documents, redirects and fixed responses (`core/src/http/own_answer.rs` makes them),
//! with the connection left usable where that is safe.
//!
//! A body that the client is still sending is read to its end within bounds before the next request is looked for; where that
//! cannot be, the connection is closed. Otherwise an unread body would be read as the next request (RUSTSEC-2025-0037).

use super::heads::Body;
use crate::proxy::downstream::{ClientSide, Fate, FromClient, Read};
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pulsegate_core::http::own_answer::OwnAnswer;
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

/// Writes an answer of our own to a request of which `unread` may still come.
pub(super) async fn send(answer: OwnAnswer, client: &mut ClientSide, unread: Unread) -> Fate {
    let drained = unread == Unread::Drainable;
    client.answer_early(drained);
    let written = matches!(timeout(WRITE_TIME, write(answer, client)).await, Ok(Ok(())));
    match written {
        false => Fate::Cut,
        true if drained => Fate::Finish,
        true => Fate::Linger,
    }
}

async fn write(answer: OwnAnswer, client: &mut ClientSide) -> pingora::Result<()> {
    let mut head = ResponseHeader::build(answer.status(), Some(answer.fields().count() + 2))?;
    for (name, value) in answer.fields() {
        head.insert_header(name, value)?;
    }
    let body = answer.into_body(client.head().method == http::Method::HEAD);
    client.send_head(Box::new(head), body.is_none()).await.map_err(|_| gone())?;
    if let Some(body) = body {
        client.offer(Bytes::from(body), true).await.map_err(|_| gone())?;
    }
    // A window that the client keeps shut holds this answer up, not us: the caller's time bounds the wait.
    while !client.is_clear() {
        if !matches!(client.next(Read::Nothing).await, FromClient::Taken) {
            return Err(gone());
        }
    }
    Ok(())
}

fn gone() -> Box<pingora::Error> {
    pingora::Error::new(pingora::ErrorType::WriteError)
}
