//! Who is asked, as the exchange sees it: an HTTP/1 connection that is ours alone, or one stream of a shared HTTP/2 connection.
//!
//! The counterpart of `downstream`: `poll_next`, `offer`, `is_clear`.

mod connect;
mod h1;
mod h2;
mod shared;

use super::message::AnswerHead;
use super::rewrite::Onward;
use super::websocket;
use ::http::HeaderMap;
use bytes::Bytes;
pub(super) use connect::{Connected, Way};
use h1::H1Backend;
use h2::H2Backend;
use pulsegate_core::http::http1::flaw::Malformed;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::outcome::AttemptEnd;
pub(super) use shared::Shared;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// The backend's side of one attempt.
pub(super) enum BackendSide {
    H1(H1Backend),
    H2(Box<H2Backend>),
}

/// What came of the backend.
#[derive(Debug)]
pub(super) enum FromBackend {
    /// The head of an interim answer (1xx, but not 101).
    Interim(AnswerHead),
    /// The head of the answer; `end`: nothing follows it.
    Head { head: AnswerHead, end: bool },
    /// What came is no answer.
    Invalid,
    /// A piece of its body, and whether it is the last.
    Body(Bytes, bool),
    /// Trailers, and with them the end.
    Trailers(HeaderMap),
    /// Some of what was offered has been taken.
    Taken,
    /// It takes no more of the request; its answer counts all the same.
    Deaf,
    /// It broke off before the head of its answer had come.
    Broke(AttemptEnd),
    /// It broke off behind it.
    BrokeOff,
    /// Its trailers are larger than accepted.
    TrailersTooLarge,
}

/// It takes no more of the request.
#[derive(Debug)]
pub(super) struct Deaf;

impl BackendSide {
    /// What comes of the backend next; nothing of its body while `read` is false.
    pub(super) fn poll_next(&mut self, read: bool, cx: &mut Context<'_>) -> Poll<FromBackend> {
        match self {
            Self::H1(backend) => backend.poll_next(read, cx),
            Self::H2(backend) => backend.poll_next(read, cx),
        }
    }

    /// Waits for it. Safe to cancel.
    pub(super) async fn next(&mut self) -> FromBackend {
        poll_fn(|cx| self.poll_next(true, cx)).await
    }

    pub(super) fn is_clear(&self) -> bool {
        match self {
            Self::H1(backend) => backend.is_clear(),
            Self::H2(backend) => backend.is_clear(),
        }
    }

    /// What a request cannot say in HTTP/2: a handshake that we would answer and must refuse, or a host that is not there.
    pub(super) fn refuses(&self, onward: &Onward<'_>) -> Option<Problem> {
        match self {
            Self::H1(_) => None,
            Self::H2(_) if onward.upgrade().is_some() && websocket::lacks_key(onward.head) => {
                Some(Problem::MalformedRequest)
            }
            Self::H2(_) => onward.host().is_empty().then_some(Problem::BadHost),
        }
    }

    /// # Errors
    /// How the attempt ended.
    pub(super) fn send_head(&mut self, onward: &Onward<'_>, end: bool) -> Result<(), AttemptEnd> {
        match self {
            Self::H1(backend) => backend.send_head(onward, end),
            Self::H2(backend) => backend.send_head(onward, end),
        }
    }

    pub(super) fn offer(&mut self, chunk: Bytes) -> Result<(), Deaf> {
        match self {
            Self::H1(backend) => backend.offer(chunk),
            Self::H2(backend) => backend.offer(chunk),
        }
    }

    /// The request is whole; trailers go where the protocol has a place for them.
    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), Deaf> {
        match self {
            Self::H1(backend) => backend.finish(),
            Self::H2(backend) => backend.finish(trailers),
        }
    }

    /// Nothing more comes through the tunnel; its own direction goes on.
    pub(super) fn end_direction(&mut self) -> Result<(), Deaf> {
        match self {
            Self::H1(backend) => backend.end_direction(),
            Self::H2(backend) => backend.finish(None),
        }
    }

    /// Its client has authenticated itself over it.
    pub(super) fn is_bound(&self) -> bool {
        match self {
            Self::H1(backend) => backend.is_bound(),
            Self::H2(_) => false,
        }
    }

    /// Why its answer was refused, if it was.
    pub(super) fn flaw(&self) -> Option<Malformed> {
        match self {
            Self::H1(backend) => backend.flaw(),
            Self::H2(_) => None,
        }
    }

    /// From now on bytes travel as they come.
    pub(super) fn upgrade(&mut self) {
        if let Self::H1(backend) = self {
            backend.upgrade();
        }
    }
}
