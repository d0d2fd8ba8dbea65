//! What becomes of a request? The proxy's loop without sockets: a fresh snapshot for each attempt, a backend that was not tried, an end.
//!
//! Who is picked, what an outcome says, and whether another is asked is decided where the gateway decides it.

use super::behaviour::{Patience, unanswered};
use super::request::{Attempt, Request, Ticket, Wait};
use super::scenario::Load;
use super::world::{Due, World, terms_of};
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::{Rng, mix};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::Input;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::{Plan, Policy, RetryPlan, Target, Timeouts};
use pulsegate_core::traffic::cell::{Nudge, Record};
use pulsegate_core::traffic::endpoint::Lease;
use pulsegate_core::traffic::load_balancing::PickInput;
use pulsegate_core::traffic::outcome::{AttemptEnd, classify};
use pulsegate_core::traffic::retry::{AfterAttempt, Next, SLOW_AFTER, decide, time_left, within_budget};
use pulsegate_core::traffic::snapshot::{Emptiness, Pool};
use pulsegate_core::traffic::traffic_split;
use std::sync::Arc;
use std::time::Duration;

/// So many full backends in a row, and the request waits, as in the proxy.
const FULL_IN_A_ROW: usize = 16;

/// Those who send.
#[derive(Debug)]
pub(super) struct Clients {
    accepting: bool,
    loads: Vec<Sender>,
}

#[derive(Debug)]
struct Sender {
    next: Timestamp,
    /// Between two requests on average, nanoseconds.
    gap: f64,
    /// `None`: the configuration of the moment has no way for them.
    terms: Option<Arc<Terms>>,
}

/// On what terms requests are sent.
#[derive(Debug)]
pub(super) struct Terms {
    pub targets: Vec<Target>,
    pub timeouts: Timeouts,
    pub retries: RetryPlan,
    pub start_wait: Duration,
}

impl Clients {
    pub(super) fn new(loads: &[Load], plan: &Plan) -> Self {
        let sender = |load: &Load| Sender {
            next: Timestamp::NEVER,
            gap: 1e9 / load.per_second.max(f64::MIN_POSITIVE),
            terms: terms_of(plan, &load.asks).map(Arc::new),
        };
        Self { accepting: false, loads: loads.iter().map(sender).collect() }
    }

    /// The listeners accept from now on.
    pub(super) fn accept(&mut self, now: Timestamp, rng: &mut Rng) {
        if !std::mem::replace(&mut self.accepting, true) {
            for load in &mut self.loads {
                load.next = load.after(now, rng);
            }
        }
    }

    /// Another configuration.
    pub(super) fn redirect(&mut self, loads: &[Load], plan: &Plan) {
        for (sender, load) in self.loads.iter_mut().zip(loads) {
            sender.terms = terms_of(plan, &load.asks).map(Arc::new);
        }
    }

    pub(super) fn next(&self) -> Timestamp {
        self.loads.iter().map(|load| load.next).min().unwrap_or(Timestamp::NEVER)
    }
}

impl Sender {
    /// Requests come at random: the time between two of them is exponential.
    fn after(&self, now: Timestamp, rng: &mut Rng) -> Timestamp {
        now + Duration::from_nanos((-(1.0 - rng.unit()).ln() * self.gap) as u64)
    }
}

impl World<'_> {
    /// The request that is next.
    pub(super) fn arrive(&mut self) {
        let (now, rng) = (self.now, &mut self.rng);
        let due = self.clients.loads.iter_mut().enumerate().find(|(_, load)| load.next <= now);
        let Some((position, sender)) = due else { return };
        sender.next = sender.after(now, rng);
        let Some(load) = self.scenario.loads.get(position) else { return };
        self.story.traffic.requests += 1;
        let Some(terms) = sender.terms.clone() else { return self.story.traffic.refused(Problem::NoRoute) };
        let pools = &self.snapshot.pools;
        let serves = |upstream: usize| {
            let pool = pools.get(upstream);
            pool.is_some_and(|pool| matches!(pool.emptiness, Emptiness::Serving | Emptiness::AllUnchecked))
        };
        let Some(upstream) = traffic_split::choose(&terms.targets, self.rng.next_u64(), serves) else { return };
        let client = mix(u64::from(self.rng.below(load.clients)) + 1);
        let idempotent = load.non_idempotent == 0.0 || self.rng.unit() >= load.non_idempotent;
        let ticket = self.requests.begin();
        if let Some(request) = self.requests.get(ticket) {
            (request.load, request.client, request.idempotent) = (position, client, idempotent);
            (request.began, request.upstream) = (now, upstream);
        }
        self.go_on(ticket);
    }

    /// Looks for a place and begins an attempt there, or waits, or gives up.
    fn go_on(&mut self, ticket: Ticket) {
        let Some(request) = self.requests.get(ticket) else { return };
        let Some(terms) = self.clients.loads.get(request.load).and_then(|load| load.terms.clone()) else {
            return self.refuse(ticket, Problem::NoRoute);
        };
        // After a reload the position may be another's.
        let pool = match &request.pool {
            Some(before) => self.snapshot.pools.iter().find(|pool| pool.upstream.name == before.upstream.name),
            None => self.snapshot.pools.get(request.upstream),
        };
        let Some(pool) = pool.map(Arc::clone) else { return self.refuse(ticket, Problem::NoneEligible) };
        request.waits = None;
        let deadline = deadline(request, &terms);
        if pool.emptiness == Emptiness::AllUnchecked {
            let until = request.began + terms.start_wait;
            request.pool = Some(pool);
            return self.wait(ticket, Wait::Verdict, until, Problem::NotCheckedYet);
        }
        let found = look(request, &pool, &terms, self.now, &mut self.rng);
        request.pool = Some(Arc::clone(&pool));
        match found {
            Found::Place(lease) => self.begin_attempt(ticket, lease, &pool, &terms),
            Found::Full => {
                let limits = &pool.upstream.limits;
                let until = (self.now + limits.queue_timeout).min(deadline);
                if request.queued || pool.circuit_breaker.join(limits.queue) {
                    request.queued = true;
                    return self.wait(ticket, Wait::Room, until, Problem::Overloaded);
                }
                self.refuse(ticket, Problem::Overloaded);
            }
            Found::Nobody => {
                let until = (request.began + pool.upstream.limits.hold).min(deadline);
                let holds = request.tried.is_empty() && request.idempotent;
                if holds && !pool.upstream.limits.hold.is_zero() {
                    return self.wait(ticket, Wait::Somebody, until, Problem::NoneEligible);
                }
                let problem = if request.failed_once { Problem::BackendFailed } else { Problem::NoneEligible };
                self.refuse(ticket, problem);
            }
        }
    }

    fn begin_attempt(&mut self, ticket: Ticket, lease: Lease, pool: &Pool, terms: &Terms) {
        let behaviour = self.backends.get(lease.member.key);
        let Some(request) = self.requests.get(ticket) else { return };
        if std::mem::take(&mut request.queued) {
            pool.circuit_breaker.quit();
        }
        if request.tried.is_empty() {
            pool.budget.deposit(self.now);
        }
        request.tried.push(lease.member.key);
        request.lease = Some(lease);
        let patience = patience(terms, self.now, deadline(request, terms));
        let ending = behaviour.asked(patience, &mut self.rng);
        request.attempt = Some(Attempt { began: self.now, end: ending.end, out_of_time: ending.out_of_time });
        self.story.traffic.attempts += 1;
        self.due.push(self.now + ending.after, Due::AttemptEnds(ticket));
    }

    /// Its outcome is written down, and it goes on elsewhere or is over.
    pub(super) fn attempt_ends(&mut self, ticket: Ticket) {
        let Some(request) = self.requests.get(ticket) else { return };
        let (Some(attempt), Some(lease), Some(pool)) =
            (request.attempt.take(), request.lease.take(), request.pool.clone())
        else {
            return;
        };
        let Some(terms) = self.clients.loads.get(request.load).and_then(|load| load.terms.clone()) else {
            return self.refuse(ticket, Problem::NoRoute);
        };
        let after = AfterAttempt {
            end: &attempt.end,
            idempotent: request.idempotent,
            replayable: true,
            never_sent: attempt.end.never_processed(),
            attempts: request.tried.len() as u32,
            untried_left: pool.balancer.has_untried(&request.tried),
            time_left: time_left(self.now, deadline(request, &terms)),
        };
        let next = within_budget(decide(&after, &terms.retries), &pool.budget, self.now);
        let record = Record {
            outcome: classify(&attempt.end, SLOW_AFTER),
            latency: self.now.since(attempt.began),
            client: request.client,
            trial: lease.trial,
            now: self.now,
        };
        let hint = lease.member.cell.record(record, &pool.upstream.passive);
        let key = lease.member.key;
        drop(lease);
        let retries = matches!(next, Next::Retry { .. }) && !attempt.out_of_time;
        request.failed_once |= retries;
        let again = request.failed_once;
        if let Some(kind) = hint {
            self.tell(Input::Nudge(Nudge { backend: key, kind }));
        }
        if retries {
            self.go_on(ticket);
        } else {
            match attempt.end {
                AttemptEnd::Response { status } if status < 500 => {
                    self.story.traffic.saved += u64::from(again);
                    self.close(ticket);
                }
                AttemptEnd::Response { .. } => {
                    self.story.traffic.answered_badly += 1;
                    self.close(ticket);
                }
                _ if attempt.out_of_time => self.refuse(ticket, Problem::TotalTimeout),
                AttemptEnd::PerTryTimeout | AttemptEnd::ConnectFailed { timed_out: true } => {
                    self.refuse(ticket, Problem::BackendTimeout);
                }
                _ => self.refuse(ticket, Problem::BackendFailed),
            }
        }
        self.room(&pool);
    }

    /// Nobody listens there any more: what was under way is reset.
    pub(super) fn cut(&mut self, key: BackendKey) {
        for ticket in self.requests.at(key) {
            let Some(ticket) = self.requests.renew(ticket) else { continue };
            if let Some(attempt) = self.requests.get(ticket).and_then(|request| request.attempt.as_mut()) {
                attempt.end = AttemptEnd::ResetBeforeHead { reused: false };
                attempt.out_of_time = false;
            }
            self.due.push(self.now, Due::AttemptEnds(ticket));
        }
    }

    /// It answers nothing any more: what was under way waits in vain.
    pub(super) fn freeze(&mut self, key: BackendKey) {
        for ticket in self.requests.at(key) {
            let Some(ticket) = self.requests.renew(ticket) else { continue };
            let Some(request) = self.requests.get(ticket) else { continue };
            let load = request.load;
            let Some(terms) = self.clients.loads.get(load).and_then(|load| load.terms.clone()) else { continue };
            let Some(began) = request.attempt.as_ref().map(|attempt| attempt.began) else { continue };
            let ending = unanswered(patience(&terms, began, deadline(request, &terms)));
            request.attempt = Some(Attempt { began, end: ending.end, out_of_time: ending.out_of_time });
            self.due.push((began + ending.after).max(self.now), Due::AttemptEnds(ticket));
        }
    }

    fn wait(&mut self, ticket: Ticket, why: Wait, until: Timestamp, otherwise: Problem) {
        if until <= self.now {
            return self.refuse(ticket, otherwise);
        }
        if let Some(request) = self.requests.get(ticket) {
            request.waits = Some((why, until));
            self.requests.waiting.push(ticket);
            self.due.push(until, Due::WaitEnds(ticket));
        }
    }

    pub(super) fn wait_ends(&mut self, ticket: Ticket) {
        let Some((why, until)) = self.requests.get(ticket).and_then(|request| request.waits) else { return };
        if until > self.now {
            return;
        }
        self.requests.waiting.retain(|one| *one != ticket);
        self.refuse(
            ticket,
            match why {
                Wait::Verdict => Problem::NotCheckedYet,
                Wait::Room => Problem::Overloaded,
                Wait::Somebody => Problem::NoneEligible,
            },
        );
    }

    /// There is a new snapshot: whoever waits looks again.
    pub(super) fn look_again(&mut self) {
        for ticket in std::mem::take(&mut self.requests.waiting) {
            self.go_on(ticket);
        }
    }

    /// A place was given back: whoever waits longest for one looks again.
    fn room(&mut self, pool: &Pool) {
        if self.requests.waiting.is_empty() {
            return;
        }
        let requests = &mut self.requests;
        let waits = |ticket: &Ticket, requests: &mut super::request::Requests| {
            requests.get(*ticket).is_some_and(|request| {
                let here = request.pool.as_ref().is_some_and(|own| own.upstream.name == pool.upstream.name);
                here && matches!(request.waits, Some((Wait::Room, _)))
            })
        };
        let waiting = std::mem::take(&mut requests.waiting);
        let first = waiting.iter().position(|ticket| waits(ticket, requests));
        requests.waiting = waiting;
        if let Some(first) = first {
            let ticket = self.requests.waiting.remove(first);
            self.go_on(ticket);
        }
    }

    fn refuse(&mut self, ticket: Ticket, problem: Problem) {
        self.story.traffic.refused(problem);
        self.close(ticket);
    }

    fn close(&mut self, ticket: Ticket) {
        if let Some(request) = self.requests.get(ticket)
            && let Some(pool) = &request.pool
        {
            if request.entered {
                pool.circuit_breaker.leave();
            }
            if request.queued {
                pool.circuit_breaker.quit();
            }
        }
        self.requests.end(ticket);
    }
}

/// What came of looking for a place.
enum Found {
    Place(Lease),
    Full,
    Nobody,
}

fn look(request: &mut Request, pool: &Pool, terms: &Terms, now: Timestamp, rng: &mut Rng) -> Found {
    let (limits, limit) = (&pool.upstream.limits, pool.upstream.requests_per_backend());
    let limited = limits.requests > 0 || limit > 0;
    if limited && !request.queued && pool.circuit_breaker.waiting() > 0 {
        return Found::Full;
    }
    if limits.requests > 0 && !request.entered {
        if !pool.circuit_breaker.enter(limits.requests) {
            return Found::Full;
        }
        request.entered = true;
    }
    // What the scenario has of a request to hash by is its client.
    let hash = matches!(pool.upstream.balance.policy, Policy::Hash(_)).then_some(request.client);
    let trial_allowed = request.idempotent && (request.tried.len() as u32) < terms.retries.limit;
    let mut pick = |tried: &[BackendKey]| {
        let random = rng.next_u64();
        pool.pick(&PickInput { tried, now, random, hash, sticky: None, trial_allowed, last_chance: !trial_allowed })
    };
    if limit == 0 {
        return pick(&request.tried).map_or(Found::Nobody, |pick| Found::Place(Lease::new(pick.member, pick.trial)));
    }
    let mut passed = request.tried.clone();
    let full = passed.len() + FULL_IN_A_ROW;
    while passed.len() < full {
        let Some(pick) = pick(&passed) else {
            return if passed.len() > request.tried.len() { Found::Full } else { Found::Nobody };
        };
        let key = pick.member.key;
        match Lease::within(limit, pick.member, pick.trial) {
            Some(lease) => return Found::Place(lease),
            None => passed.push(key),
        }
    }
    Found::Full
}

fn deadline(request: &Request, terms: &Terms) -> Timestamp {
    terms.timeouts.total.map_or(Timestamp::NEVER, |total| request.began + total)
}

fn patience(terms: &Terms, now: Timestamp, deadline: Timestamp) -> Patience {
    Patience {
        connect: terms.timeouts.connect,
        per_try: terms.timeouts.per_try.unwrap_or(Duration::MAX),
        total: deadline.since(now),
    }
}
