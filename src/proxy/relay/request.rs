//! The way of the request: its head, what was read of its body before, and what comes of it now.

use super::{Judging, Relay};
use crate::proxy::at_once::{at_once, within};
use crate::proxy::backend::Deaf;
use crate::proxy::downstream::{ClientSide, FromClient, Read};
use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::RequestHeader;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::request::{Ended, Expectation};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// What came of something that the backend was given.
enum Given<T> {
    Done(T),
    TooSlow,
    /// The client left before it was taken.
    Left,
}

/// Gives the backend something; a client that leaves meanwhile ends the wait.
async fn given<T>(
    mut giving: Pin<&mut impl Future<Output = T>>,
    time: Duration,
    client: &mut ClientSide,
    read: Read,
) -> Given<T> {
    if let Poll::Ready(given) = at_once(giving.as_mut()).await {
        return Given::Done(given);
    }
    tokio::select! {
        biased;
        given = timeout(time, giving) => given.map_or(Given::TooSlow, Given::Done),
        () = client.left(read) => Given::Left,
    }
}

impl<'r, J: Judging<'r>> Relay<'_, 'r, J> {
    /// The head, and what an earlier attempt has read of the body already.
    pub(super) async fn send_head(&mut self, head: Box<RequestHeader>) -> Result<(), Ended> {
        if let Some(problem) = self.backend.refuses(&head) {
            return Err(self.progress.refused(problem));
        }
        let kept = self.dialogue.replay.kept();
        let done = self.dialogue.replay.complete || self.dialogue.client.body_done();
        let bodiless = done && kept.is_empty();
        let (time, read) = (self.write_time(), self.progress.read_meanwhile());
        let given = given(pin!(self.backend.send_head(head, bodiless)), time, &mut self.dialogue.client, read).await;
        match given {
            Given::Done(Ok(())) => {}
            Given::Done(Err(end)) => return Err(self.progress.broke(end)),
            Given::TooSlow => return Err(self.write_timed_out()),
            Given::Left => return Err(self.client_left()),
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
        match self.expectation {
            Expectation::Nobody => Ok(()),
            Expectation::Us => self.go_ahead().await.map_or(Ok(()), Err),
            Expectation::Backend => {
                self.progress.interims().await_go_ahead(self.clock.now());
                Ok(())
            }
        }
    }

    /// The client is told to send its body.
    pub(super) async fn go_ahead(&mut self) -> Option<Ended> {
        let written = within(self.write_time(), pin!(self.dialogue.client.send_continue())).await;
        match written {
            Ok(Ok(())) => {}
            _ => return Some(self.client_left()),
        }
        self.dialogue.continued = true;
        // From now on the client is the one who owes something.
        self.progress.interims().await_no_more();
        self.progress.moved(self.dialogue.client.is_clear(), self.clock.now());
        None
    }

    pub(super) async fn take_request(&mut self, said: FromClient) -> Option<Ended> {
        match said {
            FromClient::Chunk(chunk) => self.take_chunk(chunk).await,
            FromClient::End(_) if self.progress.is_tunnel() => self.end_tunnelled_request().await,
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
        let (time, read) = (self.write_time(), self.progress.read_meanwhile());
        let given = given(pin!(self.backend.offer(chunk)), time, &mut self.dialogue.client, read).await;
        match given {
            Given::Done(Ok(())) => None,
            // It may have answered already and closed its ear: the answer counts.
            Given::Done(Err(Deaf)) if !self.progress.is_tunnel() => {
                self.stop_upload();
                None
            }
            Given::Done(Err(Deaf)) => Some(self.progress.tunnel_ended()),
            Given::TooSlow => Some(self.write_timed_out()),
            Given::Left => Some(self.client_left()),
        }
    }

    /// The client has said all that it sends through the tunnel.
    async fn end_tunnelled_request(&mut self) -> Option<Ended> {
        let written = within(self.write_time(), pin!(self.backend.end_direction())).await;
        match written {
            Ok(Ok(())) => self.progress.answer().complete_tunnelled_request(),
            _ => return Some(self.progress.tunnel_ended()),
        }
        self.progress.delivered(self.dialogue.client.is_clear())
    }

    fn write_timed_out(&self) -> Ended {
        self.progress.write_timed_out(self.clock.now(), self.clear())
    }

    pub(super) fn stop_upload(&mut self) {
        self.progress.upload().broke(self.clock.now());
        self.progress.interims().await_no_more();
        // What is left of the body is not read: the connection cannot carry another request.
        self.dialogue.client.overtake();
    }

    async fn end_request(&mut self, trailers: Option<HeaderMap>) -> Option<Ended> {
        self.dialogue.replay.complete = true;
        // Whoever has sent all waits no more to be told to, even if there was nothing.
        self.progress.interims().await_no_more();
        if self.progress.upload().is_broken() {
            return None;
        }
        let (time, read) = (self.write_time(), self.progress.read_meanwhile());
        let given = given(pin!(self.backend.finish(trailers)), time, &mut self.dialogue.client, read).await;
        match given {
            Given::Done(Ok(())) => {}
            Given::Done(Err(Deaf)) => self.stop_upload(),
            Given::TooSlow => return Some(self.write_timed_out()),
            Given::Left => return Some(self.client_left()),
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
