//! Who says what becomes of an answer? Whoever has the relay run; and who else might be asked meanwhile.

use crate::proxy::backend::Connected;
use ::http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::{Action, Head};
use std::future::{Future, pending};
use std::pin::Pin;

/// Judges the answers of an attempt. The request's head is lent, since the relay has the client.
pub(in crate::proxy) trait Judging<'r> {
    fn judge(&mut self, shown: Shown<'_>) -> Verdict;

    /// Makes an interim answer fit for the client. False: it is none of the client's.
    fn interim(&mut self, head: &mut ResponseHeader) -> bool;

    /// Leaves of the client's trailers what may travel.
    fn sift_request(&self, trailers: &mut HeaderMap);

    /// Leaves of the backend's trailers what may travel.
    fn sift_answer(&self, trailers: &mut HeaderMap);

    /// The answer is late: who is asked too, if anybody may be.
    fn late(&mut self, request: &RequestHeader) -> Option<Rival<'r>>;

    /// Nothing is to be had of the one that was asked too.
    fn lost(&mut self, request: &RequestHeader);
}

/// The final head of an answer.
pub(in crate::proxy) struct Shown<'h> {
    pub head: &'h mut ResponseHeader,
    pub seen: Head,
    /// When it came.
    pub at: Timestamp,
    /// Where the connection belongs that it came over.
    pub shelf: Option<u64>,
    pub request: &'h RequestHeader,
}

/// What to do with it.
pub(in crate::proxy) enum Verdict {
    /// Pass it on, as it was changed.
    Deliver,
    /// Nothing of this answer reaches the client: this is to be done instead.
    Elsewhere(Action),
    /// The other one is still awaited.
    Unwanted,
    /// It could not be made fit for the client.
    Unfit,
    /// The client asked for a tunnel, and would take it for one.
    Misleading,
}

/// The rival of an attempt; `None`: it has no answer.
pub(in crate::proxy) type Rival<'r> = Pin<Box<dyn Future<Output = Option<Won>> + Send + 'r>>;

/// The answer of a rival.
pub(in crate::proxy) struct Won {
    pub connected: Connected,
    pub head: Box<ResponseHeader>,
    /// Nothing follows the head.
    pub end: bool,
}

/// Waits for the rival, where there is one.
pub(super) async fn rival(rival: &mut Option<Rival<'_>>) -> Option<Won> {
    match rival {
        Some(rival) => rival.await,
        None => pending().await,
    }
}
