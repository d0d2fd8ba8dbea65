//! Who is asked, and who next? The loop over attempts: a fresh snapshot each time, a backend that was not tried, an end.

use super::answer::{Answer, Fate};
use super::attempt::{Choice, announced_too_large};
use super::exchange::Exchange;
use super::place::Found;
use super::relay::Relayed;
use http::{HeaderMap, Version};
use pulsegate_core::http::grpc;
use pulsegate_core::http::problem::{Problem, retry_after};
use pulsegate_core::plan::{Forward, RoutePlan, Target};
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::overhead::{Course, overhead};
use pulsegate_core::traffic::retry::{Next, StopReason};
use pulsegate_core::traffic::snapshot::{Emptiness, Pool};
use pulsegate_core::traffic::traffic_split;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout_at;

impl Exchange<'_> {
    pub(super) async fn forward(&mut self, route: &RoutePlan, forward: &Forward) {
        let limit = self.facts.listener.limits.body_bytes;
        if announced_too_large(self.client.body(), limit) {
            return self.refuse(Problem::BodyTooLarge, None).await;
        }
        let Some(name) = self.choose(&forward.targets) else { return self.refuse(Problem::Internal, None).await };
        self.story.upstream = Some(name.clone());
        let mut failed: Option<(AttemptEnd, Arc<Endpoint>)> = None;
        loop {
            let Some(pool) = self.pool(&name).await else {
                return self.refuse(Problem::NoneEligible, None).await;
            };
            let (place, new_pin) = match self.look(&pool, route) {
                Found::Place { place, new_pin } => (place, new_pin),
                Found::Full if !self.is_copy && self.wait_for_room(&pool, route).await => continue,
                Found::Nobody if !self.is_copy && failed.is_none() && self.hold(&pool, route).await => continue,
                found => return self.without_place(&found, &pool, failed.as_ref()).await,
            };
            if failed.is_none() {
                pool.budget.deposit(self.clock().now());
            }
            self.tried.push(place.lease.member.key);
            let choice = Choice { pool: &pool, lease: &place.lease, route, forward, new_pin };
            let attempted = self.attempt(&choice).await;
            let (relayed, member) = (attempted.relayed, &place.lease.member);
            match attempted.next {
                Next::Retry { .. } => failed = Some((relayed.end.clone(), Arc::clone(member))),
                Next::Stop(_) => self.settle(&pool, member, &relayed.end, failed.is_some()),
            }
            drop(place);
            self.story.upstream_took = relayed.head_after;
            if let Some(problem) = relayed.refusal {
                return self.refuse(problem, None).await;
            }
            if let Next::Stop(reason) = attempted.next {
                if reason != StopReason::NotRetriable {
                    self.story.retry_stopped = Some(reason.word());
                }
                return if relayed.begun { self.delivered(&relayed).await } else { self.give_up(&relayed.end).await };
            }
        }
    }

    /// The name of the upstream that takes this request.
    fn choose(&self, targets: &[Target]) -> Option<Arc<str>> {
        let serves = |upstream: usize| {
            let pool = self.snapshot.pools.get(upstream);
            pool.is_some_and(|pool| matches!(pool.emptiness, Emptiness::Serving | Emptiness::AllUnchecked))
        };
        let chosen = traffic_split::choose(targets, fastrand::u64(..), serves)?;
        self.snapshot.plan.upstreams.get(chosen).map(|upstream| upstream.name.clone())
    }

    async fn without_place(&mut self, found: &Found, pool: &Pool, failed: Option<&(AttemptEnd, Arc<Endpoint>)>) {
        match (failed, found) {
            (Some((end, member)), _) => {
                self.settle(pool, member, end, true);
                self.give_up(end).await;
            }
            (None, Found::Full) => {
                let in_a_second = Some(self.clock().now() + Duration::from_secs(1));
                let wait = retry_after(in_a_second, self.clock().now(), fastrand::u64(..));
                self.refuse(Problem::Overloaded, Some(wait)).await;
            }
            (None, Found::Nobody | Found::Place { .. }) => self.nobody(pool).await,
        }
    }

    /// The pool of this moment; waits while all of its members are unchecked, at most the start wait.
    async fn pool(&mut self, name: &str) -> Option<Arc<Pool>> {
        let mut generation = self.proxy.handle.generation();
        let until = self.clock().instant(self.began + self.snapshot.plan.start.wait);
        loop {
            generation.borrow_and_update();
            self.snapshot = Arc::clone(&self.proxy.handle.snapshot());
            let pool = self.snapshot.pools.iter().find(|pool| &*pool.upstream.name == name)?;
            if pool.emptiness != Emptiness::AllUnchecked {
                return Some(Arc::clone(pool));
            }
            let pool = Arc::clone(pool);
            let began = self.clock().now();
            let changed = matches!(timeout_at(until, generation.changed()).await, Ok(Ok(())));
            self.story.queued += self.clock().now().since(began);
            if !changed {
                return Some(pool);
            }
        }
    }

    /// Nobody could be asked at all.
    async fn nobody(&mut self, pool: &Pool) {
        let now = self.clock().now();
        let (problem, earliest) = match pool.emptiness {
            Emptiness::AllUnchecked => (Problem::NotCheckedYet, None),
            Emptiness::NobodyEligible { earliest_return } => (Problem::NoneEligible, earliest_return),
            Emptiness::Serving | Emptiness::NoMembers => (Problem::NoneEligible, None),
        };
        self.refuse(problem, Some(retry_after(earliest, now, fastrand::u64(..)))).await;
    }

    /// The last attempt failed and nothing was written to the client: our own answer says so.
    async fn give_up(&mut self, end: &AttemptEnd) {
        let problem = match end {
            AttemptEnd::PerTryTimeout | AttemptEnd::ConnectFailed { timed_out: true } => Problem::BackendTimeout,
            AttemptEnd::InvalidResponse => Problem::BadBackendAnswer,
            AttemptEnd::ClientAborted { .. } => {
                self.fate = Fate::Cut;
                self.story.status = 499;
                self.story.reason = Some("client_left");
                return;
            }
            AttemptEnd::Ours => Problem::Internal,
            _ => Problem::BackendFailed,
        };
        self.refuse(problem, None).await;
    }

    /// The response began: it was delivered whole, or both connections are cut.
    async fn delivered(&mut self, relayed: &Relayed) {
        self.story.status = self.client.status().unwrap_or_default();
        let (began, queued, upstream) = (self.began, self.story.queued, self.story.upstream_wait);
        self.story.overhead = self.story.head_at.map(|ready| overhead(&Course { began, ready, queued, upstream }));
        if relayed.whole && !relayed.sent_whole {
            self.fate = Fate::Linger;
        }
        if !relayed.whole {
            // What a backend has sent of a body whose length is known may be of use. Else the kernel would go on serving a client
            // that does not read, or an end without a length would look whole.
            let framed = self.client.head().version != Version::HTTP_10;
            let broken = matches!(relayed.end, AttemptEnd::BrokenBody { .. });
            self.fate = if broken && framed { Fate::Cut } else { Fate::Reset };
            self.story.reason = Some(match &relayed.end {
                AttemptEnd::ClientAborted { .. } => "client_left",
                AttemptEnd::BrokenBody { .. } => "backend_broke_off",
                _ => "cut",
            });
            if self.call.is_some() {
                self.hang_up(&relayed.end).await;
            }
        }
    }

    /// A gRPC call that broke off behind its head is told so in trailers: a reset would say less.
    async fn hang_up(&mut self, end: &AttemptEnd) {
        let problem = match end {
            AttemptEnd::ClientAborted { .. } => return,
            AttemptEnd::BrokenBody { .. } | AttemptEnd::CutOff => Problem::BackendFailed,
            _ => Problem::TotalTimeout,
        };
        let mut trailers = HeaderMap::new();
        trailers.insert(grpc::STATUS, grpc::status_of(problem).into());
        if let Ok(message) = grpc::message(problem.detail()).parse() {
            trailers.insert(grpc::MESSAGE, message);
        }
        if self.client.offer_trailers(trailers).await.is_ok() {
            self.fate = Fate::Finish;
        }
    }

    /// Answers by itself.
    pub(super) async fn refuse(&mut self, problem: Problem, retry_after: Option<u64>) {
        let answer = self.refusal(problem, retry_after);
        self.answer(answer).await;
    }

    /// The answer to a request that is refused, and the story of it.
    pub(super) fn refusal(&mut self, problem: Problem, retry_after: Option<u64>) -> Answer {
        self.story.status = problem.status();
        self.story.reason = Some(problem.reason());
        match self.call {
            Some(_) => Answer::grpc(problem),
            None => Answer::problem(problem, &self.asker.request_id, retry_after),
        }
    }
}
