//! Who says what becomes of an answer? Whoever has the relay run; and who else might be asked meanwhile.

use crate::proxy::backend::Connected;
use crate::proxy::message::{AnswerHead, RequestHead};
use crate::proxy::rewrite::{Answered, Interim};
use ::http::HeaderMap;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::{Action, Head};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Judges the answers of an attempt. The request's head is lent, since the relay has the client.
pub(in crate::proxy) trait Judging<'r> {
    fn judge(&mut self, shown: Shown<'_>) -> Verdict;

    /// The answer as the client gets it.
    fn answered<'h>(&'h self, head: &'h AnswerHead) -> Answered<'h>;

    /// An interim answer as the client gets it; `None`: it is none of the client's.
    fn interim<'h>(&'h mut self, head: &'h AnswerHead) -> Option<Interim<'h>>;

    /// Leaves of the client's trailers what may travel.
    fn sift_request(&self, trailers: &mut HeaderMap);

    /// Leaves of the backend's trailers what may travel.
    fn sift_answer(&self, trailers: &mut HeaderMap);

    /// The answer is late: who is asked too, if anybody may be.
    fn late(&mut self, request: &RequestHead) -> Option<Rival<'r>>;

    /// Nothing is to be had of the one that was asked too.
    fn lost(&mut self, request: &RequestHead);
}

/// The final head of an answer.
pub(in crate::proxy) struct Shown<'h> {
    pub head: &'h AnswerHead,
    pub seen: Head,
    /// When it came.
    pub at: Timestamp,
    /// Where the connection belongs that it came over.
    pub shelf: Option<u64>,
    pub request: &'h RequestHead,
}

/// What to do with it.
pub(in crate::proxy) enum Verdict {
    /// Pass it on.
    Deliver,
    /// Nothing of this answer reaches the client: this is to be done instead.
    Elsewhere(Action),
    /// The other one is still awaited.
    Unwanted,
    /// It is no answer to what was asked.
    Unfit,
    /// The client asked for a tunnel, and would take it for one.
    Misleading,
}

/// The rival of an attempt; `None`: it has no answer.
pub(in crate::proxy) type Rival<'r> = Pin<Box<dyn Future<Output = Option<Won>> + Send + 'r>>;

/// The answer of a rival.
pub(in crate::proxy) struct Won {
    pub connected: Connected,
    pub head: AnswerHead,
    /// Nothing follows the head.
    pub end: bool,
}

/// The rival's answer, where there is a rival.
pub(super) fn poll_rival(rival: &mut Option<Rival<'_>>, cx: &mut Context<'_>) -> Poll<Option<Won>> {
    match rival {
        Some(rival) => rival.as_mut().poll(cx),
        None => Poll::Pending,
    }
}
