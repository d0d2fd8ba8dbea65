//! What happens in one attempt? A connection, the relay, and the outcome written down for the board.

use super::exchange::Exchange;
use super::heads::{self, Body};
use super::hedge::Winner;
use super::relay::{Bounds, Receive, Reception, Relay, Relayed, State};
use crate::clock::Clock;
use crate::proxy::connection_pool::connect::Connected;
use crate::proxy::connection_pool::cut::Cut;
use crate::telemetry::Try;
use http::{Method, Version};
use pingora::http::ResponseHeader;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::{Forward, RoutePlan};
use pulsegate_core::traffic::cell::{Nudge, NudgeKind, Record};
use pulsegate_core::traffic::endpoint::Lease;
use pulsegate_core::traffic::outcome::{AttemptEnd, Outcome, classify};
use pulsegate_core::traffic::retry::{
    AfterAttempt, Next, SLOW_AFTER, StopReason, decide, is_idempotent, time_left, within_budget,
};
use pulsegate_core::traffic::snapshot::Pool;
use std::sync::Arc;
use std::time::Duration;

/// How an attempt left the request.
pub(super) struct Attempted {
    pub relayed: Relayed,
    pub next: Next,
}

/// Whom an attempt asks, and on whose terms.
pub(super) struct Choice<'a> {
    pub pool: &'a Arc<Pool>,
    pub lease: &'a Lease,
    pub route: &'a RoutePlan,
    pub forward: &'a Forward,
    /// The client gets a cookie that binds it to this backend.
    pub new_pin: bool,
}

impl Exchange<'_> {
    /// Makes one attempt at the leased backend and records its outcome.
    pub(super) async fn attempt(&mut self, choice: &Choice<'_>) -> Attempted {
        let began = self.clock().now();
        self.story.attempts += 1;
        self.story.backend = Some(choice.lease.member.id.address.clone());
        self.begin_span();
        let (mut relayed, mut next) = self.over(self.rested(choice), choice, began).await;
        if self.lost_a_race(&relayed) {
            // The backend closed an idle connection just as we used it: both were right, and it is asked again over a new one.
            if !choice.lease.trial {
                self.record(choice, &relayed, began);
            }
            (relayed, next) = self.over(None, choice, began).await;
        }
        if !relayed.by_rival {
            self.record(choice, &relayed, began);
            self.note(choice, &relayed.end, began, self.span());
        }
        Attempted { relayed, next }
    }

    /// Over this connection, or a new one.
    async fn over(&mut self, rested: Option<Connected>, choice: &Choice<'_>, began: Timestamp) -> (Relayed, Next) {
        let connected = match rested {
            Some(connected) => Ok(connected),
            None => self.connect_timed(choice).await,
        };
        match connected {
            Ok(connected) => self.converse(choice, connected, began).await,
            Err(relayed) => {
                let next = self.next(&relayed.end, choice);
                (relayed, next)
            }
        }
    }

    async fn connect_timed(&mut self, choice: &Choice<'_>) -> Result<Connected, Relayed> {
        let began = self.clock().now();
        let connected = self.connect(choice).await;
        self.story.upstream_wait += self.clock().now().since(began);
        connected
    }

    fn lost_a_race(&self, relayed: &Relayed) -> bool {
        let again = match relayed.end {
            AttemptEnd::ResetBeforeHead { reused: true } => is_idempotent(self.client.head().method.as_str()),
            AttemptEnd::NotProcessed { goodbye } => goodbye,
            _ => false,
        };
        again && self.replay.possible()
    }

    /// Sends the request and relays the answer; a connection that is still good goes back to its pool.
    async fn converse(&mut self, choice: &Choice<'_>, mut connected: Connected, began: Timestamp) -> (Relayed, Next) {
        let (request, body) = (self.client.head(), self.client.body());
        let head = heads::request(request, body, &self.target, &self.asker, choice.route, choice.forward, self.facts);
        let Ok(head) = head else {
            return (Relayed::nothing(AttemptEnd::Ours), Next::Stop(StopReason::NotRetriable));
        };
        let expects_continue = heads::expects_continue(request, body);
        let (bounds, clock) = (self.bounds(choice.route), self.clock());
        let asked = clock.now();
        let (rival, mut won) = (self.rival(choice), None);
        let mut receiver = Receiver {
            method: request.method.clone(),
            version: request.version,
            request_id: &self.asker.request_id,
            choice,
            cookie: self.cookie(choice),
            attempts: self.story.attempts,
            untried_left: choice.pool.balancer.has_untried(&self.tried),
            clock,
            deadline: self.deadline(choice.route),
            heard: Heard::default(),
        };
        let relay = Relay {
            client: &mut self.client,
            backend: &mut connected.backend,
            replay: &mut self.replay,
            receiver: &mut receiver,
            bounds,
            cut: Cut::of(choice.pool, &choice.lease.member, &self.proxy.handle),
            rival,
            won: &mut won,
            clock,
            expects_continue,
            continued: &mut self.continued,
            state: State::begun(asked),
        };
        let mut relayed = relay.run(head).await;
        let heard = receiver.heard;
        self.story.head_at = heard.ready_at.or(heard.head_at);
        self.story.upstream_wait += heard.head_at.unwrap_or_else(|| clock.now()).since(asked);
        if heard.drain_asked && !self.is_copy {
            self.proxy.handle.nudge(Nudge { backend: choice.lease.member.key, kind: NudgeKind::DrainAsked });
        }
        if let Some(flaw) = connected.backend.flaw() {
            log::debug!("attempt {} at {}: {flaw}", self.story.attempts, choice.lease.member.id);
        }
        if let Some(Winner { place, shelf, span }) = won {
            connected.shelf = shelf;
            relayed.by_rival = true;
            let winner = Choice { lease: &place.lease, ..*choice };
            self.outrun(choice, (&winner, span), &relayed, began);
        }
        self.lay_down(connected, &relayed, choice).await;
        let next = match heard.next {
            Some(next) => next,
            None if relayed.begun => Next::Stop(StopReason::NotRetriable),
            None => self.next(&relayed.end, choice),
        };
        (relayed, next)
    }

    /// The rival answered first: the outcome is its own. The one that was too slow was left as an impatient client leaves.
    fn outrun(&mut self, slow: &Choice<'_>, (winner, span): (&Choice<'_>, u64), relayed: &Relayed, began: Timestamp) {
        let waited = self.clock().now().since(began);
        let left = Relayed::nothing(AttemptEnd::ClientAborted { waited, head_seen: false });
        self.record(slow, &left, began);
        self.note(slow, &left.end, began, self.span());
        self.record(winner, relayed, began);
        self.note(winner, &relayed.end, began, span);
        self.story.attempts += 1;
        self.story.backend = Some(winner.lease.member.id.address.clone());
    }

    fn bounds(&self, route: &RoutePlan) -> Bounds {
        let limits = &self.facts.listener.limits;
        // A gRPC server may keep its head until it has a message, and a stream of messages may pause: its caller's deadline
        // decides, and where it has none, silence.
        let silence =
            self.call.map(|call| call.timeout.map_or(route.timeouts.idle, |own| own.max(route.timeouts.idle)));
        Bounds {
            per_try: silence.or(route.timeouts.per_try).unwrap_or(Duration::MAX),
            idle: silence.unwrap_or(route.timeouts.idle),
            body_idle: silence.unwrap_or(limits.body_idle_timeout),
            total: self.deadline(route),
            body_bytes: limits.body_bytes,
        }
    }

    fn cookie(&self, choice: &Choice<'_>) -> Option<String> {
        let plan = choice.pool.upstream.balance.sticky.as_ref().filter(|_| choice.new_pin)?;
        Some(self.proxy.pin(plan, choice.lease.member.key))
    }

    /// The domain's decision, and the budget's where a token is needed.
    fn next(&self, end: &AttemptEnd, choice: &Choice<'_>) -> Next {
        let now = self.clock().now();
        let after = AfterAttempt {
            end,
            idempotent: is_idempotent(self.client.head().method.as_str()),
            replayable: self.replay.possible(),
            never_sent: end.never_processed(),
            attempts: self.story.attempts,
            untried_left: self.untried_left(end, choice),
            time_left: time_left(now, self.deadline(choice.route)),
        };
        within_budget(decide(&after, &choice.route.retries), &choice.pool.budget, now)
    }

    /// After a cut, the pool that was chosen from is no more: who serves now counts, a backup perhaps.
    fn untried_left(&self, end: &AttemptEnd, choice: &Choice<'_>) -> bool {
        if *end != AttemptEnd::CutOff {
            return choice.pool.balancer.has_untried(&self.tried);
        }
        let snapshot = self.proxy.handle.snapshot();
        let now = snapshot.pools.iter().find(|pool| pool.upstream.name == choice.pool.upstream.name);
        now.is_some_and(|pool| pool.balancer.has_untried(&self.tried))
    }

    /// For the request's line.
    fn note(&mut self, choice: &Choice<'_>, end: &AttemptEnd, began: Timestamp, span: u64) {
        let took = self.clock().now().since(began);
        let backend = choice.lease.member.id.address.clone();
        let recorded = self.asker.trace.is_some_and(|trace| trace.is_recorded());
        let url = recorded.then(|| {
            let scheme = if choice.pool.upstream.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{backend}{}", heads::rewritten_path(&self.target, choice.route, choice.forward))
        });
        self.story.tries.push(Try { backend, end: end.clone(), began, took, span, url });
    }

    /// The attempt has a span of its own, of which the backend's is a child.
    pub(super) fn begin_span(&mut self) {
        if let Some(trace) = self.asker.trace.as_mut().filter(|trace| trace.is_recorded()) {
            trace.told.span = fastrand::u64(1..);
        }
    }

    pub(super) fn span(&self) -> u64 {
        self.asker.trace.map_or(0, |trace| trace.told.span)
    }

    fn record(&self, choice: &Choice<'_>, relayed: &Relayed, began: Timestamp) {
        if self.is_copy {
            return;
        }
        let now = self.clock().now();
        let outcome = classify(&relayed.end, SLOW_AFTER);
        let latency = relayed.head_after.unwrap_or_else(|| now.since(began));
        let record = Record { outcome, latency, client: self.client_hash, trial: choice.lease.trial, now };
        let member = &choice.lease.member;
        self.proxy.telemetry.attempt(member.key, &record);
        if let Some(kind) = member.cell.record(record, &choice.pool.upstream.passive) {
            self.proxy.handle.nudge(Nudge { backend: member.key, kind });
        }
        if matches!(outcome, Outcome::Failure(_)) {
            log::debug!("attempt {} at {} failed: {:?}", self.story.attempts, member.id, relayed.end);
        }
    }
}

/// Looks at a response head: is somebody else asked instead? If not, makes it fit for the client.
struct Receiver<'a> {
    method: Method,
    version: Version,
    request_id: &'a str,
    choice: &'a Choice<'a>,
    cookie: Option<String>,
    attempts: u32,
    untried_left: bool,
    clock: Clock,
    deadline: Timestamp,
    heard: Heard,
}

/// What came of looking at it.
#[derive(Clone, Copy, Default)]
struct Heard {
    /// When the head came.
    head_at: Option<Timestamp>,
    /// When it was fit to be sent on.
    ready_at: Option<Timestamp>,
    drain_asked: bool,
    next: Option<Next>,
}

impl Receive for Receiver<'_> {
    fn receive(&mut self, head: &mut ResponseHeader, replayable: bool) -> Reception {
        if let Some((name, value)) = &self.choice.pool.upstream.drain_header {
            self.heard.drain_asked =
                head.headers.get(name.as_str()).is_some_and(|found| found.as_bytes() == value.as_bytes());
        }
        let end = AttemptEnd::Response { status: head.status.as_u16() };
        let now = self.clock.now();
        self.heard.head_at = Some(now);
        let after = AfterAttempt {
            end: &end,
            idempotent: is_idempotent(self.method.as_str()),
            replayable,
            never_sent: false,
            attempts: self.attempts,
            untried_left: self.untried_left,
            time_left: time_left(now, self.deadline),
        };
        let next = within_budget(decide(&after, &self.choice.route.retries), &self.choice.pool.budget, now);
        self.heard.next = Some(next);
        if matches!(next, Next::Retry { .. }) {
            return Reception::Discard;
        }
        let fit = self.fit(head).is_ok();
        self.heard.ready_at = Some(self.clock.now());
        if fit { Reception::Forward } else { Reception::Unfit }
    }
}

impl Receiver<'_> {
    fn fit(&mut self, head: &mut ResponseHeader) -> pingora::Result<()> {
        let drain_header = self.choice.pool.upstream.drain_header.as_ref().map(|(name, _)| name.as_str());
        heads::response(head, &self.method, self.version, self.choice.route, drain_header)?;
        head.insert_header("X-Request-Id", self.request_id)?;
        if let Some(cookie) = self.cookie.take() {
            head.append_header("Set-Cookie", cookie)?;
        }
        Ok(())
    }
}

/// Was the body of this request announced as larger than accepted?
pub(super) fn announced_too_large(body: Body, limit: u64) -> bool {
    limit > 0 && matches!(body, Body::Length(length) if length > limit)
}

/// The backends that a request tried: few, so a list.
pub(super) type Tried = Vec<BackendKey>;
