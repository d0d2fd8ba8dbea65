//! Who else is asked when an answer is late? Another backend, for a request that may be sent twice; whoever answers first is relayed,
//! and the other is let go ("The Tail at Scale", Dean and Barroso, 2013).
//!
//! Off unless the route says after how long. Within the retry budget, once per request, for idempotent requests without a body, and not
//! where a client is bound to a backend. The rival asks as a mirror's copy does: an exchange of its own with nobody at its client's
//! side, so that nothing of the request itself is touched before the rival has won.

use super::attempt::Choice;
use super::backend::{BackendSide, FromBackend};
use super::exchange::Exchange;
use super::heads::{self, Body};
use super::place::{Found, Place};
use crate::proxy::downstream::{ClientSide, CopyClient};
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pulsegate_core::plan::{Forward, RoutePlan};
use pulsegate_core::traffic::retry::is_idempotent;
use pulsegate_core::traffic::snapshot::Pool;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::sleep;

/// The rival of an attempt: done when it has an answer, and never when it has none.
pub(super) type Rival<'a> = Pin<Box<dyn Future<Output = Won> + Send + 'a>>;

/// A rival that answered first.
pub(super) struct Won {
    pub place: Place,
    pub backend: BackendSide,
    pub shelf: u64,
    pub head: Box<ResponseHeader>,
    /// Nothing follows the head.
    pub end: bool,
    /// Of the attempt, where the trace is recorded.
    pub span: u64,
}

/// What the exchange takes over of a rival that won.
pub(super) struct Winner {
    pub place: Place,
    pub shelf: u64,
    pub span: u64,
}

/// Waits for the rival, where there is one.
pub(super) async fn won(rival: &mut Option<Rival<'_>>) -> Won {
    match rival {
        Some(rival) => rival.await,
        None => pending().await,
    }
}

impl Exchange<'_> {
    /// The rival of this attempt, where the route and the request allow one.
    pub(super) fn rival<'c>(&self, choice: &Choice<'c>) -> Option<Rival<'c>> {
        let after = choice.route.hedge?;
        let head = self.client.head();
        let allowed = self.client.body() == Body::None
            && is_idempotent(head.method.as_str())
            && heads::upgrade_of(head).is_none()
            && choice.pool.upstream.balance.sticky.is_none()
            && self.story.attempts == 1
            && self.call.is_none()
            && !self.is_copy;
        if !allowed {
            return None;
        }
        let client = ClientSide::Copy(Box::new(CopyClient::new(head.clone(), Bytes::new())));
        let (proxy, facts) = (Arc::clone(self.proxy), self.facts.clone());
        let (snapshot, target, tried) = (Arc::clone(&self.snapshot), self.target.clone(), self.tried.clone());
        let (request_id, trace, began) = (self.asker.request_id.clone(), self.asker.trace, self.began);
        let (pool, route, forward) = (choice.pool, choice.route, choice.forward);
        Some(Box::pin(async move {
            sleep(after).await;
            let mut copy = Exchange::begin(&proxy, client, &facts);
            (copy.is_copy, copy.snapshot, copy.target, copy.tried) = (true, snapshot, target, tried);
            (copy.asker.request_id, copy.asker.trace, copy.began) = (request_id, trace, began);
            copy.begin_span();
            match copy.answer_of_another(pool, route, forward).await {
                Some(won) => {
                    proxy.telemetry.hedged(&route.name, "won");
                    won
                }
                None => pending().await,
            }
        }))
    }

    /// Asks somebody who was not asked yet. `None`: nobody could be, or the answer is none that one would want.
    async fn answer_of_another(&mut self, pool: &Arc<Pool>, route: &RoutePlan, forward: &Forward) -> Option<Won> {
        if !pool.budget.withdraw(self.clock().now()) {
            return None;
        }
        let Found::Place { place, new_pin } = self.look(pool, route) else { return None };
        let choice = Choice { pool, lease: &place.lease, route, forward, new_pin };
        self.proxy.telemetry.hedged(&route.name, "sent");
        let mut connected = match self.rested(&choice) {
            Some(connected) => connected,
            None => self.connect(&choice).await.ok()?,
        };
        let request = self.client.head();
        let head = heads::request(request, Body::None, &self.target, &self.asker, route, forward, self.facts).ok()?;
        connected.backend.send_head(head, true).await.ok()?;
        connected.backend.finish(None).await.ok()?;
        loop {
            match connected.backend.next(true).await {
                FromBackend::Interim | FromBackend::Taken => {}
                FromBackend::Head { head, end }
                    if route.retries.on.statuses.binary_search(&head.status.as_u16()).is_err() =>
                {
                    let (backend, shelf) = (connected.backend, connected.shelf);
                    return Some(Won { place, backend, shelf, head, end, span: self.span() });
                }
                _ => return None,
            }
        }
    }
}
