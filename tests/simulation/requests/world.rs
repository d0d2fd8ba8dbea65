//! What do the requests of the storm see? The pools as they were published, with cells, limits and routes of their own.

use super::super::plans;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::{
    BudgetPlan, Forward, HashBy, MirrorPlan, Plan, Policy, RetryOn, RetryPlan, RouteAction, RoutePlan, StickyPlan,
    Target, Timeouts, UpstreamLimits, UpstreamPlan,
};
use pulsegate_core::traffic::cell::Cell;
use pulsegate_core::traffic::circuit_breaker::CircuitBreaker;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::ledger::Ledger;
use pulsegate_core::traffic::load_balancing::Balancer;
use pulsegate_core::traffic::request::{
    Bell, BodyBounds, Call, Facts, Kind, Performer, Question, Recorded, Terms, Ties,
};
use pulsegate_core::traffic::retry_budget::RetryBudget;
use pulsegate_core::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const ROUTES: usize = 4;

#[derive(Default)]
pub struct World {
    /// What was published last, as it came and as the requests see it.
    published: Option<(Arc<Snapshot>, Arc<Snapshot>)>,
    upstreams: BTreeMap<Arc<str>, Upstream>,
    /// How often something was written down of an attempt.
    pub recorded: usize,
}

/// What outlives publications.
pub struct Upstream {
    pub cells: BTreeMap<BackendKey, Arc<Cell>>,
    pub breaker: Arc<CircuitBreaker>,
    pub bells: Arc<Bells>,
    budget: Arc<RetryBudget>,
    ledger: Arc<Ledger>,
    limits: UpstreamLimits,
    policy: Policy,
    sticky: bool,
}

/// The bells of one upstream that are out, and how often they rang.
#[derive(Debug, Default)]
pub struct Bells {
    out: AtomicUsize,
    rang: AtomicUsize,
}

impl Bells {
    pub fn out(&self) -> usize {
        self.out.load(Relaxed)
    }
}

/// A bell that must ring exactly once before it is gone.
#[derive(Debug)]
pub struct Token {
    bells: Arc<Bells>,
    rang: AtomicBool,
}

impl Bell for Token {
    fn ring(&self) {
        assert!(!self.rang.swap(true, Relaxed), "a place was given back twice");
        self.bells.rang.fetch_add(1, Relaxed);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.bells.out.fetch_sub(1, Relaxed);
        assert!(std::thread::panicking() || self.rang.load(Relaxed), "a place was given back, and nobody was told");
    }
}

/// What surrounds a request at one moment.
pub struct Around<'w> {
    world: &'w mut World,
    /// Chance of the client's own: its cookie, its hash.
    whim: u64,
}

impl Performer for Around<'_> {
    type Bell = Token;

    fn bell(&mut self, upstream: &Arc<str>) -> Token {
        let bells = Arc::clone(&self.world.upstreams[upstream].bells);
        bells.out.fetch_add(1, Relaxed);
        Token { bells, rang: AtomicBool::new(false) }
    }

    fn hash(&mut self, _by: &HashBy) -> Option<u64> {
        (!self.whim.is_multiple_of(3)).then_some(self.whim)
    }

    fn pinned(&mut self, pool: &Pool, _plan: &StickyPlan) -> Option<BackendKey> {
        pool.members.get(self.whim as usize % 8).map(|member| member.key)
    }

    fn bound(&mut self, pool: &Pool, _now: Timestamp) -> Option<BackendKey> {
        let some = self.whim.is_multiple_of(5);
        some.then(|| pool.members.get(self.whim as usize % 8).map(|member| member.key))?
    }

    fn recorded(&mut self, _recorded: &Recorded<'_>) {
        self.world.recorded += 1;
    }
}

impl World {
    pub fn around(&mut self, whim: u64) -> Around<'_> {
        Around { world: self, whim }
    }

    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.published.as_ref().map(|(_, seen)| seen)
    }

    pub fn upstreams(&self) -> impl Iterator<Item = (&Arc<str>, &Upstream)> {
        self.upstreams.iter()
    }

    /// An upstream where a place was given back, each time once.
    pub fn rung(&self) -> Option<Arc<str>> {
        let rang = |upstream: &Upstream| {
            upstream.bells.rang.fetch_update(Relaxed, Relaxed, |times| times.checked_sub(1)).is_ok()
        };
        self.upstreams.iter().find(|(_, upstream)| rang(upstream)).map(|(name, _)| Arc::clone(name))
    }

    /// False: it is what was published before.
    pub fn publish(&mut self, published: &Arc<Snapshot>, rng: &mut Rng) -> bool {
        if self.published.as_ref().is_some_and(|(before, _)| Arc::ptr_eq(before, published)) {
            return false;
        }
        let pools: Vec<Arc<Pool>> = published.pools.iter().map(|pool| Arc::new(self.pool(pool, rng))).collect();
        let plan = Arc::new(plan(&published.plan, &pools, rng));
        let generation = self.snapshot().map_or(0, |before| before.generation) + 1;
        let seen = Snapshot { generation, plan, pools, first_round_done: published.first_round_done };
        self.published = Some((Arc::clone(published), Arc::new(seen)));
        true
    }

    /// The same members in the same standings, with cells and rules of ours.
    fn pool(&mut self, published: &Pool, rng: &mut Rng) -> Pool {
        let before = self.snapshot().and_then(|before| {
            before.pools.iter().find(|pool| pool.upstream.name == published.upstream.name).map(Arc::clone)
        });
        let known = self.upstreams.entry(published.upstream.name.clone()).or_insert_with(|| Upstream::new(rng));
        if rng.below(8) == 0 {
            known.change_rules(rng);
        }
        let members: Arc<[Arc<Endpoint>]> = published.members.iter().map(|member| known.endpoint(member)).collect();
        let of = |wanted: &dyn Fn(&Endpoint) -> bool| -> Vec<usize> {
            members.iter().enumerate().filter(|(_, member)| wanted(member)).map(|(at, _)| at).collect()
        };
        let serving = match published.emptiness {
            Emptiness::Serving => of(&|member| member.eligible() && member.weight > 0),
            _ => Vec::new(),
        };
        let serving: Vec<(usize, f64)> = serving.into_iter().map(|at| (at, 1.0)).collect();
        let upstream = Arc::new(known.plan(&published.upstream));
        let trials = of(&Endpoint::on_trial);
        for at in &trials {
            members[*at].cell.arm_trial();
        }
        let before = before.as_ref().map(|before| &before.balancer);
        let balancer = Balancer::prepare(&upstream.balance, &members, &serving, &trials, before);
        let emptiness = match published.emptiness {
            // It serves with those who are not eligible: nobody is good enough for ours.
            Emptiness::Serving if serving.is_empty() => Emptiness::NobodyEligible { earliest_return: None },
            emptiness => emptiness,
        };
        Pool {
            upstream,
            members,
            balancer,
            budget: Arc::clone(&known.budget),
            circuit_breaker: Arc::clone(&known.breaker),
            ledger: Arc::clone(&known.ledger),
            share_out: published.share_out,
            emptiness,
        }
    }

    /// A request that comes now.
    pub fn facts(&self, rng: &mut Rng, now: Timestamp) -> Option<Facts> {
        let terms = Terms::of(Arc::clone(&self.snapshot()?.plan), rng.below(ROUTES as u32) as usize)?;
        let mut one_of = |of: u32| rng.below(of) == 0;
        Some(Facts {
            terms,
            kind: Kind::Original,
            began: now,
            client: 1,
            idempotent: !one_of(4),
            has_body: one_of(4),
            upgrades: one_of(16),
            call: one_of(8).then_some(Call { timeout: Some(Duration::from_secs(3)) }),
            body: BodyBounds { idle: Duration::from_secs(20), bytes: 0 },
            question: one_of(8).then_some(Question::Limit),
            ties: Ties { authenticates: one_of(8), one_user: one_of(2) },
        })
    }
}

impl Upstream {
    fn new(rng: &mut Rng) -> Self {
        let budget = BudgetPlan { ratio: 0.2, ttl: Duration::from_secs(10), min_per_second: 1 + rng.below(3) };
        let mut upstream = Self {
            cells: BTreeMap::new(),
            breaker: Arc::default(),
            bells: Arc::default(),
            budget: Arc::new(RetryBudget::new(budget)),
            ledger: Arc::default(),
            limits: UpstreamLimits::default(),
            policy: Policy::Random,
            sticky: false,
        };
        upstream.change_rules(rng);
        upstream
    }

    fn change_rules(&mut self, rng: &mut Rng) {
        let policies = [Policy::LeastRequest, Policy::RoundRobin, Policy::PeakEwma, Policy::Hash(HashBy::Path)];
        self.policy = policies[rng.below(4) as usize].clone();
        self.sticky = rng.below(4) == 0;
        self.limits = UpstreamLimits {
            requests: rng.below(4),
            requests_per_backend: rng.below(3),
            connections_per_backend: 0,
            queue: rng.below(4),
            queue_timeout: Duration::from_millis(u64::from(rng.below(5)) * 500),
            hold: Duration::from_millis(u64::from(rng.below(3)) * 1_000),
            ..UpstreamLimits::default()
        };
    }

    fn plan(&self, published: &UpstreamPlan) -> UpstreamPlan {
        let mut plan = UpstreamPlan { limits: self.limits, ..published.clone() };
        plan.balance.policy = self.policy.clone();
        let sticky = StickyPlan { cookie: "pin".to_owned(), secret: None, ttl: None, secure: false };
        plan.balance.sticky = self.sticky.then_some(sticky);
        plan
    }

    fn endpoint(&mut self, published: &Endpoint) -> Arc<Endpoint> {
        let cell = self.cells.entry(published.key).or_default();
        Arc::new(Endpoint {
            id: published.id.clone(),
            key: published.key,
            weight: published.weight,
            backup: published.backup,
            standing: published.standing,
            since: published.since,
            connection_epoch: published.connection_epoch,
            stranger: published.stranger,
            cell: Arc::clone(cell),
        })
    }
}

/// The plan of the moment, with a few routes.
fn plan(published: &Plan, pools: &[Arc<Pool>], rng: &mut Rng) -> Plan {
    let upstreams = pools.iter().map(|pool| UpstreamPlan::clone(&pool.upstream)).collect::<Vec<_>>();
    let routes = (0..ROUTES).map(|_| route(pools.len() as u32, rng)).collect();
    Plan { routes, start: published.start.clone(), ..plans::compile(&upstreams, 1) }
}

fn route(upstreams: u32, rng: &mut Rng) -> RoutePlan {
    let mut target = || Target { upstream: rng.below(upstreams) as usize, weight: 1 + rng.below(3) };
    let targets = if upstreams > 0 { vec![target(), target()] } else { Vec::new() };
    let mirror = MirrorPlan { upstream: rng.below(upstreams) as usize, share: 0.5 };
    let on = RetryOn { statuses: vec![502, 503], ..RetryOn::default() };
    let millis = Duration::from_millis;
    let forward = Forward {
        targets: targets.into_iter().take(1 + rng.below(2) as usize).collect(),
        mirror: (upstreams > 0 && rng.below(4) == 0).then_some(mirror),
        ..Forward::default()
    };
    RoutePlan {
        timeouts: Timeouts {
            per_try: Some(millis(2_000)),
            total: (rng.below(4) > 0).then(|| millis(u64::from(1 + rng.below(10)) * 1_000)),
            ..Timeouts::default()
        },
        retries: RetryPlan { limit: rng.below(4), on },
        hedge: (rng.below(2) == 0).then_some(millis(50)),
        ..RoutePlan::named("route", RouteAction::Forward(forward))
    }
}
