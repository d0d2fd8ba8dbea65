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
use judging::rival;
use pingora::http::RequestHeader;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::request::{Action, Clear, Ended, Expectation, Progress};
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep_until;

/// How a relay ended.
pub(super) enum Relayed {
    Ended(Ended),
    /// The answer was not wanted, and this is to be done instead.
    Elsewhere(Action),
}

pub(super) struct Relay<'a, 'r, J> {
    pub dialogue: &'a mut Dialogue,
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
}

impl<'r, J: Judging<'r>> Relay<'_, 'r, J> {
    pub(super) async fn run(mut self, head: Box<RequestHeader>) -> Relayed {
        let relayed = self.relay(head).await;
        if self.progress.stall().is_any() {
            self.dialogue.stalled += self.progress.stall().took(self.clock.now());
        }
        relayed
    }

    async fn relay(&mut self, head: Box<RequestHeader>) -> Relayed {
        if let Err(ended) = self.send_head(head).await {
            return Relayed::Ended(ended);
        }
        let mut hedge_at = self.hedge_after.map_or(Timestamp::NEVER, |after| self.clock.now() + after);
        // One timer for the whole relay: it is moved when it must ring earlier, and looks again when it rings too early.
        let mut timer = pin!(sleep_until(self.clock.instant(self.deadline().min(hedge_at))));
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
            let go_ahead_by = self.progress.go_ahead_by();
            if now >= go_ahead_by {
                match self.go_ahead().await {
                    Some(ended) => return Relayed::Ended(ended),
                    None => continue,
                }
            }
            let at = self.clock.instant(deadline.min(hedge_at).min(go_ahead_by));
            if at < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(at);
            }
            let read = self.progress.read(self.backend.is_clear());
            let (answers, listen) = (!self.progress.is_complete(), self.dialogue.client.is_clear());
            let step = tokio::select! {
                biased;
                // First: a backend that always has something to say must not be heard instead.
                () = cut(&mut self.cut), if self.cut.is_some() => return Relayed::Ended(self.progress.cut_off()),
                said = self.backend.next(listen), if answers => Step::Backend(said),
                said = self.dialogue.client.next(read) => Step::Client(said),
                answer = rival(&mut self.rival), if self.rival.is_some() => Step::Rival(answer),
                () = timer.as_mut() => continue,
            };
            // An interim answer is a sign of life that counts for nothing: else whoever has no answer could go on for ever.
            let moves = !matches!(step, Step::Backend(FromBackend::Interim(_)));
            if let Some(relayed) = self.take(step).await {
                return relayed;
            }
            // Moved on only when the other side has taken it: one side's slowness is not the other's silence.
            if moves {
                self.progress.moved(self.dialogue.client.is_clear(), self.clock.now());
            }
        }
    }

    async fn take(&mut self, step: Step) -> Option<Relayed> {
        match step {
            Step::Backend(said) => self.take_response(said).await,
            Step::Client(said) => self.take_request(said).await.map(Relayed::Ended),
            Step::Rival(answer) => self.take_rival(answer).await,
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

    /// How long one write may take.
    fn write_time(&self) -> Duration {
        self.progress.write_time(self.clock.now())
    }

    fn clear(&self) -> Clear {
        Clear { client: self.dialogue.client.is_clear(), backend: self.backend.is_clear() }
    }

    fn client_stalled(&self) -> Ended {
        self.progress.client_stalled(self.clock.now())
    }

    fn client_left(&self) -> Ended {
        self.progress.client_left(self.clock.now())
    }
}
