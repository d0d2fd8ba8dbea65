//! What happens in one attempt? A connection, the relay, and the outcome written down for the board.

use super::exchange::Exchange;
use super::heads::{self, Body};
use super::relay::{Bounds, Receive, Reception, Relay, Relayed, State};
use super::{ends, peer};
use crate::domain::attempt::{AfterAttempt, Next, StopReason, decide, is_idempotent};
use crate::domain::cell::{Hint, HintKind, Record};
use crate::domain::identity::BackendKey;
use crate::domain::outcome::{AttemptEnd, Outcome, classify};
use crate::domain::plan::{Forward, RoutePlan};
use crate::domain::snapshot::{Lease, Pool};
use crate::domain::time::Timestamp;
use pingora::connectors::http::v1::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use std::sync::Arc;
use std::time::Duration;

/// A client that leaves after this long without a response head makes the backend suspect.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// How an attempt left the request.
pub(super) struct Attempted {
    pub relayed: Relayed,
    pub next: Next,
}

impl Exchange<'_> {
    /// Makes one attempt at the leased backend and records its outcome.
    pub(super) async fn attempt(
        &mut self,
        pool: &Arc<Pool>,
        lease: &Lease,
        route: &RoutePlan,
        forward: &Forward,
        new_pin: bool,
    ) -> Attempted {
        let began = self.clock().now();
        self.story.attempts += 1;
        self.story.backend = Some(lease.member.id.address.clone());
        let connected = self.connect(pool, lease, route).await;
        let (relayed, next) = match connected {
            Err(end) => {
                let relayed = Relayed { end, begun: false, whole: false, refusal: None, head_after: None };
                let next = self.next(&relayed.end, true, self.replay.possible(), pool, route);
                (relayed, next)
            }
            Ok((upstream, reused, peer)) => {
                self.exchange(pool, lease, route, forward, new_pin, upstream, reused, peer).await
            }
        };
        self.record(pool, lease, &relayed, began);
        Attempted { relayed, next }
    }

    async fn connect(
        &self,
        pool: &Pool,
        lease: &Lease,
        route: &RoutePlan,
    ) -> Result<(HttpSession, bool, HttpPeer), AttemptEnd> {
        let peer =
            peer::peer(&pool.upstream, &lease.member, &route.timeouts, &self.proxy.authorities).map_err(|why| {
                log::error!("upstream {}: {why}; {} cannot be asked", pool.upstream.name, lease.member.id.address);
                AttemptEnd::TlsFailed
            })?;
        let left = self.deadline(route).since(self.clock().now()).min(route.timeouts.connect);
        let session = Connector::get_http_session(&self.proxy.connector, &peer);
        match tokio::time::timeout(left, session).await {
            Ok(Ok((session, reused))) => Ok((session, reused, peer)),
            Ok(Err(error)) => Err(ends::of_connect(&error)),
            Err(_) => Err(AttemptEnd::ConnectFailed { timed_out: true }),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call, everything of one attempt")]
    async fn exchange(
        &mut self,
        pool: &Arc<Pool>,
        lease: &Lease,
        route: &RoutePlan,
        forward: &Forward,
        new_pin: bool,
        mut upstream: HttpSession,
        reused: bool,
        peer: HttpPeer,
    ) -> (Relayed, Next) {
        let bounds = Bounds {
            per_try: route.timeouts.per_try,
            idle: route.timeouts.idle,
            body_idle: self.facts.listener.limits.body_idle_timeout,
            total: self.deadline(route),
            body_bytes: self.facts.listener.limits.body_bytes,
        };
        let clock = self.clock();
        let head =
            match heads::request(self.session.req_header(), &self.target, &self.asker, route, forward, self.facts) {
                Ok(head) => head,
                Err(_) => {
                    let end = AttemptEnd::Ours;
                    let relayed = Relayed { end, begun: false, whole: false, refusal: None, head_after: None };
                    return (relayed, Next::Stop(StopReason::NotRetriable));
                }
            };
        let expects_continue = self.session.req_header().headers.contains_key("expect") && !self.continued;
        self.continued |= expects_continue;
        let cookie = new_pin
            .then(|| pool.upstream.balance.sticky.as_ref().map(|plan| self.proxy.pin(plan, lease.member.key)))
            .flatten();
        let mut receiver = Receiver {
            request: self.session.req_header().clone(),
            request_id: &self.asker.request_id,
            route,
            drain_header: pool.upstream.drain_header.as_ref(),
            cookie,
            drain_asked: false,
            after: AfterStatus {
                idempotent: is_idempotent(self.session.req_header().method.as_str()),
                attempts: self.story.attempts,
                untried_left: pool.balancer.has_untried(&self.tried),
                pool,
                now: clock.now(),
            },
            next: None,
        };
        let relay = Relay {
            session: &mut self.session,
            upstream: &mut upstream,
            replay: &mut self.replay,
            receiver: &mut receiver,
            bounds,
            clock,
            reused,
            expects_continue,
            state: State::default(),
        };
        let relayed = relay.run(head).await;
        let (decided, drain_asked) = (receiver.next.take(), receiver.drain_asked);
        if drain_asked {
            self.proxy.handle.hint(Hint { backend: lease.member.key, kind: HintKind::DrainAsked });
        }
        if relayed.whole {
            self.proxy.connector.release_http_session(upstream, &peer, Some(pool.upstream.idle_timeout)).await;
        }
        let next = decided.unwrap_or_else(|| {
            if relayed.begun {
                Next::Stop(StopReason::ResponseStarted)
            } else {
                self.next(&relayed.end, false, self.replay.possible(), pool, route)
            }
        });
        (relayed, next)
    }

    /// The domain's decision, and the budget's where a token is needed.
    fn next(&self, end: &AttemptEnd, never_sent: bool, replayable: bool, pool: &Pool, route: &RoutePlan) -> Next {
        let now = self.clock().now();
        let after = AfterAttempt {
            end,
            idempotent: is_idempotent(self.session.req_header().method.as_str()),
            response_started: false,
            replayable,
            never_sent,
            attempts: self.story.attempts,
            untried_left: pool.balancer.has_untried(&self.tried),
            time_left: now < self.deadline(route),
        };
        with_budget(decide(&after, &route.retries), pool, now)
    }

    fn record(&self, pool: &Pool, lease: &Lease, relayed: &Relayed, began: Timestamp) {
        let now = self.clock().now();
        let outcome = classify(&relayed.end, SLOW_AFTER);
        let latency = relayed.head_after.unwrap_or_else(|| now.since(began));
        let record = Record { outcome, latency, client: self.client_hash, trial: lease.trial, now };
        let member = &lease.member;
        if let Some(kind) = member.cell.record(record, &pool.upstream.passive) {
            self.proxy.handle.hint(Hint { backend: member.key, kind });
        }
        if matches!(outcome, Outcome::Failure(_)) {
            log::debug!("attempt {} at {} failed: {:?}", self.story.attempts, member.id, relayed.end);
        }
    }
}

fn with_budget(next: Next, pool: &Pool, now: Timestamp) -> Next {
    match next {
        Next::Retry { costs_token: true } if !pool.budget.withdraw(now) => Next::Stop(StopReason::Budget),
        next => next,
    }
}

/// What a decision on a status needs.
struct AfterStatus<'a> {
    idempotent: bool,
    attempts: u32,
    untried_left: bool,
    pool: &'a Pool,
    now: Timestamp,
}

/// Looks at a response head: is somebody else asked instead? If not, makes it fit for the client.
struct Receiver<'a> {
    request: RequestHeader,
    request_id: &'a str,
    route: &'a RoutePlan,
    drain_header: Option<&'a (String, String)>,
    cookie: Option<String>,
    drain_asked: bool,
    after: AfterStatus<'a>,
    next: Option<Next>,
}

impl Receive for Receiver<'_> {
    fn receive(&mut self, head: &mut ResponseHeader, replayable: bool) -> Reception {
        if let Some((name, value)) = self.drain_header {
            self.drain_asked =
                head.headers.get(name.as_str()).is_some_and(|found| found.as_bytes() == value.as_bytes());
        }
        let end = AttemptEnd::Response { status: head.status.as_u16() };
        let after = AfterAttempt {
            end: &end,
            idempotent: self.after.idempotent,
            response_started: false,
            replayable,
            never_sent: false,
            attempts: self.after.attempts,
            untried_left: self.after.untried_left,
            time_left: true,
        };
        let next = with_budget(decide(&after, &self.route.retries), self.after.pool, self.after.now);
        self.next = Some(next);
        if matches!(next, Next::Retry { .. }) {
            return Reception::Discard;
        }
        let drain_header = self.drain_header.map(|(name, _)| name.as_str());
        let fit = heads::response(head, &self.request, self.route, drain_header)
            .and_then(|()| head.insert_header("X-Request-Id", self.request_id))
            .and_then(|()| {
                self.cookie.take().map_or(Ok(()), |cookie| head.append_header("Set-Cookie", cookie).map(drop))
            });
        if fit.is_ok() { Reception::Forward } else { Reception::Unfit }
    }
}

/// Was the body of this request announced as larger than accepted?
pub(super) fn announced_too_large(head: &RequestHeader, limit: u64) -> bool {
    limit > 0 && matches!(Body::of(head), Body::Length(length) if length > limit)
}

/// The backends that a request tried: few, so a list.
pub(super) type Tried = Vec<BackendKey>;
