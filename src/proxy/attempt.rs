//! What happens in one attempt? A connection, the relay, and the outcome written down for the board.

use super::exchange::Exchange;
use super::heads::{self, Body};
use super::relay::{Bounds, Receive, Reception, Relay, Relayed, State};
use super::socket::BackendSocket;
use super::{ends, peer};
use crate::control::Clock;
use crate::domain::attempt::{AfterAttempt, Next, StopReason, decide, is_idempotent};
use crate::domain::cell::{Hint, HintKind, Record};
use crate::domain::identity::BackendKey;
use crate::domain::outcome::{AttemptEnd, Outcome, classify};
use crate::domain::plan::{Forward, RoutePlan};
use crate::domain::problem::Problem;
use crate::domain::snapshot::{Lease, Pool};
use crate::domain::time::Timestamp;
use http::{Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::HttpSession;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A client that leaves after this long without a response head makes the backend suspect.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// What a retry needs at least.
const LEAST_TIME: Duration = Duration::from_millis(50);
/// How long a connection that is not kept may take to close.
const CLOSING_TIME: Duration = Duration::from_secs(1);

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

/// A connection to a backend, and what returns it to its pool.
struct Connected {
    upstream: HttpSession,
    reused: bool,
    shelf: u64,
}

impl Exchange<'_> {
    /// Makes one attempt at the leased backend and records its outcome.
    pub(super) async fn attempt(&mut self, choice: &Choice<'_>) -> Attempted {
        let began = self.clock().now();
        self.story.attempts += 1;
        self.story.backend = Some(choice.lease.member.id.address.clone());
        let (mut relayed, mut next) = self.over(self.rested(choice), choice).await;
        if self.lost_a_race(&relayed) {
            // The backend closed an idle connection just as we used it: both were right, and it is asked again over a new one.
            (relayed, next) = self.over(None, choice).await;
        }
        self.record(choice, &relayed, began);
        Attempted { relayed, next }
    }

    /// Over this connection, or a new one.
    async fn over(&mut self, rested: Option<Connected>, choice: &Choice<'_>) -> (Relayed, Next) {
        let connected = match rested {
            Some(connected) => Ok(connected),
            None => self.connect(choice).await,
        };
        match connected {
            Ok(connected) => self.converse(choice, connected).await,
            Err(relayed) => {
                let next = self.next(&relayed.end, true, choice);
                (relayed, next)
            }
        }
    }

    fn lost_a_race(&self, relayed: &Relayed) -> bool {
        relayed.end == (AttemptEnd::ResetBeforeHead { reused: true })
            && is_idempotent(self.session.req_header().method.as_str())
            && self.replay.possible()
    }

    fn rested(&self, choice: &Choice<'_>) -> Option<Connected> {
        let shelf = peer::shelf(&choice.pool.upstream, &choice.lease.member, &self.proxy.authorities);
        let stream = self.proxy.idle.take(shelf, self.clock().now())?;
        let socket = BackendSocket::again(stream, self.asks_for_a_head())?;
        Some(Connected { upstream: HttpSession::new(socket), reused: true, shelf })
    }

    fn asks_for_a_head(&self) -> bool {
        self.session.req_header().method == Method::HEAD
    }

    async fn connect(&self, choice: &Choice<'_>) -> Result<Connected, Relayed> {
        let (upstream, member, timeouts) = (&choice.pool.upstream, &choice.lease.member, &choice.route.timeouts);
        let now = self.clock().now();
        let shelf = peer::shelf(upstream, member, &self.proxy.authorities);
        let peer = peer::peer(upstream, member, timeouts, &self.proxy.authorities).map_err(|why| {
            log::error!("upstream {}: {why}; {} cannot be asked", upstream.name, member.id.address);
            Relayed::nothing(AttemptEnd::Ours)
        })?;
        let left = self.deadline(choice.route).since(now);
        match timeout(left.min(timeouts.connect), self.proxy.connector.new_stream(&peer)).await {
            Ok(Ok(stream)) => {
                let socket = BackendSocket::new(stream, self.asks_for_a_head());
                Ok(Connected { upstream: HttpSession::new(socket), reused: false, shelf })
            }
            Ok(Err(error)) => Err(Relayed::nothing(ends::of_connect(&error))),
            // The request's own time was up before a connection could be expected.
            Err(_) if left < timeouts.connect => {
                let refusal = Some(Problem::TotalTimeout);
                Err(Relayed { refusal, ..Relayed::nothing(AttemptEnd::Ours) })
            }
            Err(_) => Err(Relayed::nothing(AttemptEnd::ConnectFailed { timed_out: true })),
        }
    }

    /// Sends the request and relays the answer; a connection that is still good goes back to its pool.
    async fn converse(&mut self, choice: &Choice<'_>, connected: Connected) -> (Relayed, Next) {
        let Connected { mut upstream, reused, shelf } = connected;
        let request = self.session.req_header();
        let head = heads::request(request, &self.target, &self.asker, choice.route, choice.forward, self.facts);
        let Ok(head) = head else {
            return (Relayed::nothing(AttemptEnd::Ours), Next::Stop(StopReason::NotRetriable));
        };
        let expects_continue = heads::expects_continue(request);
        let (bounds, clock) = (self.bounds(choice.route), self.clock());
        let mut receiver = Receiver {
            method: request.method.clone(),
            version: request.version,
            request_id: &self.asker.request_id,
            choice,
            cookie: self.cookie(choice),
            drain_asked: false,
            attempts: self.story.attempts,
            untried_left: choice.pool.balancer.has_untried(&self.tried),
            clock,
            deadline: self.deadline(choice.route),
            next: None,
        };
        let (session, replay, continued) = (&mut self.session, &mut self.replay, &mut self.continued);
        let (receiver_of, state) = (&mut receiver, State::default());
        let relay = Relay {
            session,
            upstream: &mut upstream,
            replay,
            receiver: receiver_of,
            bounds,
            clock,
            reused,
            expects_continue,
            continued,
            state,
        };
        let relayed = relay.run(head).await;
        if receiver.drain_asked {
            self.proxy.handle.hint(Hint { backend: choice.lease.member.key, kind: HintKind::DrainAsked });
        }
        if let Some(flaw) = BackendSocket::flaw(upstream.stream()) {
            log::debug!("attempt {} at {}: {flaw}", self.story.attempts, choice.lease.member.id);
        }
        let decided = receiver.next;
        if relayed.whole && relayed.sent_whole {
            self.lay_down(upstream, shelf, choice).await;
        }
        let next = match decided {
            Some(next) => next,
            None if relayed.begun => Next::Stop(StopReason::ResponseStarted),
            None => self.next(&relayed.end, false, choice),
        };
        (relayed, next)
    }

    /// For the next request, where both sides agree to go on.
    async fn lay_down(&self, mut upstream: HttpSession, shelf: u64, choice: &Choice<'_>) {
        upstream.respect_keepalive();
        if let Ok(Some(stream)) = timeout(CLOSING_TIME, upstream.reuse()).await {
            self.proxy.idle.put(shelf, stream, self.clock().now() + choice.pool.upstream.idle_timeout);
        }
    }

    fn bounds(&self, route: &RoutePlan) -> Bounds {
        let limits = &self.facts.listener.limits;
        Bounds {
            per_try: route.timeouts.per_try,
            idle: route.timeouts.idle,
            body_idle: limits.body_idle_timeout,
            total: self.deadline(route),
            body_bytes: limits.body_bytes,
        }
    }

    fn cookie(&self, choice: &Choice<'_>) -> Option<String> {
        let plan = choice.pool.upstream.balance.sticky.as_ref().filter(|_| choice.new_pin)?;
        Some(self.proxy.pin(plan, choice.lease.member.key))
    }

    /// The domain's decision, and the budget's where a token is needed.
    fn next(&self, end: &AttemptEnd, never_sent: bool, choice: &Choice<'_>) -> Next {
        let now = self.clock().now();
        let after = AfterAttempt {
            end,
            idempotent: is_idempotent(self.session.req_header().method.as_str()),
            response_started: false,
            replayable: self.replay.possible(),
            never_sent,
            attempts: self.story.attempts,
            untried_left: choice.pool.balancer.has_untried(&self.tried),
            time_left: time_left(now, self.deadline(choice.route)),
        };
        with_budget(decide(&after, &choice.route.retries), choice.pool, now)
    }

    fn record(&self, choice: &Choice<'_>, relayed: &Relayed, began: Timestamp) {
        let now = self.clock().now();
        let outcome = classify(&relayed.end, SLOW_AFTER);
        let latency = relayed.head_after.unwrap_or_else(|| now.since(began));
        let record = Record { outcome, latency, client: self.client_hash, trial: choice.lease.trial, now };
        let member = &choice.lease.member;
        if let Some(kind) = member.cell.record(record, &choice.pool.upstream.passive) {
            self.proxy.handle.hint(Hint { backend: member.key, kind });
        }
        if matches!(outcome, Outcome::Failure(_)) {
            log::debug!("attempt {} at {} failed: {:?}", self.story.attempts, member.id, relayed.end);
        }
    }
}

/// With less than this, another attempt could only blame a backend for the deadline.
fn time_left(now: Timestamp, deadline: Timestamp) -> bool {
    deadline.since(now) >= LEAST_TIME
}

fn with_budget(next: Next, pool: &Pool, now: Timestamp) -> Next {
    match next {
        Next::Retry { costs_token: true } if !pool.budget.withdraw(now) => Next::Stop(StopReason::Budget),
        next => next,
    }
}

/// Looks at a response head: is somebody else asked instead? If not, makes it fit for the client.
struct Receiver<'a> {
    method: Method,
    version: Version,
    request_id: &'a str,
    choice: &'a Choice<'a>,
    cookie: Option<String>,
    drain_asked: bool,
    attempts: u32,
    untried_left: bool,
    clock: Clock,
    deadline: Timestamp,
    next: Option<Next>,
}

impl Receive for Receiver<'_> {
    fn receive(&mut self, head: &mut ResponseHeader, replayable: bool) -> Reception {
        if let Some((name, value)) = &self.choice.pool.upstream.drain_header {
            self.drain_asked =
                head.headers.get(name.as_str()).is_some_and(|found| found.as_bytes() == value.as_bytes());
        }
        let end = AttemptEnd::Response { status: head.status.as_u16() };
        let now = self.clock.now();
        let after = AfterAttempt {
            end: &end,
            idempotent: is_idempotent(self.method.as_str()),
            response_started: false,
            replayable,
            never_sent: false,
            attempts: self.attempts,
            untried_left: self.untried_left,
            time_left: time_left(now, self.deadline),
        };
        let next = with_budget(decide(&after, &self.choice.route.retries), self.choice.pool, now);
        self.next = Some(next);
        if matches!(next, Next::Retry { .. }) {
            return Reception::Discard;
        }
        if self.fit(head).is_ok() { Reception::Forward } else { Reception::Unfit }
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
pub(super) fn announced_too_large(head: &RequestHeader, limit: u64) -> bool {
    limit > 0 && matches!(Body::of(head), Body::Length(length) if length > limit)
}

/// The backends that a request tried: few, so a list.
pub(super) type Tried = Vec<BackendKey>;
