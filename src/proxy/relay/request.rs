//! The way of the request: its head, what was read of its body before, and what comes of it now.

use super::{Receive, Relay, Relayed};
use crate::proxy::backend::Deaf;
use crate::proxy::downstream::FromClient;
use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::RequestHeader;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::outcome::AttemptEnd;
use tokio::time::timeout;

impl<R: Receive> Relay<'_, R> {
    /// The head, and what an earlier attempt has read of the body already.
    pub(super) async fn send_head(&mut self, head: Box<RequestHeader>) -> Result<(), Relayed> {
        let kept = self.replay.kept();
        let done = self.replay.complete || self.client.body_done();
        let bodiless = done && kept.is_empty();
        match timeout(self.write_time(), self.backend.send_head(head, bodiless)).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return Err(self.ended(end)),
            Err(_) => return Err(self.write_timed_out()),
        }
        // Empty, it would end a chunked body.
        if !kept.is_empty()
            && let Some(relayed) = self.send_chunk(&kept).await
        {
            return Err(relayed);
        }
        if done {
            return self.end_request(None).await.map_or(Ok(()), Err);
        }
        if self.expects_continue && !*self.continued {
            match timeout(self.write_time(), self.client.send_continue()).await {
                Ok(Ok(())) => {}
                _ => return Err(self.client_left()),
            }
            *self.continued = true;
        }
        Ok(())
    }

    pub(super) async fn take_request(&mut self, said: FromClient) -> Option<Relayed> {
        match said {
            FromClient::Chunk(chunk) => self.take_chunk(chunk).await,
            FromClient::End(_) if self.state.upgraded => Some(self.tunnel_ended()),
            FromClient::End(trailers) => self.end_request(trailers).await,
            FromClient::Taken => self.delivered(),
            FromClient::Left => Some(self.client_left()),
            FromClient::Malformed => Some(self.refused(Problem::MalformedRequest)),
        }
    }

    async fn take_chunk(&mut self, chunk: Bytes) -> Option<Relayed> {
        if self.state.upgraded {
            self.backend.upgrade();
            return self.send_chunk(&chunk).await;
        }
        self.state.received += chunk.len() as u64;
        if self.bounds.body_bytes > 0 && self.state.received > self.bounds.body_bytes {
            return Some(self.refused(Problem::BodyTooLarge));
        }
        self.replay.keep(&chunk);
        // An empty piece means that a chunk's size is not whole yet. Sent on, it would end the body for the backend, which would read
        // what follows as the next request.
        let sent = if chunk.is_empty() { None } else { self.send_chunk(&chunk).await };
        if sent.is_none() && self.client.body_done() {
            return self.end_request(None).await;
        }
        sent
    }

    async fn send_chunk(&mut self, chunk: &Bytes) -> Option<Relayed> {
        match timeout(self.write_time(), self.backend.offer(chunk)).await {
            Ok(Ok(())) => None,
            // It may have answered already and closed its ear: the answer counts.
            Ok(Err(Deaf)) if !self.state.upgraded => {
                self.stop_upload();
                None
            }
            Ok(Err(Deaf)) => Some(self.tunnel_ended()),
            Err(_) => Some(self.write_timed_out()),
        }
    }

    /// The backend took nothing for so long.
    fn write_timed_out(&self) -> Relayed {
        match self.state.status {
            _ if self.clock.now() >= self.bounds.total => self.timed_out(),
            // It answers while it does not read: perhaps it waits for the client to read, as the client waits for it.
            Some(_) => self.ended(AttemptEnd::Ours),
            None => self.ended(AttemptEnd::PerTryTimeout),
        }
    }

    pub(super) fn stop_upload(&mut self) {
        self.state.upload_broken = true;
        self.state.request_over = true;
        self.state.request_done = true;
        self.state.sent_at = self.clock.now();
        // What is left of the body is not read: the connection cannot carry another request.
        self.client.close_behind();
    }

    async fn end_request(&mut self, trailers: Option<HeaderMap>) -> Option<Relayed> {
        self.replay.complete = true;
        if self.state.upload_broken {
            return None;
        }
        match timeout(self.write_time(), self.backend.finish(trailers)).await {
            Ok(Ok(())) => {}
            Ok(Err(Deaf)) => self.stop_upload(),
            Err(_) => return Some(self.write_timed_out()),
        }
        self.state.request_over = true;
        self.note_sent();
        None
    }

    /// The backend's time begins when it has all of the request.
    pub(super) fn note_sent(&mut self) {
        if self.state.request_over && !self.state.request_done && self.backend.is_clear() {
            self.state.request_done = true;
            self.state.sent_at = self.clock.now();
        }
    }
}
