//! How do bytes travel, once a connection to a backend is there? One loop that waits for both sides and hands each what the other said.
//!
//! No buffering beyond one piece per direction, so a slow reader slows its sender down. Which timer counts, and what an end means, the core
//! says (`request::Progress`); here is only the waiting and the writing. The client is watched while the backend thinks, and while it takes
//! what it is given: one that leaves ends the attempt.
//!
//! The invariant: a response that broke off is never completed towards the client as if it were whole.

mod judging;
mod request;
mod response;

pub(super) use judging::{Judging, Rival, Shown, Verdict, Won};

use super::backend::{BackendSide, FromBackend};
use super::dialogue::Dialogue;
use crate::clock::Clock;
use crate::proxy::connection_pool::cut::{Cut, cut};
use crate::proxy::downstream::FromClient;
use judging::poll_rival;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::{Action, Clear, Ended, Expectation, Progress};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// How a relay ended.
pub(super) enum Relayed {
    Ended(Ended),
    /// The answer was not wanted, and this is to be done instead.
    Elsewhere(Action),
}

pub(super) struct Relay<'a, 'c, 'r, J> {
    pub dialogue: &'a mut Dialogue<'c>,
    pub backend: &'a mut BackendSide,
    pub judge: &'a mut J,
    /// Where the backend's connections end with it.
    pub cut: Option<Cut>,
    /// Who is asked too.
    pub rival: Option<Rival<'r>>,
    /// After how long somebody may be.
    pub hedge_after: Option<Duration>,
    pub clock: Clock,
    /// Who says the 100 that the client waits for.
    pub expectation: Expectation,
    pub progress: Progress,
}

enum Step {
    Backend(FromBackend),
    Client(FromClient),
    Rival(Option<Won>),
    Cut,
    /// A deadline may have passed.
    Alarm,
}

impl<'r, J: Judging<'r>> Relay<'_, '_, 'r, J> {
    pub(super) async fn run(mut self) -> Relayed {
        let relayed = self.relay().await;
        if self.progress.stall().is_any() {
            self.dialogue.stalled += self.progress.stall().took(self.clock.now());
        }
        relayed
    }

    /// The backend has been told the request's head.
    async fn relay(&mut self) -> Relayed {
        if let Some(ended) = self.begin() {
            return Relayed::Ended(ended);
        }
        let mut hedge_at = self.hedge_after.map_or(Timestamp::NEVER, |after| self.clock.now() + after);
        loop {
            let now = self.clock.now();
            let deadline = self.deadline();
            if now >= deadline {
                // A side that always has something ready must not keep the timer from being asked.
                return Relayed::Ended(self.progress.timed_out(now, self.clear()));
            }
            if now >= hedge_at {
                hedge_at = Timestamp::NEVER;
                self.ask_another();
            }
            let go_ahead_by = self.progress.interims().go_ahead_by();
            if now >= go_ahead_by {
                match self.go_ahead() {
                    Some(ended) => return Relayed::Ended(ended),
                    None => continue,
                }
            }
            let step = self.step(self.clock.instant(deadline.min(hedge_at).min(go_ahead_by))).await;
            // An interim answer is a sign of life that counts for nothing: else whoever has no answer could go on for ever.
            let moves = !matches!(step, Step::Alarm | Step::Backend(FromBackend::Interim(_)));
            if let Some(relayed) = self.take(step) {
                return relayed;
            }
            // Moved on only when the other side has taken it: one side's slowness is not the other's silence.
            if moves {
                self.progress.moved(self.dialogue.client.is_clear(), self.clock.now());
            }
        }
    }

    /// Whatever comes first.
    async fn step(&mut self, until: Instant) -> Step {
        let read = self.progress.read(self.backend.is_clear());
        let (answers, listen) = (!self.progress.is_complete(), self.dialogue.client.is_clear());
        let Self { dialogue, backend, rival, cut: on_down, .. } = self;
        let mut cut = pin!(cut(on_down));
        poll_fn(|cx| {
            // First: a backend that always has something to say must not be heard instead.
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Step::Cut);
            }
            if answers && let Poll::Ready(said) = backend.poll_next(listen, cx) {
                return Poll::Ready(Step::Backend(said));
            }
            if let Poll::Ready(said) = dialogue.client.poll_next(read, cx) {
                return Poll::Ready(Step::Client(said));
            }
            if let Poll::Ready(answer) = poll_rival(rival, cx) {
                return Poll::Ready(Step::Rival(answer));
            }
            dialogue.alarm.poll(until, cx).map(|()| Step::Alarm)
        })
        .await
    }

    fn take(&mut self, step: Step) -> Option<Relayed> {
        match step {
            Step::Backend(said) => self.take_response(said),
            Step::Client(said) => self.take_request(said).map(Relayed::Ended),
            Step::Rival(answer) => self.take_rival(answer),
            Step::Cut => Some(Relayed::Ended(self.progress.cut_off())),
            Step::Alarm => None,
        }
    }

    fn ask_another(&mut self) {
        if !self.progress.has_begun() {
            self.rival = self.judge.late(self.dialogue.client.head());
        }
    }

    fn deadline(&self) -> Timestamp {
        self.progress.deadline(self.backend.is_clear())
    }

    fn clear(&self) -> Clear {
        Clear { client: self.dialogue.client.is_clear(), backend: self.backend.is_clear() }
    }

    fn client_left(&self) -> Ended {
        self.progress.client_left(self.clock.now())
    }
}
