//! What is one request's life? Read the target, find the route, act on it, tell the story, hand the connection back.

use super::answer::{Answer, Fate, Unread};
use super::attempt::Tried;
use super::heads::{self, Asker};
use super::keys::client_hash;
use super::place::{Entered, Queued};
use super::replay::Replay;
use super::target::Target;
use super::{ConnectionFacts, Proxy, Served};
use crate::clock::Clock;
use crate::proxy::downstream::ClientSide;
use crate::telemetry::{RequestRecord, Tries};
use http::Version;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::grpc;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::route_table::Question;
use pulsegate_core::plan::{RouteAction, RoutePlan};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// One request, from its head to its record.
pub(super) struct Exchange<'a> {
    pub proxy: &'a Arc<Proxy>,
    pub client: ClientSide,
    pub facts: &'a ConnectionFacts,
    pub snapshot: Arc<Snapshot>,
    pub began: Timestamp,
    pub asker: Asker,
    pub client_hash: u64,
    pub target: Target,
    pub tried: Tried,
    /// Its place in the queue, while it waits.
    pub queued: Option<Queued>,
    /// What it holds of the upstream's limit.
    pub entered: Option<Entered>,
    pub replay: Replay,
    /// A gRPC call: it is answered in gRPC's way, on its own deadline.
    pub call: Option<Call>,
    /// 100 Continue was sent.
    pub continued: bool,
    pub fate: Fate,
    /// A mirror's copy: nobody hears of it.
    pub is_copy: bool,
    pub story: Story,
}

/// What a gRPC call says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// How long the caller waits; `None` = without end.
    pub timeout: Option<Duration>,
}

/// What the record will say.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub route: Option<Arc<str>>,
    pub upstream: Option<Arc<str>>,
    pub backend: Option<Address>,
    pub status: u16,
    pub reason: Option<&'static str>,
    pub attempts: u32,
    pub tries: Tries,
    pub retry_stopped: Option<&'static str>,
    pub upstream_took: Option<Duration>,
    /// When the response's head was there to be sent.
    pub head_at: Option<Timestamp>,
    /// Spent in waiting for a backend that may be asked.
    pub queued: Duration,
    /// Spent in waiting for backends: to connect, and for the heads of their answers.
    pub upstream_wait: Duration,
    /// What we added ourselves, where a backend answered.
    pub overhead: Option<Duration>,
}

impl<'a> Exchange<'a> {
    pub(super) fn begin(proxy: &'a Arc<Proxy>, client: ClientSide, facts: &'a ConnectionFacts) -> Self {
        let began = proxy.handle.clock().now();
        let asker = Asker::of(client.head(), facts, &proxy.telemetry);
        Self {
            snapshot: Arc::clone(&proxy.handle.snapshot()),
            began,
            client_hash: client_hash(asker.client),
            asker,
            target: Target { host: String::new(), path: String::new(), query: String::new(), has_encoded_slash: false },
            tried: Tried::new(),
            queued: None,
            entered: None,
            replay: Replay::default(),
            call: Call::of(&client),
            continued: false,
            fate: Fate::Finish,
            is_copy: false,
            story: Story::default(),
            proxy,
            client,
            facts,
        }
    }

    pub(super) async fn run(mut self) -> Served {
        if self.facts.closing {
            self.client.close_behind();
        }
        match Target::of(self.client.head()) {
            Ok(target) => {
                self.target = target;
                self.act().await;
            }
            Err(problem) => self.refuse(problem, None).await,
        }
        self.tell();
        // What is under way no more makes room, however long the connection takes to end.
        self.entered = None;
        self.client.end(self.fate).await
    }

    async fn act(&mut self) {
        let plan = Arc::clone(&self.snapshot.plan);
        let Some(route) = self.route(&plan.routes) else {
            return self.refuse(Problem::NoRoute, None).await;
        };
        self.story.route = Some(route.name.clone());
        if let Some(guard) = &route.admission
            && !self.passes(route, guard).await
        {
            return;
        }
        if self.target.has_encoded_slash && !route.allow_encoded_slashes {
            return self.refuse(Problem::BadPath, None).await;
        }
        match &route.action {
            RouteAction::Forward(forward) => {
                self.forward(route, forward).await;
                self.mirror(route, forward);
            }
            RouteAction::Redirect { status, location } => self.redirect(*status, location).await,
            RouteAction::Respond { status, content_type, body } => {
                let headers = vec![("Content-Type", content_type.clone())];
                self.own(Answer { status: *status, headers, body: body.clone() }).await;
            }
        }
    }

    fn route<'p>(&self, routes: &'p [RoutePlan]) -> Option<&'p RoutePlan> {
        let head = self.client.head();
        let header = |name: &str| heads::seen(name, head, &self.asker, self.facts);
        let question = Question {
            host: &self.target.host,
            path: &self.target.path,
            method: head.method.as_str(),
            header: &header,
        };
        self.snapshot.plan.table.find(&question).and_then(|index| routes.get(index))
    }

    async fn redirect(&mut self, status: u16, location: &str) {
        let location = location
            .replace("{host}", &self.target.host)
            .replace("{path}", &self.target.path)
            .replace("{query}", &self.target.query);
        self.own(Answer { status, headers: vec![("Location", location)], body: String::new() }).await;
    }

    async fn own(&mut self, answer: Answer) {
        self.story.status = answer.status;
        self.answer(answer).await;
    }

    pub(super) async fn answer(&mut self, answer: Answer) {
        self.story.head_at = Some(self.clock().now());
        let body = self.client.body();
        let unread = Unread::of(body, self.continued || !heads::expects_continue(self.client.head(), body));
        self.fate = answer.send(&mut self.client, &self.asker.request_id, unread).await;
    }

    /// When the whole request must be over.
    pub(super) fn deadline(&self, route: &RoutePlan) -> Timestamp {
        // A caller that says how long it waits knows its call better than the route does, and a stream of messages has no total.
        let total = self.call.map_or(route.timeouts.total, |call| call.timeout);
        total.map_or(Timestamp::NEVER, |total| self.began + total)
    }

    pub(super) fn clock(&self) -> Clock {
        self.proxy.handle.clock()
    }

    fn tell(&self) {
        let head = self.client.head();
        let story = &self.story;
        self.proxy.telemetry.request(&RequestRecord {
            request_id: &self.asker.request_id,
            client: self.asker.client,
            listener: &self.facts.listener.name,
            method: head.method.as_str(),
            host: &self.target.host,
            path: &self.target.path,
            query: &self.target.query,
            headers: Some(&head.headers),
            protocol: self.client.protocol(),
            route: story.route.as_deref(),
            upstream: story.upstream.as_deref(),
            backend: story.backend.as_ref(),
            status: story.status,
            reason: story.reason,
            attempts: story.attempts,
            tries: &story.tries,
            retry_stopped: story.retry_stopped,
            bytes_in: self.client.bytes_in(),
            bytes_out: self.client.bytes_out(),
            tls: self.facts.tls,
            began: self.began,
            took: self.clock().now().since(self.began),
            head_took: story.head_at.map(|at| at.since(self.began)),
            queued: story.queued,
            upstream_took: story.upstream_took,
            overhead: story.overhead,
            trace_id: match &self.asker.trace {
                Some(trace) => Some(trace.told.trace),
                None => heads::trace_parent(head).map(|parent| parent.trace),
            },
            trace: self.asker.trace.as_ref().filter(|trace| trace.is_recorded()),
        });
    }
}

impl Call {
    fn of(client: &ClientSide) -> Option<Self> {
        let head = client.head();
        let is_call = head.version == Version::HTTP_2 && heads::value(head, "content-type").is_some_and(grpc::is_call);
        is_call.then(|| Self { timeout: heads::value(head, grpc::TIMEOUT).and_then(grpc::timeout) })
    }
}
