//! What does the request machine know of the world, and whom does it tell? The proxy's clock, randomness and snapshot; the request's head;
//! the cells' followers; and those who wait.

use super::keys;
use super::queues::Wake;
use crate::clock::Clock;
use crate::proxy::asked::Asked;
use crate::proxy::downstream::ClientSide;
use crate::proxy::message::RequestHead;
use crate::proxy::story::Story;
use crate::proxy::worker::Picture;
use crate::proxy::{ConnectionFacts, Proxy, rewrite};
use crate::telemetry::Try;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::{HashBy, RoutePlan, StickyPlan};
use pulsegate_core::traffic::cell::Nudge;
use pulsegate_core::traffic::outcome::Outcome;
use pulsegate_core::traffic::request::{
    Action, Asked as By, Awaited, Input, Moment, Performer, Recorded, Request, Terms, Wait, Way,
};
use pulsegate_core::traffic::snapshot::Pool;
use std::sync::Arc;
use tokio::time::timeout_at;

/// The machine of one request, with all that it is told and tells.
pub(super) struct Machine<'e> {
    pub surroundings: Surroundings<'e>,
    pub story: &'e mut Story,
    request: &'e mut Request<Wake>,
    /// What was seen last of the world.
    picture: Picture,
    spans: Spans,
}

/// What stays the same around a request.
#[derive(Clone, Copy)]
pub(in crate::proxy) struct Surroundings<'e> {
    pub proxy: &'e Arc<Proxy>,
    pub facts: &'e ConnectionFacts,
    pub asked: &'e Asked,
    pub terms: &'e Terms,
}

/// Each attempt has a span of its own where the trace is recorded, of which the backend's is a child.
#[derive(Clone, Copy, Debug, Default)]
struct Spans {
    first: u64,
    hedge: u64,
}

impl<'e> Machine<'e> {
    pub(super) fn of(surroundings: Surroundings<'e>, request: &'e mut Request<Wake>, story: &'e mut Story) -> Self {
        let picture = surroundings.facts.worker.picture(&surroundings.proxy.handle);
        Self { surroundings, story, request, picture, spans: Spans::default() }
    }

    /// Something has happened to the request of this head. Returns what is to be done.
    pub(super) fn tell(&mut self, input: Input, head: &RequestHead) -> Action {
        let Surroundings { proxy, facts, .. } = self.surroundings;
        facts.worker.look(&proxy.handle, &mut self.picture);
        let snapshot = self.picture.snapshot();
        let attempt = self.request.attempts();
        let (surroundings, spans) = (self.surroundings, self.spans);
        let mut world = World { surroundings, story: self.story, head, spans, attempt };
        let (now, rng) = (proxy.clock().now(), &mut Rng::new(fastrand::u64(..)));
        self.request.handle(input, &mut Moment { now, rng, snapshot, performer: &mut world })
    }

    /// Until something changes, the time is up, or the client leaves. Returns what is to be done then.
    pub(super) async fn wait(&mut self, wait: Wait, client: &mut ClientSide) -> Action {
        let until = self.clock().instant(wait.until);
        let input = tokio::select! {
            biased;
            () = client.left() => Input::ClientLeft,
            changed = timeout_at(until, self.changed(wait.why)) => changed.map_or(Input::Woken, |()| Input::Changed),
        };
        self.tell(input, client.head())
    }

    async fn changed(&self, why: Awaited) {
        let proxy = self.surroundings.proxy;
        let queue = self.request.upstream().filter(|_| why == Awaited::Room).map(|name| proxy.queues.of(name));
        match queue {
            Some(bell) => tokio::select! {
                () = bell.rung() => {}
                () = self.newer_snapshot() => {}
            },
            None => self.newer_snapshot().await,
        }
    }

    /// Returns when another snapshot than ours is in force.
    async fn newer_snapshot(&self) {
        let ours = self.picture.snapshot().generation;
        // It fails only when the process ends.
        let _ = self.surroundings.proxy.handle.generation().wait_for(|generation| *generation != ours).await;
    }

    pub(super) fn clock(&self) -> Clock {
        self.surroundings.proxy.clock()
    }

    pub(super) fn route(&self) -> &'e RoutePlan {
        self.surroundings.terms.route()
    }

    pub(super) fn request(&self) -> &Request<Wake> {
        self.request
    }

    /// What an attempt over this way tells its backend of the trace.
    pub(super) fn begin_span(&mut self, by: By, way: Way) -> Option<Trace> {
        let mut trace = self.surroundings.asked.asker.trace?;
        let span = match by {
            By::First => &mut self.spans.first,
            By::Hedge => &mut self.spans.hedge,
        };
        // A copy has no span of its own: what is told is a child of ours.
        if trace.is_recorded() && !self.request.facts().is_copy() {
            // An attempt that goes on over a new connection has its span.
            *span = if way == Way::NewConnection { *span } else { fastrand::u64(1..) };
            trace.told.span = *span;
        }
        Some(trace)
    }

    /// It is over: what the story must say of it.
    pub(super) fn over(self) {
        let (story, request) = (self.story, self.request);
        story.attempts = request.attempts();
        story.retry_stopped = request.retry_stopped().map(|reason| reason.word());
        story.queued = request.waited();
    }
}

/// The machine's view of one moment.
struct World<'w> {
    surroundings: Surroundings<'w>,
    story: &'w mut Story,
    head: &'w RequestHead,
    spans: Spans,
    /// Its number.
    attempt: u32,
}

impl Performer for World<'_> {
    type Bell = Wake;

    fn bell(&mut self, upstream: &Arc<str>) -> Wake {
        self.surroundings.proxy.queues.of(upstream)
    }

    fn hash(&mut self, by: &HashBy) -> Option<u64> {
        keys::hash(by, self.head, self.surroundings.asked)
    }

    fn pinned(&mut self, pool: &Pool, plan: &StickyPlan) -> Option<BackendKey> {
        self.surroundings.proxy.pinned(pool, plan, self.head)
    }

    fn bound(&mut self, pool: &Pool, now: Timestamp) -> Option<BackendKey> {
        self.surroundings.facts.private.bound(&pool.upstream.name, now)
    }

    fn recorded(&mut self, recorded: &Recorded<'_>) {
        let (proxy, endpoint) = (self.surroundings.proxy, recorded.endpoint);
        proxy.telemetry.attempt(endpoint.key, recorded.record);
        if let Some(kind) = recorded.nudge {
            proxy.handle.nudge(Nudge { backend: endpoint.key, kind });
        }
        if matches!(recorded.record.outcome, Outcome::Failure(_)) {
            log::debug!("attempt {} at {} failed: {:?}", self.attempt, endpoint.id, recorded.end);
        }
        // One that is asked again goes on.
        if !recorded.again {
            self.story.tries.push(self.tried(recorded));
        }
    }
}

impl World<'_> {
    /// For the request's line, and its span.
    fn tried(&self, recorded: &Recorded<'_>) -> Try {
        let asked = self.surroundings.asked;
        let backend = recorded.endpoint.id.address.clone();
        let is_recorded = asked.asker.trace.is_some_and(|trace| trace.is_recorded());
        let url = is_recorded.then(|| {
            let scheme = if recorded.pool.upstream.tls.is_some() { "https" } else { "http" };
            let path = rewrite::rewritten_path(&asked.target, self.surroundings.terms.route());
            format!("{scheme}://{backend}{path}")
        });
        Try {
            backend,
            end: recorded.end.clone(),
            began: recorded.began,
            took: recorded.record.now.since(recorded.began),
            span: match recorded.by {
                By::First => self.spans.first,
                By::Hedge => self.spans.hedge,
            },
            url,
        }
    }
}
