//! What becomes of the head of an answer? Somebody else is asked instead, or it is made fit for the client; the machine says which. And who
//! else is asked while there is none?

use super::hedge;
use super::machine::{Machine, Surroundings};
use crate::proxy::backend::Way;
use crate::proxy::heads::{self, Body};
use crate::proxy::relay::{Judging, Rival, Shown, Verdict};
use crate::proxy::{rewrite, websocket};
use http::{HeaderMap, Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::http2::tunnel::{Answered, answered};
use pulsegate_core::http::interim::interim_travels;
use pulsegate_core::traffic::request::{Action, Asked, Attempt, Input, Pin};
use std::time::Duration;

/// The machine, as the relay of one attempt hears it.
pub(super) struct Judge<'j, 'e> {
    machine: &'j mut Machine<'e>,
    way: Way<'j>,
    /// The backend that was asked too.
    hedge: Option<Attempt>,
    method: Method,
    version: Version,
    heard: Heard,
}

/// What was heard of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// When its head came.
    pub head_at: Option<Timestamp>,
    /// When it was fit to be sent on.
    pub ready_at: Option<Timestamp>,
    /// Its head came so long after the request was sent.
    pub after: Option<Duration>,
    /// Who asks to be drained.
    pub drain_asked: Option<BackendKey>,
    /// Where the connection of the one that was asked too belongs, if that one answered first.
    pub shelf: Option<(u64, BackendKey)>,
    /// It asks for credentials that authenticate its connection.
    pub asks_for_auth: bool,
}

impl<'j, 'e> Judge<'j, 'e> {
    pub(super) fn of(machine: &'j mut Machine<'e>, way: Way<'j>, (method, version): (Method, Version)) -> Self {
        Self { machine, way, hedge: None, method, version, heard: Heard::default() }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard
    }

    /// Whose answer it is.
    fn attempt(&self, by: Asked) -> &Attempt {
        match (by, &self.hedge) {
            (Asked::Hedge, Some(hedge)) => hedge,
            (Asked::First | Asked::Hedge, _) => self.way.attempt,
        }
    }

    fn note_drain(&mut self, head: &ResponseHeader, by: Asked) {
        let attempt = self.attempt(by);
        let Some((name, value)) = &attempt.pool.upstream.drain_header else { return };
        let asks = heads::lines(&head.headers, name.as_str()).any(|found| found == value.as_bytes());
        let counts = asks && !self.machine.request().facts().is_copy();
        if counts {
            self.heard.drain_asked = Some(attempt.endpoint.key);
        }
    }

    /// The hedge is the attempt from now on.
    fn won(&mut self, shelf: u64) {
        let Some(hedge) = &self.hedge else { return };
        self.heard.shelf = Some((shelf, hedge.endpoint.key));
        self.machine.story.backend = Some(hedge.endpoint.id.address.clone());
        self.machine.surroundings.proxy.telemetry.hedged(&self.machine.route().name, "won");
    }

    /// The header by which a backend asks to be drained: nobody's business behind us.
    fn drain_header(&self) -> Option<&str> {
        self.way.attempt.pool.upstream.drain_header.as_ref().map(|(name, _)| name.as_str())
    }

    fn fit(&self, head: &mut ResponseHeader) -> pingora::Result<()> {
        let attempt = self.way.attempt;
        let surroundings = self.machine.surroundings;
        rewrite::response(head, &self.method, self.version, self.machine.route(), self.drain_header())?;
        head.insert_header("X-Request-Id", surroundings.asked.asker.request_id.as_str())?;
        if let Some(plan) = attempt.pool.upstream.balance.sticky.as_ref().filter(|_| attempt.pin == Pin::New) {
            head.append_header("Set-Cookie", surroundings.proxy.pin(plan, attempt.endpoint.key))?;
        }
        Ok(())
    }
}

impl<'e> Judging<'e> for Judge<'_, 'e> {
    fn judge(&mut self, shown: Shown<'_>) -> Verdict {
        let by = shown.seen.by;
        let action = self.machine.tell(Input::Head(shown.seen), shown.request);
        if matches!(action, Action::Continue) {
            return Verdict::Unwanted;
        }
        self.note_drain(shown.head, by);
        self.attempt(by).endpoint.cell.answered_in_http10(shown.head.version == Version::HTTP_10);
        (self.heard.head_at, self.heard.after) = (Some(shown.at), Some(shown.seen.after));
        if !matches!(action, Action::Deliver) {
            return Verdict::Elsewhere(action);
        }
        if let Some(shelf) = shown.shelf.filter(|_| by == Asked::Hedge) {
            self.won(shelf);
        }
        self.heard.asks_for_auth = heads::asks_for_connection_auth(shown.head);
        if self.version == Version::HTTP_2 && heads::upgrade_of(shown.request).is_some() {
            match answered(shown.seen.status) {
                Answered::Misleading => return Verdict::Misleading,
                Answered::Opened if !websocket::is_accepted(&shown.request.headers, &shown.head.headers) => {
                    return Verdict::Unfit;
                }
                Answered::Opened | Answered::Declined => {}
            }
        }
        let fit = self.fit(shown.head).is_ok();
        self.heard.ready_at = Some(self.machine.clock().now());
        if fit { Verdict::Deliver } else { Verdict::Unfit }
    }

    fn sift_request(&self, trailers: &mut HeaderMap) {
        let Surroundings { asked, facts, .. } = self.machine.surroundings;
        rewrite::request_trailers(trailers, (&asked.asker, facts), self.machine.route());
    }

    fn sift_answer(&self, trailers: &mut HeaderMap) {
        rewrite::response_trailers(trailers, self.machine.route(), self.drain_header());
    }

    fn interim(&mut self, head: &mut ResponseHeader) -> bool {
        self.note_drain(head, Asked::First);
        interim_travels(head.status.as_u16(), self.version == Version::HTTP_10)
            && rewrite::interim(head, self.machine.route(), self.drain_header()).is_ok()
    }

    fn late(&mut self, request: &RequestHeader) -> Option<Rival<'e>> {
        let Action::Hedge(attempt) = self.machine.tell(Input::Woken, request) else { return None };
        let (surroundings, route) = (self.machine.surroundings, self.machine.route());
        surroundings.proxy.telemetry.hedged(&route.name, "sent");
        let trace = self.machine.begin_span(Asked::Hedge, attempt.way);
        let told = (surroundings.asked, trace.as_ref());
        let Ok(head) = rewrite::request(request, Body::None, told, route, surroundings.facts) else {
            self.lost(request);
            return None;
        };
        self.hedge = Some(attempt.clone());
        Some(hedge::rival(surroundings, attempt, head))
    }

    fn lost(&mut self, request: &RequestHeader) {
        self.machine.tell(Input::HedgeLost, request);
    }
}
