//! What waits for an HTTP/2 window? At most one piece of a body per direction, so that a slow reader slows its sender down.
//!
//! h2 itself would take everything and keep it. Here a piece is passed on as the window allows, and nothing more is accepted until
//! it is gone: the invariant that keeps a stream's memory at one piece.

use bytes::Bytes;
use h2::{Error, Reason, SendStream};
use http::HeaderMap;
use std::task::{Context, Poll};

/// The sending half of a stream, with the piece that waits.
pub(super) struct Outbox {
    stream: SendStream<Bytes>,
    waiting: Bytes,
    /// The stream ends behind what waits.
    end: bool,
    trailers: Option<HeaderMap>,
    /// The end has been sent.
    ended: bool,
}

impl Outbox {
    /// `ended`: the head was all.
    pub(super) fn new(stream: SendStream<Bytes>, ended: bool) -> Self {
        Self { stream, waiting: Bytes::new(), end: ended, trailers: None, ended }
    }

    /// Nothing waits: another piece may be offered.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a piece, and passes on what the window allows at once.
    pub(super) fn offer(&mut self, piece: Bytes, end: bool) -> Result<(), Error> {
        self.waiting = piece;
        self.end |= end;
        self.stream.reserve_capacity(self.waiting.len());
        self.pass()
    }

    /// Ends the stream behind what waits.
    pub(super) fn offer_end(&mut self) -> Result<(), Error> {
        self.end = true;
        self.pass()
    }

    /// Ends the stream with `trailers`, behind what waits.
    pub(super) fn offer_trailers(&mut self, trailers: HeaderMap) -> Result<(), Error> {
        self.trailers = Some(trailers);
        self.end = true;
        self.pass()
    }

    /// Ready when some of what waits was passed on; pending while nothing waits.
    pub(super) fn poll_pass(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_clear() {
            return Poll::Pending;
        }
        loop {
            match std::task::ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(0)) => {}
                Some(Ok(_)) => return Poll::Ready(self.pass()),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Err(h2::Reason::STREAM_CLOSED.into())),
            }
        }
    }

    /// Ready when the other side has reset the stream, or its connection is gone; never behind our own end.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, Error>> {
        if self.ended { Poll::Pending } else { self.stream.poll_reset(cx) }
    }

    fn pass(&mut self) -> Result<(), Error> {
        let room = self.stream.capacity().min(self.waiting.len());
        if room > 0 {
            let piece = self.waiting.split_to(room);
            let last = self.waiting.is_empty() && self.end && self.trailers.is_none();
            self.ended |= last;
            self.stream.send_data(piece, last)?;
        }
        if !self.waiting.is_empty() || !self.end || self.ended {
            return Ok(());
        }
        self.ended = true;
        match self.trailers.take() {
            Some(trailers) => self.stream.send_trailers(trailers),
            None => self.stream.send_data(Bytes::new(), true),
        }
    }
}
