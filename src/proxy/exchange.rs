//! What is one request's life? Read the target, find the route, act on it, tell the story, hand the connection back.

use super::admission::{AtTheDoor, Denied};
use super::answer::{self, Unread};
use super::asked::{self, Asked};
use super::dialogue::Dialogue;
use super::forward::{self, Held, Outcome, Surroundings};
use super::heads::{self, Body};
use super::story::Story;
use super::worker::Picture;
use super::{ConnectionFacts, Proxy, passage};
use crate::proxy::downstream::{ClientSide, Fate};
use http::HeaderMap;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::forwarding::passage::MaxForwards;
use pulsegate_core::http::grpc;
use pulsegate_core::http::own_answer::location::location as filled;
use pulsegate_core::http::own_answer::{ALLOWED, OwnAnswer};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::route_table::Question;
use pulsegate_core::plan::{Plan, RouteAction};
use pulsegate_core::traffic::request::{Cut, Terms};
use std::sync::Arc;

/// One request, from its head to its record.
pub(super) struct Exchange<'a> {
    proxy: &'a Arc<Proxy>,
    facts: &'a ConnectionFacts,
    picture: Picture,
    began: Timestamp,
    asked: Asked,
    dialogue: Dialogue<'a>,
    story: Story,
    /// The one that was found.
    route: Option<usize>,
    /// What is held of the upstream until the exchange is over.
    held: Option<Held>,
}

impl<'a> Exchange<'a> {
    /// Returns how the client's part in it is to end.
    pub(super) async fn serve(proxy: &'a Arc<Proxy>, client: &'a mut ClientSide, facts: &'a ConnectionFacts) -> Fate {
        if facts.closing {
            client.close_behind();
        }
        let began = proxy.clock().now();
        let (asked, checked) = Asked::of(client, facts, &proxy.telemetry);
        let (picture, dialogue) = (facts.worker.picture(&proxy.handle), Dialogue::with(client));
        let story = Story::default();
        let mut exchange = Self { proxy, facts, picture, began, asked, dialogue, story, route: None, held: None };
        match checked {
            Ok(()) => exchange.act().await,
            Err(problem) => exchange.refuse(problem, None).await,
        }
        exchange.tell();
        exchange.dialogue.over()
    }

    /// Names are borrowed where they are held anyway: a copy would be counted where all workers count.
    fn tell(&self) {
        let route = self.route.and_then(|route| Some(&*self.picture.plan().routes.get(route)?.name));
        let upstream = self.held.as_ref().and_then(|held| Some(&**held.upstream()?));
        self.story.tell(self.proxy, self.facts, &self.asked, &self.dialogue, self.began, (route, upstream));
    }

    async fn act(&mut self) {
        if passage::is_loop(self.dialogue.client.head(), self.facts.listener.limits.loops) {
            return self.refuse(Problem::LoopDetected, None).await;
        }
        let hops = self.hops();
        if hops == Some(MaxForwards::Malformed) {
            return self.refuse(Problem::MalformedRequest, None).await;
        }
        let plan = self.picture.plan().clone();
        let index = self.found();
        let Some((index, route)) = index.and_then(|index| Some((index, plan.routes.get(index)?))) else {
            return self.refuse(Problem::NoRoute, None).await;
        };
        self.route = Some(index);
        if let Some(denied) = self.denied(&plan, index) {
            return self.deny(denied).await;
        }
        if self.asked.target.has_encoded_slash && !route.allow_encoded_slashes {
            return self.refuse(Problem::BadPath, None).await;
        }
        match &route.action {
            RouteAction::Forward(_) if hops != Some(MaxForwards::Last) => {
                if let Some(terms) = Terms::of(plan.clone(), index) {
                    self.forward(terms).await;
                }
            }
            _ if self.is_too_large() => self.refuse(Problem::BodyTooLarge, None).await,
            RouteAction::Forward(_) => self.own(200, vec![("Allow", ALLOWED.to_owned())], String::new()).await,
            RouteAction::Redirect { status, location } => self.redirect(*status, location).await,
            RouteAction::Respond { status, content_type, body } => {
                self.own(*status, vec![("Content-Type", content_type.clone())], body.clone()).await;
            }
        }
    }

    fn found(&self) -> Option<usize> {
        self.ask(|question| self.picture.plan().table.find(question))
    }

    /// Asks the table of routes about this request.
    fn ask<T>(&self, asked: impl FnOnce(&Question<'_>) -> T) -> T {
        let head = self.dialogue.client.head();
        let header = |name: &str| asked::seen(name, head, &self.asked, self.facts);
        asked(&Question {
            host: &self.asked.target.host,
            path: &self.asked.target.path,
            method: head.method(),
            header: &header,
        })
    }

    fn denied(&self, plan: &Plan, found: usize) -> Option<Denied> {
        let route = plan.routes.get(found)?;
        let guarding = self.ask(|question| plan.table.guarding(question, found));
        let also = guarding.and_then(|guarding| Some((plan.routes.get(guarding.route)?, guarding)));
        if route.admission.is_none() && also.is_none() {
            return None;
        }
        let (asked, head) = (&self.asked, self.dialogue.client.head());
        AtTheDoor { proxy: self.proxy, facts: self.facts, asked, head, route, also }.passes().err()
    }

    /// How far an OPTIONS wants to go (TRACE is served to nobody).
    fn hops(&self) -> Option<MaxForwards> {
        let head = self.dialogue.client.head();
        (head.method() == "OPTIONS").then(|| heads::max_forwards(head))?
    }

    /// Its body is longer than the listener takes, as it says itself.
    fn is_too_large(&self) -> bool {
        let limit = self.facts.listener.limits.body_bytes;
        limit > 0 && matches!(self.dialogue.client.body(), Body::Length(length) if length > limit)
    }

    async fn deny(&mut self, denied: Denied) {
        let answer = self.refusal(denied.denial.problem(), denied.retry_after);
        self.story.reason = Some(denied.denial.reason());
        self.answer(answer.with(denied.headers)).await;
    }

    async fn forward(&mut self, terms: Terms) {
        let facts = forward::facts(&self.surroundings(&terms), self.dialogue.client, self.began);
        if self.is_too_large() {
            self.refuse(Problem::BodyTooLarge, None).await;
            return forward::mirror(self.surroundings(&terms), &facts, &self.dialogue);
        }
        let held = self.held.insert(Held::new(facts));
        // Field by field: the dialogue and the story are lent at the same time.
        let surroundings = Surroundings { proxy: self.proxy, facts: self.facts, asked: &self.asked, terms: &terms };
        let outcome = forward::forward(surroundings, held, &mut self.dialogue, &mut self.story).await;
        // What its client took back before anybody was asked is not sent to anybody.
        let taken_back = matches!(outcome, Outcome::Cut(Cut::LeftUnanswered)) && held.attempts() == 0;
        match outcome {
            Outcome::Answer { problem, retry_after } => self.refuse(problem, retry_after).await,
            Outcome::Delivered => self.story.answered(self.dialogue.client.status(), self.began),
            Outcome::Cut(cut) => self.cut(cut).await,
        }
        if let Some(held) = self.held.as_ref().filter(|_| !taken_back) {
            forward::mirror(self.surroundings(&terms), held.facts(), &self.dialogue);
        }
    }

    fn surroundings<'s>(&'s self, terms: &'s Terms) -> Surroundings<'s> {
        Surroundings { proxy: self.proxy, facts: self.facts, asked: &self.asked, terms }
    }

    /// The client cannot have a whole answer.
    async fn cut(&mut self, cut: Cut) {
        self.story.reason = Some(cut.reason());
        if cut == Cut::LeftUnanswered {
            self.dialogue.fate = Fate::Cut;
            self.story.status = 499;
            return;
        }
        self.story.answered(self.dialogue.client.status(), self.began);
        // What a backend has sent of a body whose length is known may be of use. Else the kernel would go on serving a client that does
        // not read, or an end without a length would look whole.
        let framed = !self.dialogue.client.head().is_http10();
        self.dialogue.fate = if cut == Cut::BackendBrokeOff && framed { Fate::Cut } else { Fate::Reset };
        if let (Some(_), Some(problem)) = (self.asked.call, cut.problem()) {
            self.hang_up(problem).await;
        }
    }

    /// A gRPC call that broke off behind its head is told so in trailers: a reset would say less.
    async fn hang_up(&mut self, problem: Problem) {
        let mut trailers = HeaderMap::new();
        trailers.insert(grpc::STATUS, grpc::status_of(problem).into());
        if let Ok(message) = grpc::message(problem.detail()).parse() {
            trailers.insert(grpc::MESSAGE, message);
        }
        if self.dialogue.client.offer_trailers(trailers).is_ok() {
            self.dialogue.fate = Fate::Finish;
        }
    }

    async fn redirect(&mut self, status: u16, location: &str) {
        let target = &self.asked.target;
        match filled(location, &target.host, &target.path, &target.query) {
            Some(location) => self.own(status, vec![("Location", location)], String::new()).await,
            None => self.refuse(Problem::BadHost, None).await,
        }
    }

    /// What the route itself answers.
    async fn own(&mut self, status: u16, fields: Vec<(&'static str, String)>, body: String) {
        self.story.status = status;
        self.answer(OwnAnswer::written(status, fields, body, &self.asked.asker.request_id)).await;
    }

    /// Answers by itself.
    async fn refuse(&mut self, problem: Problem, retry_after: Option<u64>) {
        match problem {
            Problem::RequestTimeout => self.dialogue.client.leave_behind(),
            // Where its body ends, nobody can tell.
            Problem::MalformedRequest => self.dialogue.client.close_behind(),
            _ => {}
        }
        let answer = self.refusal(problem, retry_after);
        self.answer(answer).await;
    }

    /// The answer to a request that is refused, and the story of it.
    fn refusal(&mut self, problem: Problem, retry_after: Option<u64>) -> OwnAnswer {
        let answer = OwnAnswer::to(problem, self.asked.call.is_some(), &self.asked.asker.request_id, retry_after);
        self.story.status = answer.status();
        self.story.reason = Some(problem.reason());
        answer
    }

    async fn answer(&mut self, answer: OwnAnswer) {
        self.story.head_at = Some(self.proxy.clock().now_anew());
        let Dialogue { client, continued, .. } = &mut self.dialogue;
        let body = client.body();
        let unread = Unread::of(body, *continued || !heads::expects_continue(client.head(), body));
        self.dialogue.fate = answer::send(answer, client, unread).await;
    }
}
