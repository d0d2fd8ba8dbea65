//! The way of the request: what was read of its body before, and what comes of it now.

use super::{Judging, Relay};
use crate::proxy::backend::Deaf;
use crate::proxy::downstream::{FromClient, Read};
use ::http::HeaderMap;
use bytes::Bytes;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::request::{Ended, Expectation};

impl<'r, J: Judging<'r>> Relay<'_, '_, 'r, J> {
    /// Behind the head, what an earlier attempt has read of the body already.
    pub(super) fn begin(&mut self) -> Option<Ended> {
        let kept = self.dialogue.replay.kept();
        self.progress.upload().came_before(kept.len());
        if !kept.is_empty()
            && let Some(ended) = self.send_chunk(kept)
        {
            return Some(ended);
        }
        if self.dialogue.replay.complete || self.dialogue.client.body_done() {
            return self.end_request(None);
        }
        match self.expectation {
            Expectation::Nobody => self.take_what_came(),
            Expectation::Us => self.go_ahead(),
            Expectation::Backend => {
                self.progress.interims().await_go_ahead(self.clock.now());
                None
            }
        }
    }

    /// What has come of the body together with its head leaves together with it.
    fn take_what_came(&mut self) -> Option<Ended> {
        if self.progress.read(self.backend.is_clear()) != Read::Body {
            return None;
        }
        let said = self.dialogue.client.at_hand()?;
        let ended = self.take_request(said);
        self.progress.moved(self.dialogue.client.is_clear(), self.clock.now());
        ended
    }

    /// The client is told to send its body.
    pub(super) fn go_ahead(&mut self) -> Option<Ended> {
        if self.dialogue.client.send_continue().is_err() {
            return Some(self.client_left());
        }
        self.dialogue.continued = true;
        // From now on the client is the one who owes something.
        self.progress.interims().await_no_more();
        self.progress.moved(self.dialogue.client.is_clear(), self.clock.now());
        None
    }

    pub(super) fn take_request(&mut self, said: FromClient) -> Option<Ended> {
        match said {
            FromClient::Chunk(chunk) => self.take_chunk(chunk),
            FromClient::End(_) if self.progress.is_tunnel() => self.end_tunnelled_request(),
            FromClient::End(mut trailers) => {
                trailers.iter_mut().for_each(|trailers| self.judge.sift_request(trailers));
                self.end_request(trailers)
            }
            FromClient::Taken => self.progress.delivered(self.dialogue.client.is_clear()),
            FromClient::Left => Some(self.client_left()),
            FromClient::Malformed => Some(self.progress.refused(Problem::MalformedRequest)),
        }
    }

    fn take_chunk(&mut self, chunk: Bytes) -> Option<Ended> {
        if self.progress.is_tunnel() {
            self.backend.upgrade();
            return self.send_chunk(chunk);
        }
        if let Err(ended) = self.progress.receive(chunk.len()) {
            return Some(ended);
        }
        self.dialogue.replay.keep(&chunk);
        let sent = self.send_chunk(chunk);
        if sent.is_none() && self.dialogue.client.body_done() {
            return self.end_request(None);
        }
        sent
    }

    fn send_chunk(&mut self, chunk: Bytes) -> Option<Ended> {
        match self.backend.offer(chunk) {
            Ok(()) => None,
            // It may have answered already and closed its ear: the answer counts.
            Err(Deaf) if !self.progress.is_tunnel() => {
                self.stop_upload();
                None
            }
            Err(Deaf) => Some(self.progress.tunnel_ended()),
        }
    }

    /// The client has said all that it sends through the tunnel.
    fn end_tunnelled_request(&mut self) -> Option<Ended> {
        if self.backend.end_direction().is_err() {
            return Some(self.progress.tunnel_ended());
        }
        self.progress.answer().complete_tunnelled_request();
        self.progress.delivered(self.dialogue.client.is_clear())
    }

    pub(super) fn stop_upload(&mut self) {
        self.progress.upload().broke(self.clock.now());
        self.progress.interims().await_no_more();
        // What is left of the body is not read: the connection cannot carry another request.
        self.dialogue.client.close_behind();
    }

    fn end_request(&mut self, trailers: Option<HeaderMap>) -> Option<Ended> {
        self.dialogue.replay.complete = true;
        // Whoever has sent all waits no more to be told to, even if there was nothing.
        self.progress.interims().await_no_more();
        if self.progress.upload().is_broken() {
            return None;
        }
        if self.backend.finish(trailers).is_err() {
            self.stop_upload();
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
