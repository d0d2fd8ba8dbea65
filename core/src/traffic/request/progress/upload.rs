//! How far has the request come on its way to the backend? Coming, over, sent whole, or broken off: one of them at a time.

use crate::base::time::Timestamp;
use std::time::Duration;

/// The way of one request to one backend.
#[derive(Debug)]
pub struct Upload {
    stage: Stage,
    /// When the request was fully sent; until then, when its sending began.
    sent_at: Timestamp,
    received: u64,
    /// An answer began before all of it was sent, or read for certain.
    overtaken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client sends.
    Coming,
    /// It has sent all, and the backend has not taken all.
    Over,
    Sent,
    /// The backend took no more of it; its answer is awaited all the same.
    Broken,
}

impl Upload {
    pub(super) fn begun(now: Timestamp) -> Self {
        Self { stage: Stage::Coming, sent_at: now, received: 0, overtaken: false }
    }

    /// So many bytes of the body came. False: they are more than `limit`; 0 = no limit.
    pub(super) fn receive(&mut self, bytes: usize, limit: u64) -> bool {
        self.received += bytes as u64;
        limit == 0 || self.received <= limit
    }

    /// So much of the body came during an earlier attempt.
    pub fn came_before(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// Something of the body has come.
    pub(super) fn has_come(&self) -> bool {
        self.received > 0
    }

    /// The client has sent all.
    pub fn over(&mut self) {
        if self.stage == Stage::Coming {
            self.stage = Stage::Over;
        }
    }

    /// The backend has taken all that it was given: its time begins when it has all of the request.
    pub fn taken(&mut self, now: Timestamp) {
        if self.stage == Stage::Over {
            (self.stage, self.sent_at) = (Stage::Sent, now);
        }
    }

    /// The backend takes no more of it.
    pub fn broke(&mut self, now: Timestamp) {
        (self.stage, self.sent_at) = (Stage::Broken, now);
    }

    /// An answer begins. What a backend has not read by then may be the next request to it; so may a body that it was asked about and never said
    /// that it wants (`unanswered`).
    pub(super) fn answered(&mut self, unanswered: bool) {
        self.overtaken |= unanswered || !self.is_done();
    }

    pub(super) fn is_coming(&self) -> bool {
        self.stage == Stage::Coming
    }

    pub fn is_broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    pub(super) fn is_whole(&self) -> bool {
        self.stage == Stage::Sent
    }

    /// It was sent before any answer began: nothing of it is left on the connection.
    pub(super) fn is_settled(&self) -> bool {
        self.is_whole() && !self.overtaken
    }

    /// All of it is sent, or can be sent no further.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Sent | Stage::Broken)
    }

    /// Since it was fully sent, or began to be.
    pub fn since(&self, now: Timestamp) -> Duration {
        now.since(self.sent_at)
    }

    pub(super) fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// How long its client has waited for the backend alone.
    pub(super) fn waited(&self, now: Timestamp) -> Duration {
        if self.is_done() { self.since(now) } else { Duration::ZERO }
    }
}
