//! What becomes of the head of an answer? Somebody else is asked instead, or it is made fit for the client; the machine says which. And who
//! else is asked while there is none?

use super::hedge;
use super::machine::{Machine, Surroundings};
use crate::proxy::backend::Way;
use crate::proxy::heads;
use crate::proxy::message::{AnswerHead, RequestHead};
use crate::proxy::relay::{Judging, Rival, Shown, Verdict};
use crate::proxy::rewrite::{self, Answered, Interim};
use crate::proxy::websocket;
use http::{HeaderMap, Version};
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::http2::tunnel::{self, answered};
use pulsegate_core::http::interim::interim_travels;
use pulsegate_core::traffic::request::{Action, Asked, Attempt, Input, Pin};
use std::time::Duration;

/// The machine, as the relay of one attempt hears it.
pub(super) struct Judge<'j, 'e> {
    machine: &'j mut Machine<'e>,
    way: Way<'j>,
    /// The backend that was asked too.
    hedge: Option<Attempt>,
    version: Version,
    /// Binds the client to the backend.
    cookie: Option<String>,
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
    pub(super) fn of(machine: &'j mut Machine<'e>, way: Way<'j>, version: Version) -> Self {
        Self { machine, way, hedge: None, version, cookie: None, heard: Heard::default() }
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

    fn note_drain(&mut self, head: &AnswerHead, by: Asked) {
        let attempt = self.attempt(by);
        let Some((name, value)) = &attempt.pool.upstream.drain_header else { return };
        let asks = head.lines(name).any(|found| found == value.as_bytes());
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

    /// For a client that is not bound yet.
    fn pin(&self) -> Option<String> {
        let attempt = self.way.attempt;
        let plan = attempt.pool.upstream.balance.sticky.as_ref().filter(|_| attempt.pin == Pin::New)?;
        Some(self.machine.surroundings.proxy.pin(plan, attempt.endpoint.key))
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
        self.attempt(by).endpoint.cell.answered_in_http10(shown.head.is_http10());
        (self.heard.head_at, self.heard.after) = (Some(shown.at), Some(shown.seen.after));
        if !matches!(action, Action::Deliver) {
            return Verdict::Elsewhere(action);
        }
        if let Some(shelf) = shown.shelf.filter(|_| by == Asked::Hedge) {
            self.won(shelf);
        }
        self.heard.asks_for_auth = heads::names_connection_auth(shown.head, ["www-authenticate", "proxy-authenticate"]);
        if self.version == Version::HTTP_2 && heads::upgrade_of(shown.request).is_some() {
            match answered(shown.seen.status) {
                tunnel::Answered::Misleading => return Verdict::Misleading,
                tunnel::Answered::Opened if !websocket::is_accepted(shown.request, shown.head) => {
                    return Verdict::Unfit;
                }
                tunnel::Answered::Opened | tunnel::Answered::Declined => {}
            }
        }
        self.cookie = self.pin();
        self.heard.ready_at = Some(self.machine.clock().now_anew());
        Verdict::Deliver
    }

    fn answered<'h>(&'h self, head: &'h AnswerHead) -> Answered<'h> {
        Answered {
            head,
            route: self.machine.route(),
            drain_header: self.drain_header(),
            request_id: self.machine.surroundings.asked.asker.request_id.as_bytes(),
            cookie: self.cookie.as_deref(),
        }
    }

    fn sift_request(&self, trailers: &mut HeaderMap) {
        let Surroundings { asked, facts, .. } = self.machine.surroundings;
        rewrite::request_trailers(trailers, (&asked.asker, facts), self.machine.route());
    }

    fn sift_answer(&self, trailers: &mut HeaderMap) {
        rewrite::response_trailers(trailers, self.machine.route(), self.drain_header());
    }

    fn interim<'h>(&'h mut self, head: &'h AnswerHead) -> Option<Interim<'h>> {
        self.note_drain(head, Asked::First);
        let travels = interim_travels(head.status(), self.version == Version::HTTP_10);
        travels.then(|| Interim { head, route: self.machine.route(), drain_header: self.drain_header() })
    }

    fn late(&mut self, request: &RequestHead) -> Option<Rival<'e>> {
        let Action::Hedge(attempt) = self.machine.tell(Input::Woken, request) else { return None };
        let (surroundings, route) = (self.machine.surroundings, self.machine.route());
        surroundings.proxy.telemetry.hedged(&route.name, "sent");
        let trace = self.machine.begin_span(Asked::Hedge, attempt.way);
        self.hedge = Some(attempt.clone());
        Some(hedge::rival(surroundings, attempt, request.clone(), trace))
    }

    fn lost(&mut self, request: &RequestHead) {
        self.machine.tell(Input::HedgeLost, request);
    }
}
