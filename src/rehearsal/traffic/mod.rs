//! What becomes of the requests? The machine decides, as it does for the proxy; here it is performed without sockets.

mod bells;
mod flight;
mod line;
mod pins;
mod requests;

use super::behaviour::{BreaksOff, Landing, unanswered};
use super::clients::Clients;
use super::stage::{Due, Stage};
use super::ticket::{Ticket, Wake};
use bells::{Bell, Bells};
use flight::Flight;
use line::Line;
use pins::Pins;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::{HashBy, StickyPlan};
use pulsegate_core::traffic::cell::Nudge;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{
    Action, Asked, Attempt, BodyBounds, COPIES_AT_MOST, Ended, Facts, Input, Kind, Moment, Performer, Pin, Recorded,
    Ties, Wait,
};
use pulsegate_core::traffic::snapshot::{Pool, Snapshot};
use requests::Requests;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Traffic {
    pub clients: Clients,
    requests: Requests,
    line: Line,
    bells: Bells,
    pins: Pins,
    /// How many flights have begun.
    flights: u64,
    /// Copies under way.
    copies: usize,
}

impl Traffic {
    pub(super) fn new(clients: Clients) -> Self {
        Self {
            clients,
            requests: Requests::default(),
            line: Line::default(),
            bells: Bells::default(),
            pins: Pins::default(),
            flights: 0,
            copies: 0,
        }
    }

    /// The request that is next.
    pub(super) fn arrive(&mut self, stage: &mut Stage) {
        let Some(sent) = self.clients.send(stage.now) else { return };
        let Some(terms) = self.clients.terms(sent.load) else {
            stage.story.unrouted.requests += 1;
            return stage.story.unrouted.refuse(Problem::NoRoute.reason());
        };
        let facts = Facts {
            terms: terms.clone(),
            kind: Kind::Original,
            began: stage.now,
            client: sent.client,
            idempotent: sent.idempotent,
            has_body: !sent.idempotent,
            upgrades: false,
            call: None,
            body: BodyBounds { idle: Duration::MAX, bytes: 0 },
            ties: Ties::default(),
            question: None,
        };
        let ticket = self.requests.begin(facts, sent.rng);
        self.perform(ticket, Input::Begun, stage);
    }

    /// What was due for a request has come, unless it stands otherwise by now.
    pub(super) fn wake(&mut self, ticket: Ticket, wake: Wake, stage: &mut Stage) {
        let Some(one) = self.requests.get(ticket) else { return };
        match wake {
            Wake::WaitEnds if one.waits.is_some_and(|wait| wait.until <= stage.now) => {
                self.line.leave(ticket);
                self.perform(ticket, Input::Woken, stage);
            }
            Wake::FlightEnds(number) => {
                if let Some(flight) = one.land(number) {
                    let input = flight.ends(stage.now);
                    one.answer = Some(flight);
                    self.perform(ticket, input, stage);
                }
            }
            Wake::IsLate(number) if one.asks(number, Asked::First) => self.perform(ticket, Input::Woken, stage),
            Wake::WaitEnds | Wake::IsLate(_) => {}
        }
    }

    /// There is another picture than before: whoever waits where something has changed looks again.
    pub(super) fn published(&mut self, before: &Snapshot, stage: &mut Stage) {
        self.clients.begin(&stage.snapshot, stage.now);
        for ticket in self.line.changed(before, &stage.snapshot, &mut self.requests) {
            self.perform(ticket, Input::Changed, stage);
        }
    }

    /// What becomes of the requests at a backend that is another than before.
    pub(super) fn break_off(&mut self, backend: BackendKey, stage: &mut Stage) {
        let Some(how) = stage.backends.breaks_off(backend) else { return };
        for (ticket, number) in self.requests.at(backend) {
            let Some(mut flight) = self.requests.get(ticket).and_then(|one| one.land(number)) else { continue };
            let at = match how {
                BreaksOff::Now => {
                    flight.landing = Landing::reset();
                    stage.now
                }
                BreaksOff::Never => {
                    let (at, landing) = unanswered(flight.attempt.bounds, flight.began);
                    flight.landing = landing;
                    at.max(stage.now)
                }
            };
            self.fly(ticket, flight, at, stage);
        }
    }

    /// Tells the machine of one request what has happened, does what it says, and tells those who can go on by that.
    fn perform(&mut self, ticket: Ticket, input: Input, stage: &mut Stage) {
        self.perform_one(ticket, input, stage);
        while let Some(upstream) = self.bells.next() {
            if let Some(next) = self.line.first_for_room(&upstream, &mut self.requests) {
                self.perform_one(next, Input::Changed, stage);
            }
        }
    }

    fn perform_one(&mut self, ticket: Ticket, input: Input, stage: &mut Stage) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Some(action) = self.decide(ticket, input, stage) else { return };
            next = self.carry_out(ticket, action, stage);
        }
    }

    fn decide(&mut self, ticket: Ticket, input: Input, stage: &mut Stage) -> Option<Action> {
        let one = self.requests.get(ticket)?;
        one.waits = None;
        let begun = input == Input::Begun;
        let client = one.machine.facts().client;
        let mut part = Part { client, bells: &self.bells, pins: &self.pins, now: stage.now, nudges: &mut stage.nudges };
        let (now, snapshot) = (stage.now, &stage.snapshot);
        let action = one.machine.handle(input, &mut Moment { now, rng: &mut one.rng, snapshot, performer: &mut part });
        if begun {
            let figures = stage.story.of_some(one.machine.upstream());
            let count = if one.machine.facts().is_copy() { &mut figures.copies } else { &mut figures.requests };
            *count += 1;
        }
        Some(action)
    }

    /// Does one thing; returns what came of it, where that is known at once.
    fn carry_out(&mut self, ticket: Ticket, action: Action, stage: &mut Stage) -> Option<Input> {
        match action {
            // A scenario has nobody who would say no.
            Action::Ask(_) => return Some(Input::Answered(Ok(()))),
            Action::Attempt(attempt) => self.ask(ticket, attempt, Asked::First, stage),
            Action::Hedge(attempt) => self.ask(ticket, attempt, Asked::Hedge, stage),
            Action::Wait(wait) => self.wait(ticket, wait, stage),
            Action::Continue => {}
            Action::Deliver => return self.deliver(ticket, stage),
            Action::Answer { problem, .. } => self.over(ticket, Some(problem.reason()), stage),
            Action::Cut(cut) => self.over(ticket, Some(cut.reason()), stage),
            Action::Nothing => self.over(ticket, None, stage),
        }
        None
    }

    /// Sends it to a backend.
    fn ask(&mut self, ticket: Ticket, attempt: Attempt, by: Asked, stage: &mut Stage) {
        let Some(one) = self.requests.get(ticket) else { return };
        if by == Asked::First {
            // Whoever was asked before is asked no more.
            one.flights.clear();
        }
        if !one.machine.facts().is_copy() {
            let figures = stage.story.of(&attempt.pool.upstream.name);
            match by {
                Asked::First => figures.attempts += 1,
                Asked::Hedge => figures.hedges += 1,
            }
        }
        let number = self.flights;
        self.flights += 1;
        let course = stage.backends.asked(&attempt.endpoint, attempt.bounds, stage.now);
        if let Some(late) = attempt.hedge_after.filter(|_| course.sent) {
            stage.agenda.push(stage.now + late, Due::Request(ticket, Wake::IsLate(number)));
        }
        self.fly(ticket, Flight { number, by, attempt, began: stage.now, landing: course.landing }, course.at, stage);
    }

    /// It ends at this moment, if nothing happens meanwhile.
    fn fly(&mut self, ticket: Ticket, flight: Flight, at: Timestamp, stage: &mut Stage) {
        if let Some(one) = self.requests.get(ticket) {
            stage.agenda.push(at, Due::Request(ticket, Wake::FlightEnds(flight.number)));
            one.flights.push(flight);
        }
    }

    fn wait(&mut self, ticket: Ticket, wait: Wait, stage: &mut Stage) {
        if let Some(one) = self.requests.get(ticket) {
            one.flights.clear();
            one.waits = Some(wait);
            stage.agenda.push(wait.until, Due::Request(ticket, Wake::WaitEnds));
            self.line.join(ticket);
        }
    }

    /// The answer that was shown is the client's, whole and at once.
    fn deliver(&mut self, ticket: Ticket, stage: &mut Stage) -> Option<Input> {
        let one = self.requests.get(ticket)?;
        one.flights.clear();
        let Flight { by, attempt, landing, .. } = one.answer.take()?;
        let Landing::Answered { status } = landing else { return None };
        let facts = one.machine.facts();
        if !facts.is_copy() {
            if attempt.pin == Pin::New {
                self.pins.set(&attempt.pool, facts.client, attempt.endpoint.key, stage.now);
            }
            let figures = stage.story.of(&attempt.pool.upstream.name);
            figures.hedges_won += u64::from(by == Asked::Hedge);
            if status < 500 {
                figures.saved += u64::from(one.machine.tried().len() > 1);
            } else {
                figures.answered_badly += 1;
            }
        }
        let ended = Ended::Whole { end: AttemptEnd::Response { status }, sent: true, reusable: true };
        Some(Input::Ended { ended, replayable: true })
    }

    /// Its client has an answer. A copy goes out now, where the route has a mirror. `failed`: why the answer is our own.
    fn over(&mut self, ticket: Ticket, failed: Option<&'static str>, stage: &mut Stage) {
        let Some(mut one) = self.requests.end(ticket) else { return };
        let facts = one.machine.facts();
        if facts.is_copy() {
            self.copies -= 1;
        } else if let Some(reason) = failed {
            stage.story.of_some(one.machine.upstream()).refuse(reason);
        }
        if let Some(copy) = facts.mirrored(stage.now, &mut one.rng) {
            let rng = one.rng.fork();
            drop(one);
            self.copy(copy, rng, stage);
        }
    }

    fn copy(&mut self, facts: Facts, rng: Rng, stage: &mut Stage) {
        if self.copies < COPIES_AT_MOST {
            self.copies += 1;
            let ticket = self.requests.begin(facts, rng);
            return self.perform_one(ticket, Input::Begun, stage);
        }
        if let Kind::Copy { upstream } = facts.kind {
            let mirror = facts.terms.plan().upstreams.get(upstream).map(|upstream| &upstream.name);
            stage.story.of_some(mirror).copies_dropped += 1;
        }
    }
}

/// The part that a request's client and its surroundings play.
struct Part<'a> {
    client: u64,
    now: Timestamp,
    bells: &'a Bells,
    pins: &'a Pins,
    nudges: &'a mut Vec<Nudge>,
}

impl Performer for Part<'_> {
    type Bell = Bell;

    fn bell(&mut self, upstream: &Arc<str>) -> Bell {
        self.bells.of(upstream)
    }

    /// What the scenario has of a request to hash by is its client.
    fn hash(&mut self, _: &HashBy) -> Option<u64> {
        Some(self.client)
    }

    fn pinned(&mut self, pool: &Pool, _: &StickyPlan) -> Option<BackendKey> {
        self.pins.of(pool, self.client, self.now)
    }

    fn recorded(&mut self, recorded: &Recorded<'_>) {
        if let Some(kind) = recorded.nudge {
            self.nudges.push(Nudge { backend: recorded.endpoint.key, kind });
        }
    }
}
