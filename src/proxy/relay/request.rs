//! The way of the request: its head, what was read of its body before, and what comes of it now.

use super::{Judging, Relay};
use crate::proxy::backend::Deaf;
use crate::proxy::downstream::FromClient;
use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::RequestHeader;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::request::Ended;
use tokio::time::timeout;

impl<'r, J: Judging<'r>> Relay<'_, 'r, J> {
    /// The head, and what an earlier attempt has read of the body already.
    pub(super) async fn send_head(&mut self, head: Box<RequestHeader>) -> Result<(), Ended> {
        let kept = self.dialogue.replay.kept();
        let done = self.dialogue.replay.complete || self.dialogue.client.body_done();
        let bodiless = done && kept.is_empty();
        match timeout(self.write_time(), self.backend.send_head(head, bodiless)).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return Err(self.progress.broke(end)),
            Err(_) => return Err(self.write_timed_out()),
        }
        self.progress.upload().came_before(kept.len());
        // Empty, it would end a chunked body.
        if !kept.is_empty()
            && let Some(ended) = self.send_chunk(&kept).await
        {
            return Err(ended);
        }
        if done {
            return self.end_request(None).await.map_or(Ok(()), Err);
        }
        if self.expects_continue {
            match timeout(self.write_time(), self.dialogue.client.send_continue()).await {
                Ok(Ok(())) => {}
                _ => return Err(self.client_left()),
            }
            self.dialogue.continued = true;
        }
        Ok(())
    }

    pub(super) async fn take_request(&mut self, said: FromClient) -> Option<Ended> {
        match said {
            FromClient::Chunk(chunk) => self.take_chunk(chunk).await,
            FromClient::End(_) if self.progress.is_tunnel() => Some(self.progress.tunnel_ended()),
            FromClient::End(mut trailers) => {
                trailers.iter_mut().for_each(|trailers| self.judge.sift_request(trailers));
                self.end_request(trailers).await
            }
            FromClient::Taken => self.progress.delivered(self.dialogue.client.is_clear()),
            FromClient::Left => Some(self.client_left()),
            FromClient::Malformed => Some(self.progress.refused(Problem::MalformedRequest)),
        }
    }

    async fn take_chunk(&mut self, chunk: Bytes) -> Option<Ended> {
        if self.progress.is_tunnel() {
            self.backend.upgrade();
            return self.send_chunk(&chunk).await;
        }
        if let Err(ended) = self.progress.receive(chunk.len()) {
            return Some(ended);
        }
        self.dialogue.replay.keep(&chunk);
        // An empty piece means that a chunk's size is not whole yet. Sent on, it would end the body for the backend, which would read
        // what follows as the next request.
        let sent = if chunk.is_empty() { None } else { self.send_chunk(&chunk).await };
        if sent.is_none() && self.dialogue.client.body_done() {
            return self.end_request(None).await;
        }
        sent
    }

    async fn send_chunk(&mut self, chunk: &Bytes) -> Option<Ended> {
        match timeout(self.write_time(), self.backend.offer(chunk)).await {
            Ok(Ok(())) => None,
            // It may have answered already and closed its ear: the answer counts.
            Ok(Err(Deaf)) if !self.progress.is_tunnel() => {
                self.stop_upload();
                None
            }
            Ok(Err(Deaf)) => Some(self.progress.tunnel_ended()),
            Err(_) => Some(self.write_timed_out()),
        }
    }

    fn write_timed_out(&self) -> Ended {
        self.progress.write_timed_out(self.clock.now(), self.clear())
    }

    pub(super) fn stop_upload(&mut self) {
        self.progress.upload().broke(self.clock.now());
        // What is left of the body is not read: the connection cannot carry another request.
        self.dialogue.client.close_behind();
    }

    async fn end_request(&mut self, trailers: Option<HeaderMap>) -> Option<Ended> {
        self.dialogue.replay.complete = true;
        if self.progress.upload().is_broken() {
            return None;
        }
        match timeout(self.write_time(), self.backend.finish(trailers)).await {
            Ok(Ok(())) => {}
            Ok(Err(Deaf)) => self.stop_upload(),
            Err(_) => return Some(self.write_timed_out()),
        }
        self.progress.upload().over();
        self.note_sent();
        None
    }

    /// The backend's time begins when it has all of the request.
    pub(super) fn note_sent(&mut self) {
        if self.backend.is_clear() {
            self.progress.upload().taken(self.clock.now());
        }
    }
}
