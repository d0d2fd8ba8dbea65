//! How does an answer of our own reach its client? Problem documents, redirects and fixed responses (`core/src/http/own_answer.rs` makes them),
//! with the connection left usable where that is safe.
//!
//! A body that the client is still sending is read to its end within bounds before the next request is looked for; where that
//! cannot be, the connection is closed. Otherwise an unread body would be read as the next request (RUSTSEC-2025-0037).

use super::heads::Body;
use super::message::{Sink, Told};
use crate::proxy::downstream::{ClientSide, Fate, FromClient, Gone, Read};
use bytes::Bytes;
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

impl Told for OwnAnswer {
    fn status(&self) -> u16 {
        self.status()
    }

    fn fields(&self, out: &mut impl Sink) {
        for (name, value) in self.fields() {
            out.put(name, value.as_bytes());
        }
    }

    fn length(&self) -> Option<u64> {
        self.fields().find(|(name, _)| *name == "Content-Length").and_then(|(_, length)| length.parse().ok())
    }

    fn is_dated(&self) -> bool {
        false
    }
}

/// Writes an answer of our own to a request of which `unread` may still come.
pub(super) async fn send(answer: OwnAnswer, client: &mut ClientSide, unread: Unread) -> Fate {
    let drained = unread == Unread::Drainable;
    if let ClientSide::H1(client) = client {
        client.answer_early(drained);
    }
    let written = write(answer, client).is_ok() && taken(client).await;
    match written {
        false => Fate::Cut,
        true if drained => Fate::Finish,
        true => Fate::Linger,
    }
}

fn write(answer: OwnAnswer, client: &mut ClientSide) -> Result<(), Gone> {
    let to_head = client.head().is_head();
    let is_all = to_head || !answer.has_body();
    client.send_head(&answer, is_all)?;
    match answer.into_body(to_head) {
        Some(body) => client.offer(Bytes::from(body), true),
        None => Ok(()),
    }
}

/// Has the client taken all of it, in time?
async fn taken(client: &mut ClientSide) -> bool {
    if client.is_clear() {
        return true;
    }
    let taking = async {
        while !client.is_clear() {
            if !matches!(client.next(Read::Nothing).await, FromClient::Taken) {
                return false;
            }
        }
        true
    };
    timeout(WRITE_TIME, taking).await.unwrap_or(false)
}
