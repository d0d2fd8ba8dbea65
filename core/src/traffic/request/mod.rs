//! What becomes of one request, from its route to its end? The machine that decides it, without doing any of it.
//!
//! It is told what has happened ([`Input`]), at what time and before which snapshot ([`Moment`]), and answers with the one thing that is to be
//! done next ([`Action`]). Whoever performs it moves bytes, waits and tells the story; whom to ask, when to wait and until when, whether
//! somebody else is asked, what the budget says, what is written down about a backend and what the client is told is decided here. The
//! proxy performs it with sockets, the rehearsal and the simulation in virtual time.
//!
//! What it holds of an upstream (a place in the queue, one of the requests that may be under way, a place at a backend) it gives back as
//! soon as it can, and at the latest when it is dropped: each exactly once.
//!
//! An input that makes no sense where the machine stands changes nothing: [`Action::Continue`].

mod action;
mod attempt;
mod bounds;
mod client_end;
mod ended;
mod facts;
mod hedge;
mod input;
mod performer;
mod place;
mod places;
mod progress;
mod record;
mod search;
mod seek;
mod stage;
#[cfg(test)]
mod tests;
mod ties;
mod tried;

pub use action::{Action, Attempt, Awaited, Pin, Question, Wait, Way};
pub use bounds::{BodyBounds, Bounds, Call};
pub use client_end::{ClientEnd, Meaning};
pub use ended::{Cut, Ended};
pub use facts::{COPIES_AT_MOST, Facts, Kind, Terms};
pub use input::{Asked, Head, Input};
pub use performer::{Moment, Performer, Recorded};
pub use place::Bell;
pub use progress::{Answer, Clear, Expectation, Expected, Interim, Interims, Progress, Read, Stall, Upload};
pub use ties::{Owner, Ties};

use crate::base::identity::BackendKey;
use crate::http::problem::Problem;
use crate::traffic::outcome::AttemptEnd;
use crate::traffic::retry::StopReason;
use search::Search;
use stage::{Failed, Stage};
use std::sync::Arc;
use std::time::Duration;

/// One request.
#[derive(Debug)]
pub struct Request<B: Bell> {
    facts: Facts,
    search: Search<B>,
    stage: Stage<B>,
    attempts: u32,
    /// The last attempt that failed, of those that somebody else was asked after.
    failed: Option<Failed>,
    retry_stopped: Option<StopReason>,
    waited: Duration,
}

impl<B: Bell> Request<B> {
    pub fn new(facts: Facts) -> Self {
        Self {
            facts,
            search: Search::default(),
            stage: Stage::Fresh,
            attempts: 0,
            failed: None,
            retry_stopped: None,
            waited: Duration::ZERO,
        }
    }

    /// Something has happened. Returns what is to be done now.
    pub fn handle<P: Performer<Bell = B>>(&mut self, input: Input, at: &mut Moment<'_, P>) -> Action {
        match (input, &self.stage) {
            (Input::Begun, Stage::Fresh) => self.begin(at),
            (Input::Answered(Ok(())), Stage::Asking) => self.choose(at),
            (Input::Answered(Err(problem)), Stage::Asking) => self.answer(problem, None),
            (Input::Woken, Stage::Waiting(waiting)) if waiting.is_over(at.now) => self.look_again(true, at),
            (Input::Woken, Stage::Waiting(waiting)) => Action::Wait(waiting.wait),
            (Input::Changed, Stage::Waiting(_)) => self.look_again(false, at),
            (Input::Woken, Stage::Trying(_)) => self.hedge(at),
            (Input::HedgeLost, Stage::Trying(_)) => self.hedge_lost(),
            (Input::Head(head), Stage::Trying(_)) => self.head(head, at),
            (Input::Ended { ended, replayable }, Stage::Trying(_)) => self.ended(ended, replayable, at),
            (Input::ClientLeft, Stage::Trying(trying)) => {
                let ended = trying.left_by_client(at.now);
                self.ended(ended, false, at)
            }
            (Input::ClientLeft, Stage::Fresh | Stage::Asking | Stage::Waiting(_)) => self.client_left(at),
            (_, Stage::Over) => Action::Nothing,
            _ => Action::Continue,
        }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The name of the upstream that takes it, once it is chosen.
    pub fn upstream(&self) -> Option<&Arc<str>> {
        self.search.name(&self.facts)
    }

    /// The backends that it was sent to. One that was asked beside the first is not among them.
    pub fn tried(&self) -> &[BackendKey] {
        self.search.tried()
    }

    /// How many backends it was sent to; one that was asked beside the first counts when it answered first.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why nobody else was asked, where somebody else was wanted.
    pub fn retry_stopped(&self) -> Option<StopReason> {
        self.retry_stopped
    }

    /// How long it has waited for room, for verdicts, or for somebody eligible.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn answer(&mut self, problem: Problem, retry_after: Option<u64>) -> Action {
        self.stage = Stage::Over;
        self.search.leave();
        Action::Answer { problem, retry_after }
    }

    /// The last attempt ended so, and nothing was passed on to the client: it is told by us.
    fn give_up(&mut self, end: &AttemptEnd) -> Action {
        match ended::told(end) {
            Ok(problem) => self.answer(problem, None),
            Err(cut) => self.cut(cut),
        }
    }

    fn cut(&mut self, cut: Cut) -> Action {
        self.stage = Stage::Over;
        self.search.leave();
        Action::Cut(cut)
    }
}
