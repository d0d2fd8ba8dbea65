//! The way of the response: its head, looked at by the receiver, then what follows it.

use super::{Receive, Reception, Relay, Relayed};
use crate::proxy::backend::FromBackend;
use crate::proxy::hedge::{Winner, Won};
use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pulsegate_core::http::grpc;
use pulsegate_core::traffic::outcome::AttemptEnd;
use tokio::time::timeout;

/// Interim answers of one attempt. A few are usual; more is somebody who wants to be parsed for ever.
const INTERIM_ANSWERS: u32 = 32;

impl<R: Receive> Relay<'_, R> {
    pub(super) async fn take_response(&mut self, said: FromBackend) -> Option<Relayed> {
        match said {
            // We have told the client to go on; other interim answers are for the connection to the backend.
            FromBackend::Interim => {
                self.state.interim += 1;
                let flood = self.state.interim > INTERIM_ANSWERS;
                flood.then(|| self.ended(AttemptEnd::InvalidResponse))
            }
            FromBackend::Head { head, end } => self.take_head(head, end).await,
            FromBackend::Invalid => Some(self.ended(AttemptEnd::InvalidResponse)),
            FromBackend::Body(chunk, end) => self.deliver(chunk, end).await,
            FromBackend::Trailers(trailers) => self.deliver_trailers(trailers).await,
            FromBackend::Taken => {
                self.note_sent();
                None
            }
            FromBackend::Deaf => {
                self.stop_upload();
                None
            }
            FromBackend::Broke(before_head) => Some(self.backend_broke(before_head)),
        }
    }

    /// The rival takes the backend's place, which is let go with what it was asked.
    pub(super) async fn take_rival(&mut self, won: Won) -> Option<Relayed> {
        (self.rival, self.cut) = (None, None);
        *self.backend = won.backend;
        *self.won = Some(Winner { place: won.place, shelf: won.shelf, span: won.span });
        self.take_head(won.head, won.end).await
    }

    async fn take_head(&mut self, mut head: Box<ResponseHeader>, end: bool) -> Option<Relayed> {
        let status = head.status.as_u16();
        self.state.head_after = Some(self.clock.now().since(self.state.sent_at));
        match self.receiver.receive(&mut head, self.replay.possible()) {
            Reception::Discard => return Some(self.ended(AttemptEnd::Response { status })),
            Reception::Unfit => return Some(self.ended(AttemptEnd::InvalidResponse)),
            Reception::Forward => {}
        }
        self.state.status = Some(status);
        self.state.sized = head.headers.contains_key("content-length");
        self.state.grpc_status = grpc_status(&head.headers);
        if !self.state.request_done && status != 101 {
            // An early answer: the client may still be sending, so this connection ends with it.
            self.client.close_behind();
        }
        match timeout(self.write_time(), self.client.send_head(head, end)).await {
            Ok(Ok(())) => {}
            _ => return Some(self.client_left()),
        }
        self.state.upgraded = status == 101;
        self.state.answered = end;
        self.delivered()
    }

    async fn deliver(&mut self, chunk: Bytes, end: bool) -> Option<Relayed> {
        if !chunk.is_empty() || end {
            match timeout(self.write_time(), self.client.offer(chunk, end)).await {
                Ok(Ok(())) => {}
                _ => return Some(self.client_left()),
            }
        }
        self.state.answered = end;
        self.delivered()
    }

    async fn deliver_trailers(&mut self, trailers: HeaderMap) -> Option<Relayed> {
        self.state.grpc_status = grpc_status(&trailers);
        match timeout(self.write_time(), self.client.offer_trailers(trailers)).await {
            Ok(Ok(())) => {}
            _ => return Some(self.client_left()),
        }
        self.state.answered = true;
        self.delivered()
    }

    /// All was said, and all was taken.
    pub(super) fn delivered(&self) -> Option<Relayed> {
        let whole = self.state.answered && self.client.is_clear();
        whole.then(|| Relayed { whole: true, ..self.ended(self.said()) })
    }

    fn said(&self) -> AttemptEnd {
        match (self.state.status, self.state.grpc_status) {
            (Some(200), Some(status)) => AttemptEnd::GrpcStatus(status),
            (status, _) => AttemptEnd::Response { status: status.unwrap_or(502) },
        }
    }
}

fn grpc_status(fields: &HeaderMap) -> Option<u16> {
    fields.get(grpc::STATUS)?.to_str().ok()?.parse().ok()
}
