//! How far has one attempt come, and what would its end mean now? The request's way and the answer's, each in one state at a time, and the
//! timers that follow from them.
//!
//! Whoever moves the bytes says what it has seen; what that means for the backend and for the client is said here. Whether a side is
//! *clear* (has taken all that it was given) is for the one to know who holds its bytes.

mod answer;
mod interim;
mod stall;
mod upload;

use super::bounds::Bounds;
use super::ended::Ended;
use crate::base::time::Timestamp;
use crate::http::problem::Problem;
use crate::traffic::outcome::{AttemptEnd, LetGo};
pub use answer::Answer;
use answer::{Said, Speaking};
pub use interim::{Expectation, Expected, Interim, Interims};
pub use stall::Stall;
use std::time::Duration;
pub use upload::Upload;

/// One attempt, over a connection that is there.
#[derive(Debug)]
pub struct Progress {
    bounds: Bounds,
    upload: Upload,
    answer: Answer,
    /// When the last piece was passed on.
    moved_at: Timestamp,
    interims: Interims,
    stall: Stall,
}

/// What is awaited of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The body's next bytes.
    Body,
    /// The client's leaving; nothing else is expected.
    Watch,
    /// Nothing that the client sends: its bytes are no sign of life. Its leaving is one all the same.
    Nothing,
    /// Its reset alone: what it has sent or ended waits for its turn, or has had it.
    Reset,
}

/// Which sides have taken all that they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clear {
    pub client: bool,
    pub backend: bool,
}

impl Progress {
    /// Of a request that is sent from now on.
    pub fn begun(bounds: Bounds, now: Timestamp) -> Self {
        Self {
            bounds,
            upload: Upload::begun(now),
            answer: Answer::Awaited,
            moved_at: now,
            interims: Interims::none(bounds.expect_continue),
            stall: Stall::default(),
        }
    }

    // ------------------------------------------------------------- what was seen

    /// So many bytes of the body came.
    ///
    /// # Errors
    /// They are more than accepted.
    pub fn receive(&mut self, bytes: usize) -> Result<(), Ended> {
        // Whoever sends waits no more to be told to.
        self.interims.await_no_more();
        let accepted = self.upload.receive(bytes, self.bounds.body.bytes);
        if accepted { Ok(()) } else { Err(self.refused(Problem::BodyTooLarge)) }
    }

    /// How long the client has kept its answer waiting.
    pub fn stall(&mut self) -> &mut Stall {
        &mut self.stall
    }

    /// The way of the answer.
    pub fn answer(&mut self) -> &mut Answer {
        &mut self.answer
    }

    /// The way of the request.
    pub fn upload(&mut self) -> &mut Upload {
        &mut self.upload
    }

    /// What comes before the answer.
    pub fn interims(&mut self) -> &mut Interims {
        &mut self.interims
    }

    /// An interim answer came; it moves no deadline.
    ///
    /// # Errors
    /// They are too many.
    pub fn interim_answer(&mut self, status: u16) -> Result<Interim, Ended> {
        self.interims.take(status).ok_or_else(|| self.broke(AttemptEnd::InvalidResponse))
    }

    /// The head of an answer that the client is to have. `sized`: it says how long it is.
    pub fn begin_answer(&mut self, status: u16, sized: bool, grpc_status: Option<u16>) {
        self.answer = Answer::Begun(Said { status, sized, grpc_status });
        self.interims.await_no_more();
        self.upload.answered(self.interims.is_unanswered());
    }

    /// Something was passed on: one side's slowness is not the other's silence.
    pub fn moved(&mut self, client_is_clear: bool, now: Timestamp) {
        self.moved_at = now;
        if client_is_clear { self.stall.ends(now) } else { self.stall.begins(now) }
    }

    // ---------------------------------------------------------- where it stands

    pub fn is_tunnel(&self) -> bool {
        matches!(self.answer, Answer::Tunnel(_))
    }

    /// The head of an answer is on its way to the client.
    pub fn has_begun(&self) -> bool {
        self.answer != Answer::Awaited
    }

    /// The backend has said all.
    pub fn is_complete(&self) -> bool {
        matches!(self.answer, Answer::Complete(_) | Answer::Tunnel(Speaking::Client))
    }

    /// What is awaited of the client. What is left of a body that the backend no longer takes stays unread.
    pub fn read(&self, backend_is_clear: bool) -> Read {
        match self.upload.is_coming() {
            _ if self.is_tunnel() && (self.answer == Answer::Tunnel(Speaking::Backend) || !backend_is_clear) => {
                Read::Reset
            }
            _ if self.is_tunnel() => Read::Body,
            false if self.upload.is_broken() => Read::Nothing,
            false => Read::Watch,
            true if backend_is_clear => Read::Body,
            true => Read::Nothing,
        }
    }

    /// What is awaited of the client while the backend is given something.
    pub fn read_meanwhile(&self) -> Read {
        if self.is_tunnel() { Read::Reset } else { Read::Nothing }
    }

    /// When the client is told to send its body, whatever the backend says; never, where it does not wait for that.
    pub fn go_ahead_by(&self) -> Timestamp {
        if self.upload.is_coming() { self.interims.go_ahead_by() } else { Timestamp::NEVER }
    }

    /// The nearest of the timers that run now.
    pub fn deadline(&self, backend_is_clear: bool) -> Timestamp {
        if self.is_tunnel() {
            return self.moved_at + self.bounds.idle;
        }
        let next = match (self.has_begun(), self.upload.is_done()) {
            (false, true) => self.upload.sent_at() + self.bounds.per_try,
            // The client waits for the backend's word.
            (false, false) if self.interims.is_go_ahead_awaited() => self.upload.sent_at() + self.bounds.per_try,
            (false, false) if backend_is_clear && self.upload.has_come() => self.moved_at + self.bounds.pause,
            (false, false) if backend_is_clear => self.moved_at + self.bounds.body.idle,
            (false, false) | (true, _) => self.moved_at + self.bounds.idle,
        };
        next.min(self.bounds.total)
    }

    /// How long one write may take.
    pub fn write_time(&self, now: Timestamp) -> Duration {
        let left = self.bounds.total.since(now);
        if self.is_tunnel() { self.bounds.idle } else { self.bounds.idle.min(left) }
    }

    // ------------------------------------------------------------ how it ends

    /// All was said, and all was taken: the attempt is over.
    pub fn delivered(&self, client_is_clear: bool) -> Option<Ended> {
        match self.answer {
            Answer::Complete(said) if client_is_clear => Some(self.whole(said.end())),
            _ => None,
        }
    }

    /// A tunnel broke off or fell silent, as tunnels do.
    pub fn tunnel_ended(&self) -> Ended {
        self.whole(AttemptEnd::Response { status: 101 })
    }

    /// It ended so, wherever it was.
    pub fn broke(&self, end: AttemptEnd) -> Ended {
        if self.has_begun() { Ended::Broken(end) } else { Ended::Unanswered(end) }
    }

    /// The backend broke off behind the head of its answer.
    pub fn broke_off(&self) -> Ended {
        match self.answer {
            Answer::Tunnel(_) => self.tunnel_ended(),
            Answer::Begun(said) | Answer::Complete(said) => {
                Ended::Broken(AttemptEnd::BrokenBody { status: said.status })
            }
            // Of a head that nobody has seen.
            Answer::Awaited => Ended::Unanswered(AttemptEnd::InvalidResponse),
        }
    }

    /// The backend went down, and its connections with it.
    pub fn cut_off(&self) -> Ended {
        if self.is_tunnel() { self.tunnel_ended() } else { self.broke(AttemptEnd::CutOff) }
    }

    pub fn client_left(&self, now: Timestamp) -> Ended {
        if self.is_tunnel() {
            return self.tunnel_ended();
        }
        self.broke(AttemptEnd::ClientAborted { waited: self.upload.waited(now), head_seen: self.has_begun() })
    }

    /// The client takes nothing of what there is for it.
    pub fn client_stalled(&self, now: Timestamp) -> Ended {
        let why = if now >= self.bounds.total { self.bounds.time_up } else { LetGo::ClientStalled };
        if self.is_tunnel() { self.tunnel_ended() } else { self.broke(self.let_go(why, now)) }
    }

    /// The request is at fault: we answer, where that is still possible.
    pub fn refused(&self, problem: Problem) -> Ended {
        if self.has_begun() {
            Ended::Broken(AttemptEnd::Ours)
        } else {
            Ended::Refused { problem, end: AttemptEnd::Ours }
        }
    }

    /// An answer came that its client would take for a tunnel which is not there: the backend has only answered another question.
    pub fn misled(&self, status: u16) -> Ended {
        Ended::Refused { problem: Problem::UpgradeRefused, end: AttemptEnd::Response { status } }
    }

    /// A timer rang.
    pub fn timed_out(&self, now: Timestamp, clear: Clear) -> Ended {
        match self.answer {
            Answer::Tunnel(_) => self.tunnel_ended(),
            Answer::Begun(said) | Answer::Complete(said) => self.timed_out_within(said, now, clear),
            Answer::Awaited if now >= self.bounds.total => {
                Ended::Refused { problem: self.bounds.problem(), end: self.let_go(self.bounds.time_up, now) }
            }
            // The client owes the rest of its request, unless it is the backend that does not read.
            Answer::Awaited if !self.upload.is_done() && !self.interims.is_go_ahead_awaited() && clear.backend => {
                self.refused(Problem::RequestTimeout)
            }
            Answer::Awaited => Ended::Unanswered(AttemptEnd::PerTryTimeout),
        }
    }

    fn timed_out_within(&self, said: Said, now: Timestamp, clear: Clear) -> Ended {
        if now >= self.bounds.total || !clear.client {
            return self.client_stalled(now);
        }
        // Silence blames a backend that owes bytes; a stream may have nothing to say.
        let owes = said.sized && self.upload.is_done();
        Ended::Broken(match owes {
            true => AttemptEnd::BrokenBody { status: said.status },
            false => self.let_go(LetGo::IdleTimeout, now),
        })
    }

    /// The backend took nothing for as long as one write may take.
    pub fn write_timed_out(&self, now: Timestamp, clear: Clear) -> Ended {
        if now >= self.bounds.total {
            return self.timed_out(now, clear);
        }
        // It answers while it does not read: perhaps it waits for the client to read, as the client waits for it.
        self.broke(if self.has_begun() { self.let_go(LetGo::IdleTimeout, now) } else { AttemptEnd::PerTryTimeout })
    }

    fn whole(&self, end: AttemptEnd) -> Ended {
        Ended::Whole { end, sent: self.upload.is_whole(), reusable: self.upload.is_settled() }
    }

    fn let_go(&self, why: LetGo, now: Timestamp) -> AttemptEnd {
        AttemptEnd::LetGo { why, waited: self.upload.waited(now), head_seen: self.has_begun() }
    }
}

#[cfg(test)]
mod tests;
