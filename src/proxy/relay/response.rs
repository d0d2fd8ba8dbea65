//! The way of the response: its head, as it was judged, then what follows it.

use super::{Judging, Relay, Relayed, Shown, Verdict, Won};
use crate::proxy::backend::FromBackend;
use crate::proxy::heads::{grpc_status, grpc_status_of};
use crate::proxy::message::AnswerHead;
use ::http::HeaderMap;
use bytes::Bytes;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{Asked, Ended, Head, Interim};

impl<'r, J: Judging<'r>> Relay<'_, '_, 'r, J> {
    pub(super) fn take_response(&mut self, said: FromBackend) -> Option<Relayed> {
        let ended = match said {
            FromBackend::Head { head, end } => return self.take_head(&head, end),
            FromBackend::Interim(head) => self.take_interim(&head),
            FromBackend::Invalid => Some(self.progress.broke(AttemptEnd::InvalidResponse)),
            FromBackend::Body(chunk, end) => self.deliver(chunk, end),
            FromBackend::Trailers(trailers) => self.deliver_trailers(trailers),
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

    fn take_interim(&mut self, head: &AnswerHead) -> Option<Ended> {
        match self.progress.interim_answer(head.status()) {
            Ok(Interim::GoAhead) => self.go_ahead(),
            Ok(Interim::PassOn) => {
                let passed_on = self.judge.interim(head).map(|interim| self.dialogue.client.send_interim(&interim));
                passed_on.is_some_and(|passed_on| passed_on.is_err()).then(|| self.client_left())
            }
            Ok(Interim::Drop) => None,
            Err(ended) => Some(ended),
        }
    }

    fn take_head(&mut self, head: &AnswerHead, end: bool) -> Option<Relayed> {
        match self.judge(head, Asked::First, None) {
            Verdict::Deliver => self.pass_on(head, end),
            Verdict::Elsewhere(action) => Some(Relayed::Elsewhere(action)),
            Verdict::Unwanted => None,
            Verdict::Unfit => Some(self.unfit()),
            Verdict::Misleading => Some(Relayed::Ended(Ended::misleading(head.status()))),
        }
    }

    /// The rival takes the backend's place, which is let go with what it was asked.
    pub(super) fn take_rival(&mut self, answer: Option<Won>) -> Option<Relayed> {
        self.rival = None;
        let Some(Won { connected, head, end }) = answer else {
            self.judge.lost(self.dialogue.client.head());
            return None;
        };
        let verdict = self.judge(&head, Asked::Hedge, Some(connected.shelf));
        if matches!(verdict, Verdict::Unwanted) {
            return None;
        }
        self.cut = None;
        *self.backend = connected.backend;
        match verdict {
            Verdict::Deliver => self.pass_on(&head, end),
            Verdict::Elsewhere(action) => Some(Relayed::Elsewhere(action)),
            Verdict::Unwanted | Verdict::Unfit | Verdict::Misleading => Some(self.unfit()),
        }
    }

    fn judge(&mut self, head: &AnswerHead, by: Asked, shelf: Option<u64>) -> Verdict {
        let at = self.clock.now();
        let (status, after) = (head.status(), self.progress.upload().since(at));
        let seen = Head { status, after, by, replayable: self.dialogue.replay.possible() };
        self.judge.judge(Shown { head, seen, at, shelf, request: self.dialogue.client.head() })
    }

    fn unfit(&self) -> Relayed {
        Relayed::Ended(self.progress.broke(AttemptEnd::InvalidResponse))
    }

    fn pass_on(&mut self, head: &AnswerHead, end: bool) -> Option<Relayed> {
        // Whoever was asked too is let go.
        self.rival = None;
        let status = head.status();
        let switches = status == 101;
        self.progress.begin_answer(status, head.has("content-length"), grpc_status_of(head));
        if !self.progress.upload().is_done() && !switches {
            // An early answer: the client may still be sending, so this connection ends with it.
            self.dialogue.client.close_behind();
        }
        if self.dialogue.client.send_head(&self.judge.answered(head), end).is_err() {
            return Some(Relayed::Ended(self.client_left()));
        }
        if switches {
            self.progress.answer().switch_protocols();
        }
        self.passed_on(end).map(Relayed::Ended)
    }

    fn deliver(&mut self, chunk: Bytes, end: bool) -> Option<Ended> {
        let tunnel_ends = end && self.progress.is_tunnel();
        let given = match tunnel_ends {
            true if chunk.is_empty() => self.dialogue.client.end_direction(),
            true => self.dialogue.client.offer(chunk, false).and_then(|()| self.dialogue.client.end_direction()),
            false if chunk.is_empty() && !end => Ok(()),
            false => self.dialogue.client.offer(chunk, end),
        };
        if given.is_err() {
            return Some(self.client_left());
        }
        self.passed_on(end)
    }

    fn deliver_trailers(&mut self, mut trailers: HeaderMap) -> Option<Ended> {
        self.progress.answer().trailers(grpc_status(&trailers));
        self.judge.sift_answer(&mut trailers);
        if self.dialogue.client.offer_trailers(trailers).is_err() {
            return Some(self.client_left());
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
