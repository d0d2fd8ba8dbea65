//! How do bytes travel, once a connection to a backend is there? One loop that waits for both sides and hands each what the other said.
//!
//! No buffering beyond one piece per direction, so a slow reader slows its sender down. Three timers, of which the nearest counts:
//! per try (from the request being fully sent to the head of the response), idle (between bytes), total. The client is
//! watched while the backend thinks: one that leaves ends the attempt.
//!
//! The invariant: a response that broke off is never completed towards the client as if it were whole.

mod end;
mod request;
mod response;

use super::backend::{BackendSide, FromBackend};
use super::hedge::{Rival, Winner, Won, won};
use super::replay::Replay;
use crate::clock::Clock;
use crate::proxy::connection_pool::cut::{Cut, cut};
use crate::proxy::downstream::{ClientSide, FromClient, Read};
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep_until;

/// The bounds of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub per_try: Duration,
    pub idle: Duration,
    /// Silence within the request body.
    pub body_idle: Duration,
    /// When the whole request must be over.
    pub total: Timestamp,
    /// The largest request body, bytes.
    pub body_bytes: u64,
}

/// What to do with a response head.
pub(super) enum Reception {
    /// Forward it, as it was changed.
    Forward,
    /// Somebody else is asked instead; nothing of this response reaches the client.
    Discard,
    /// The head could not be made fit for the client.
    Unfit,
}

/// Receives the final response head of an attempt.
pub(super) trait Receive {
    fn receive(&mut self, head: &mut ResponseHeader, replayable: bool) -> Reception;
}

/// How an attempt ended, as far as the exchange must know.
#[derive(Debug)]
pub(super) struct Relayed {
    pub end: AttemptEnd,
    /// The response had begun towards the client.
    pub begun: bool,
    /// The response was delivered whole.
    pub whole: bool,
    /// The request was sent whole: only then may the connection carry another one. What is missing of a body would be read out
    /// of the next request.
    pub sent_whole: bool,
    /// An answer of our own is due (nothing was written to the client).
    pub refusal: Option<Problem>,
    /// From the request being fully sent to the response head.
    pub head_after: Option<Duration>,
    /// Another backend answered first (`hedge`), and its outcome is written down.
    pub by_rival: bool,
}

impl Relayed {
    /// Nothing reached the client.
    pub(super) fn nothing(end: AttemptEnd) -> Self {
        Self { end, begun: false, whole: false, sent_whole: false, refusal: None, head_after: None, by_rival: false }
    }
}

pub(super) struct Relay<'a, R> {
    pub client: &'a mut ClientSide,
    pub backend: &'a mut BackendSide,
    pub replay: &'a mut Replay,
    pub receiver: &'a mut R,
    pub bounds: Bounds,
    /// Where the backend's connections end with it.
    pub cut: Option<Cut>,
    /// Who is asked too when the answer is late.
    pub rival: Option<Rival<'a>>,
    /// The rival answered first: its place and its shelf are from now on the exchange's.
    pub won: &'a mut Option<Winner>,
    pub clock: Clock,
    /// The client waits for a 100.
    pub expects_continue: bool,
    /// It has got one.
    pub continued: &'a mut bool,
    pub state: State,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// All of the request has come from the client.
    request_over: bool,
    /// The request is fully sent (or cannot be sent any further).
    request_done: bool,
    /// The backend took no more of the body; its answer is awaited all the same.
    upload_broken: bool,
    sent_at: Timestamp,
    last_progress: Timestamp,
    received: u64,
    interim: u32,
    status: Option<u16>,
    /// Said by a gRPC backend in its trailers.
    grpc_status: Option<u16>,
    upgraded: bool,
    /// The response said how long it is.
    sized: bool,
    /// The backend has said all; the client may still have to take it.
    answered: bool,
    head_after: Option<Duration>,
}

impl State {
    /// Of a request that is sent from now on.
    pub(super) fn begun(now: Timestamp) -> Self {
        Self { sent_at: now, last_progress: now, ..Self::default() }
    }
}

enum Step {
    Backend(FromBackend),
    Client(FromClient),
    Rival(Won),
}

impl<R: Receive> Relay<'_, R> {
    pub(super) async fn run(mut self, head: Box<RequestHeader>) -> Relayed {
        if let Err(relayed) = self.send_head(head).await {
            return relayed;
        }
        // One timer for the whole relay: it is moved when it must ring earlier, and looks again when it rings too early.
        let mut timer = pin!(sleep_until(self.clock.instant(self.deadline())));
        loop {
            let now = self.clock.now();
            let deadline = self.deadline();
            if now >= deadline {
                // A side that always has something ready must not keep the timer from being asked.
                return self.timed_out();
            }
            let at = self.clock.instant(deadline);
            if at < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(at);
            }
            let (read, listen) = (self.read(), !self.state.answered && self.client.is_clear());
            let step = tokio::select! {
                biased;
                // First: a backend that always has something to say must not be heard instead.
                () = cut(&mut self.cut), if self.cut.is_some() => return self.cut_off(),
                said = self.backend.next(listen), if !self.state.answered => Step::Backend(said),
                said = self.client.next(read) => Step::Client(said),
                rival = won(&mut self.rival), if self.rival.is_some() && self.state.status.is_none() => Step::Rival(rival),
                () = timer.as_mut() => continue,
            };
            if let Some(relayed) = self.take(step).await {
                return relayed;
            }
            // Moved on only when the other side has taken it: one side's slowness is not the other's silence.
            self.state.last_progress = self.clock.now();
        }
    }

    async fn take(&mut self, step: Step) -> Option<Relayed> {
        match step {
            Step::Backend(said) => self.take_response(said).await,
            Step::Client(said) => self.take_request(said).await,
            Step::Rival(won) => self.take_rival(won).await,
        }
    }

    /// What is awaited of the client. What is left of a body that the backend no longer takes stays unread.
    fn read(&self) -> Read {
        match self.state.request_over {
            _ if self.state.upgraded => Read::Body,
            _ if self.state.upload_broken => Read::Nothing,
            true => Read::Watch,
            false if self.backend.is_clear() => Read::Body,
            false => Read::Nothing,
        }
    }

    /// How long one write may take.
    fn write_time(&self) -> Duration {
        let left = self.bounds.total.since(self.clock.now());
        if self.state.upgraded { self.bounds.idle } else { self.bounds.idle.min(left) }
    }

    /// The nearest of the timers that run now.
    fn deadline(&self) -> Timestamp {
        let state = &self.state;
        if state.upgraded {
            return state.last_progress + self.bounds.idle;
        }
        let next = match (state.status, state.request_done) {
            (None, true) => state.sent_at + self.bounds.per_try,
            (None, false) if self.backend.is_clear() => state.last_progress + self.bounds.body_idle,
            (None, false) | (Some(_), _) => state.last_progress + self.bounds.idle,
        };
        next.min(self.bounds.total)
    }
}
