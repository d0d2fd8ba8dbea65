//! The way of the response: its head, as it was judged, then what follows it.

use super::{Judging, Relay, Relayed, Shown, Verdict, Won};
use crate::proxy::at_once::{at_once, within};
use crate::proxy::backend::FromBackend;
use crate::proxy::downstream::Gone;
use crate::proxy::heads::grpc_status;
use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{Asked, Ended, Head, Interim};
use std::pin::pin;
use std::task::Poll;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

impl<'r, J: Judging<'r>> Relay<'_, 'r, J> {
    pub(super) async fn take_response(&mut self, said: FromBackend) -> Option<Relayed> {
        let ended = match said {
            FromBackend::Head { head, end } => return self.take_head(head, end).await,
            FromBackend::Interim(head) => self.take_interim(head).await,
            FromBackend::Invalid => Some(self.progress.broke(AttemptEnd::InvalidResponse)),
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
            FromBackend::Broke(before_head) => Some(self.progress.broke(before_head)),
            FromBackend::TrailersTooLarge => Some(self.progress.broke(AttemptEnd::HeadTooLarge)),
            FromBackend::BrokeOff => Some(self.progress.broke_off()),
        };
        ended.map(Relayed::Ended)
    }

    async fn take_interim(&mut self, mut head: Box<ResponseHeader>) -> Option<Ended> {
        match self.progress.interim_answer(head.status.as_u16()) {
            Ok(Interim::GoAhead) => self.go_ahead().await,
            Ok(Interim::PassOn) if self.judge.interim(&mut head) => {
                let passed_on = within(self.write_time(), pin!(self.dialogue.client.send_interim(head))).await;
                (!matches!(passed_on, Ok(Ok(())))).then(|| self.client_left())
            }
            Ok(Interim::PassOn | Interim::Drop) => None,
            Err(ended) => Some(ended),
        }
    }

    async fn take_head(&mut self, mut head: Box<ResponseHeader>, end: bool) -> Option<Relayed> {
        match self.judge(&mut head, Asked::First, None) {
            Verdict::Deliver => self.pass_on(head, end).await,
            Verdict::Elsewhere(action) => Some(Relayed::Elsewhere(action)),
            Verdict::Unwanted => None,
            Verdict::Unfit => Some(self.unfit()),
            Verdict::Misleading => Some(Relayed::Ended(Ended::misleading(head.status.as_u16()))),
        }
    }

    /// The rival takes the backend's place, which is let go with what it was asked.
    pub(super) async fn take_rival(&mut self, answer: Option<Won>) -> Option<Relayed> {
        self.rival = None;
        let Some(Won { connected, mut head, end }) = answer else {
            self.judge.lost(self.dialogue.client.head());
            return None;
        };
        let verdict = self.judge(&mut head, Asked::Hedge, Some(connected.shelf));
        if matches!(verdict, Verdict::Unwanted) {
            return None;
        }
        self.cut = None;
        *self.backend = connected.backend;
        match verdict {
            Verdict::Deliver => self.pass_on(head, end).await,
            Verdict::Elsewhere(action) => Some(Relayed::Elsewhere(action)),
            Verdict::Unwanted | Verdict::Unfit | Verdict::Misleading => Some(self.unfit()),
        }
    }

    fn judge(&mut self, head: &mut ResponseHeader, by: Asked, shelf: Option<u64>) -> Verdict {
        let at = self.clock.now();
        let (status, after) = (head.status.as_u16(), self.progress.upload().since(at));
        let seen = Head { status, after, by, replayable: self.dialogue.replay.possible() };
        self.judge.judge(Shown { head, seen, at, shelf, request: self.dialogue.client.head() })
    }

    fn unfit(&self) -> Relayed {
        Relayed::Ended(self.progress.broke(AttemptEnd::InvalidResponse))
    }

    async fn pass_on(&mut self, head: Box<ResponseHeader>, end: bool) -> Option<Relayed> {
        // Whoever was asked too is let go.
        self.rival = None;
        let status = head.status.as_u16();
        let switches = status == 101;
        self.progress.begin_answer(status, head.headers.contains_key("content-length"), grpc_status(&head.headers));
        if !self.progress.upload().is_done() && !switches {
            // An early answer: the client may still be sending, so this connection ends with it.
            self.dialogue.client.overtake();
        }
        let written = within(self.write_time(), pin!(self.dialogue.client.send_head(head, end))).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(Gone)) => return Some(Relayed::Ended(self.client_left())),
            Err(_) => return Some(Relayed::Ended(self.client_stalled())),
        }
        if switches {
            self.progress.answer().switch_protocols();
        }
        self.passed_on(end).map(Relayed::Ended)
    }

    async fn deliver(&mut self, chunk: Bytes, end: bool) -> Option<Ended> {
        let tunnel_ends = end && self.progress.is_tunnel();
        if !chunk.is_empty() || (end && !tunnel_ends) {
            let end = end && !tunnel_ends;
            match self.offer(chunk, end).await {
                Ok(Ok(())) => {}
                Ok(Err(Gone)) => return Some(self.client_left()),
                Err(_) => return Some(self.client_stalled()),
            }
        }
        if tunnel_ends
            && !matches!(within(self.write_time(), pin!(self.dialogue.client.end_direction())).await, Ok(Ok(())))
        {
            return Some(self.client_left());
        }
        self.passed_on(end)
    }

    /// A client of HTTP/1 is written to here, and one that does not read keeps us here.
    async fn offer(&mut self, chunk: Bytes, end: bool) -> Result<Result<(), Gone>, Elapsed> {
        let mut offered = pin!(self.dialogue.client.offer(chunk, end));
        if let Poll::Ready(taken) = at_once(offered.as_mut()).await {
            return Ok(taken);
        }
        let now = self.clock.now();
        self.progress.stall().begins(now);
        timeout(self.progress.write_time(now), offered).await
    }

    async fn deliver_trailers(&mut self, mut trailers: HeaderMap) -> Option<Ended> {
        self.progress.answer().trailers(grpc_status(&trailers));
        self.judge.sift_answer(&mut trailers);
        let written = within(self.write_time(), pin!(self.dialogue.client.offer_trailers(trailers))).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(Gone)) => return Some(self.client_left()),
            Err(_) => return Some(self.client_stalled()),
        }
        self.passed_on(true)
    }

    /// `end`: the backend has said all.
    fn passed_on(&mut self, end: bool) -> Option<Ended> {
        if end {
            self.progress.answer().complete();
        }
        self.progress.delivered(self.dialogue.client.is_clear())
    }
}
