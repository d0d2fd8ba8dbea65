//! How do bytes travel, once a connection to a backend is there? One loop that reads both sides and writes to the other.
//!
//! No buffering beyond one chunk per direction, so a slow reader slows its sender down. Three timers, of which the nearest counts:
//! per try (from the request being fully sent to the head of the response), idle (between bytes), total. The client is
//! watched while the backend thinks: one that leaves ends the attempt.
//!
//! The invariant: a response that broke off is never completed towards the client as if it were whole.

use super::ends;
use super::replay::Replay;
use crate::control::Clock;
use crate::domain::outcome::AttemptEnd;
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::HttpSession;
use pingora::protocols::http::{HttpTask, ServerSession};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{sleep_until, timeout};

/// Interim answers of one attempt. A few are usual; more is somebody who wants to be parsed for ever.
const INTERIM_ANSWERS: u32 = 32;

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
}

impl Relayed {
    /// Nothing reached the client.
    pub(super) fn nothing(end: AttemptEnd) -> Self {
        Self { end, begun: false, whole: false, sent_whole: false, refusal: None, head_after: None }
    }
}

pub(super) struct Relay<'a, R> {
    pub session: &'a mut ServerSession,
    pub upstream: &'a mut HttpSession,
    pub replay: &'a mut Replay,
    pub receiver: &'a mut R,
    pub bounds: Bounds,
    pub clock: Clock,
    pub reused: bool,
    /// The client waits for a 100.
    pub expects_continue: bool,
    /// It has got one.
    pub continued: &'a mut bool,
    pub state: State,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The request is fully sent (or cannot be sent any further).
    request_done: bool,
    /// The upstream took no more of the body; its answer is awaited all the same.
    upload_broken: bool,
    sent_at: Timestamp,
    last_progress: Timestamp,
    received: u64,
    interim: u32,
    status: Option<u16>,
    upgraded: bool,
    /// The response said how long it is.
    sized: bool,
    head_after: Option<Duration>,
}

impl<R: Receive> Relay<'_, R> {
    pub(super) async fn run(mut self, head: Box<RequestHeader>) -> Relayed {
        self.state.sent_at = self.clock.now();
        self.state.last_progress = self.state.sent_at;
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
            let watch_only = self.state.request_done && !self.state.upgraded;
            let step = tokio::select! {
                biased;
                task = self.upstream.read_response_task() => match task {
                    Ok(task) => Step::Response(task),
                    Err(error) => Step::BackendBroke(error),
                },
                // What is left of a body that the backend no longer takes stays unread: its bytes are no sign of life.
                chunk = self.session.read_body_or_idle(watch_only), if !self.state.upload_broken => match chunk {
                    Ok(chunk) => Step::Request(chunk),
                    Err(error) if ends::is_malformed_body(&error) => Step::Malformed,
                    Err(_) => Step::ClientLeft,
                },
                () = timer.as_mut() => continue,
            };
            if let Some(relayed) = self.take(step).await {
                return relayed;
            }
            // Moved on only when the other side has taken it: one side's slowness is not the other's silence.
            self.state.last_progress = self.clock.now();
        }
    }

    /// How long one write may take.
    fn write_time(&self) -> Duration {
        let left = self.bounds.total.since(self.clock.now());
        if self.state.upgraded { self.bounds.idle } else { self.bounds.idle.min(left) }
    }

    async fn take(&mut self, step: Step) -> Option<Relayed> {
        match step {
            Step::Response(task) => self.take_response(task).await,
            Step::Request(chunk) => self.take_request(chunk).await,
            Step::BackendBroke(error) => Some(self.backend_broke(&error)),
            Step::ClientLeft => Some(self.client_left()),
            Step::Malformed => Some(self.refused(Problem::MalformedRequest)),
        }
    }

    // ------------------------------------------------------------ request

    /// The head, and what an earlier attempt has read of the body already.
    async fn send_head(&mut self, head: Box<RequestHeader>) -> Result<(), Relayed> {
        let sent = timeout(self.write_time(), async {
            self.upstream.write_request_header(head).await?;
            // Empty, it would end a chunked body.
            if !self.replay.kept().is_empty() {
                self.upstream.write_body(self.replay.kept()).await?;
            }
            pingora::Result::<()>::Ok(())
        })
        .await;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.backend_broke(&error)),
            Err(_) => return Err(self.write_timed_out()),
        }
        if self.replay.complete || self.session.is_body_done() {
            return self.end_request().await.map_or(Ok(()), Err);
        }
        if self.expects_continue && !*self.continued {
            // pingora would take the 100 for an early answer and close the connection behind the real one.
            self.session.set_close_on_response_before_downstream_finish(false);
            match timeout(self.write_time(), self.session.write_continue_response()).await {
                Ok(Ok(_)) => {}
                _ => return Err(self.client_left()),
            }
            *self.continued = true;
        }
        Ok(())
    }

    async fn take_request(&mut self, chunk: Option<Bytes>) -> Option<Relayed> {
        let Some(chunk) = chunk else {
            return if self.state.upgraded { Some(self.tunnel_ended()) } else { self.end_request().await };
        };
        if self.state.upgraded {
            self.upstream.maybe_upgrade_body_writer();
            return self.send_chunk(&chunk).await;
        }
        self.state.received += chunk.len() as u64;
        if self.bounds.body_bytes > 0 && self.state.received > self.bounds.body_bytes {
            return Some(self.refused(Problem::BodyTooLarge));
        }
        self.replay.keep(&chunk);
        if self.state.upload_broken {
            return None;
        }
        // An empty piece means that a chunk's size is not whole yet. Sent on, it would end the body for the backend, which would read
        // what follows as the next request.
        let sent = if chunk.is_empty() { None } else { self.send_chunk(&chunk).await };
        if sent.is_none() && self.session.is_body_done() {
            return self.end_request().await;
        }
        sent
    }

    async fn send_chunk(&mut self, chunk: &Bytes) -> Option<Relayed> {
        match timeout(self.write_time(), self.upstream.write_body(chunk)).await {
            Ok(Ok(_)) => None,
            // It may have answered already and closed its ear: the answer counts.
            Ok(Err(_)) if !self.state.upgraded => {
                self.stop_upload();
                None
            }
            Ok(Err(_)) => Some(self.tunnel_ended()),
            Err(_) => Some(self.write_timed_out()),
        }
    }

    /// The backend took nothing for so long.
    fn write_timed_out(&self) -> Relayed {
        match self.state.status {
            _ if self.clock.now() >= self.bounds.total => self.timed_out(),
            // It answers while it does not read: perhaps it waits for the client to read, as the client waits for it.
            Some(_) => self.ended(AttemptEnd::Ours),
            None => self.ended(AttemptEnd::PerTryTimeout),
        }
    }

    fn stop_upload(&mut self) {
        self.state.upload_broken = true;
        self.state.request_done = true;
        self.state.sent_at = self.clock.now();
        // What is left of the body is not read: the connection cannot carry another request.
        self.session.set_keepalive(None);
    }

    async fn end_request(&mut self) -> Option<Relayed> {
        self.replay.complete = true;
        match timeout(self.write_time(), self.upstream.finish_body()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => self.stop_upload(),
            Err(_) => return Some(self.write_timed_out()),
        }
        self.state.request_done = true;
        self.state.sent_at = self.clock.now();
        None
    }

    // ----------------------------------------------------------- response

    async fn take_response(&mut self, task: HttpTask) -> Option<Relayed> {
        match task {
            HttpTask::Header(head, end) => self.take_head(head, end).await,
            HttpTask::Body(chunk, end) | HttpTask::UpgradedBody(chunk, end) => {
                self.deliver(chunk.unwrap_or_default(), end).await
            }
            HttpTask::Trailer(_) => None,
            HttpTask::Done => self.deliver(Bytes::new(), true).await,
            HttpTask::Failed(error) => Some(self.backend_broke(&error)),
        }
    }

    async fn take_head(&mut self, mut head: Box<ResponseHeader>, end: bool) -> Option<Relayed> {
        let status = head.status.as_u16();
        if (100..200).contains(&status) && status != 101 {
            // We have told the client to go on; other interim answers are for the connection to the backend.
            self.state.interim += 1;
            let flood = self.state.interim > INTERIM_ANSWERS;
            return flood.then(|| self.ended(AttemptEnd::InvalidResponse));
        }
        if status == 101 && !self.upstream.is_upgrade_req() {
            return Some(self.ended(AttemptEnd::InvalidResponse));
        }
        self.state.head_after = Some(self.clock.now().since(self.state.sent_at));
        match self.receiver.receive(&mut head, self.replay.possible()) {
            Reception::Discard => return Some(self.ended(AttemptEnd::Response { status })),
            Reception::Unfit => return Some(self.ended(AttemptEnd::InvalidResponse)),
            Reception::Forward => {}
        }
        self.state.status = Some(status);
        self.state.sized = head.headers.contains_key("content-length");
        if !self.state.request_done && status != 101 {
            // An early answer: the client may still be sending, so this connection ends with it.
            self.session.set_keepalive(None);
        }
        match timeout(self.write_time(), self.session.write_response_header(head)).await {
            Ok(Ok(())) => {}
            _ => return Some(self.client_left()),
        }
        self.state.upgraded = status == 101;
        if end { self.deliver(Bytes::new(), true).await } else { None }
    }

    async fn deliver(&mut self, chunk: Bytes, end: bool) -> Option<Relayed> {
        if !chunk.is_empty() || end {
            match timeout(self.write_time(), self.session.write_response_body(chunk, end)).await {
                Ok(Ok(())) => {}
                _ => return Some(self.client_left()),
            }
        }
        end.then(|| Relayed {
            whole: true,
            ..self.ended(AttemptEnd::Response { status: self.state.status.unwrap_or(502) })
        })
    }

    // --------------------------------------------------------------- ends

    fn ended(&self, end: AttemptEnd) -> Relayed {
        Relayed {
            end,
            begun: self.state.status.is_some(),
            whole: false,
            sent_whole: self.state.request_done && !self.state.upload_broken,
            refusal: None,
            head_after: self.state.head_after,
        }
    }

    fn refused(&self, problem: Problem) -> Relayed {
        Relayed { refusal: (self.state.status.is_none()).then_some(problem), ..self.ended(AttemptEnd::Ours) }
    }

    fn tunnel_ended(&self) -> Relayed {
        Relayed { whole: true, ..self.ended(AttemptEnd::Response { status: 101 }) }
    }

    fn backend_broke(&self, error: &pingora::Error) -> Relayed {
        match self.state.status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            Some(status) => self.ended(AttemptEnd::BrokenBody { status }),
            None => self.ended(super::ends::before_head(error, self.reused)),
        }
    }

    fn client_left(&self) -> Relayed {
        let waited = if self.state.request_done { self.clock.now().since(self.state.sent_at) } else { Duration::ZERO };
        match self.state.status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            status => self.ended(AttemptEnd::ClientAborted { waited, head_seen: status.is_some() }),
        }
    }

    fn timed_out(&self) -> Relayed {
        let now = self.clock.now();
        match self.state.status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            // Silence blames a backend that owes bytes; a stream may have nothing to say.
            Some(status) if now < self.bounds.total && self.state.sized && self.state.request_done => {
                self.ended(AttemptEnd::BrokenBody { status })
            }
            Some(_) => self.ended(AttemptEnd::Ours),
            None if now >= self.bounds.total => {
                let waited = if self.state.request_done { now.since(self.state.sent_at) } else { Duration::ZERO };
                let end = AttemptEnd::ClientAborted { waited, head_seen: false };
                Relayed { refusal: Some(Problem::TotalTimeout), ..self.ended(end) }
            }
            None if !self.state.request_done => self.refused(Problem::RequestTimeout),
            None => self.ended(AttemptEnd::PerTryTimeout),
        }
    }

    /// The nearest of the timers that run now.
    fn deadline(&self) -> Timestamp {
        let state = &self.state;
        if state.upgraded {
            return state.last_progress + self.bounds.idle;
        }
        let next = match (state.status, state.request_done) {
            (None, true) => state.sent_at + self.bounds.per_try,
            (None, false) => state.last_progress + self.bounds.body_idle,
            (Some(_), _) => state.last_progress + self.bounds.idle,
        };
        next.min(self.bounds.total)
    }
}

enum Step {
    Response(HttpTask),
    Request(Option<Bytes>),
    BackendBroke(Box<pingora::Error>),
    ClientLeft,
    /// What the client sends is no body.
    Malformed,
}
