//! A small world: one upstream of a few backends that take turns, and a request in it whose actions are words.

use super::super::*;
use crate::base::identity::{Address, BackendId};
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::standing::{Cause, Standing};
use crate::plan::*;
use crate::traffic::cell::Cell;
use crate::traffic::circuit_breaker::CircuitBreaker;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::ledger::Ledger;
use crate::traffic::load_balancing::Balancer;
use crate::traffic::retry_budget::RetryBudget;
use crate::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub const fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Counts how often it is rung.
#[derive(Clone, Debug, Default)]
pub struct Rung(pub Arc<AtomicU32>);

impl Bell for Rung {
    fn ring(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What surrounds the request: what its client says, and what is told of it.
#[derive(Debug, Default)]
pub struct World {
    pub bell: Rung,
    /// The backend that its cookie names, by number.
    pub cookie: Option<u16>,
    /// The backend that knows its connection, by number.
    pub bound: Option<u16>,
    /// "1 reset", "2 response hedge again trial suspect".
    pub told: Vec<String>,
}

impl Performer for World {
    type Bell = Rung;

    fn bell(&mut self, _upstream: &Arc<str>) -> Rung {
        self.bell.clone()
    }

    fn hash(&mut self, _by: &HashBy) -> Option<u64> {
        Some(1)
    }

    fn pinned(&mut self, pool: &Pool, _plan: &StickyPlan) -> Option<BackendKey> {
        pool.members.iter().find(|member| Some(number(member)) == self.cookie).map(|member| member.key)
    }

    fn bound(&mut self, pool: &Pool, _now: Timestamp) -> Option<BackendKey> {
        pool.members.iter().find(|member| Some(number(member)) == self.bound).map(|member| member.key)
    }

    fn recorded(&mut self, recorded: &Recorded<'_>) {
        let mut words = vec![number(recorded.endpoint).to_string(), recorded.end.word().to_owned()];
        let flags =
            [(recorded.by == Asked::Hedge, "hedge"), (recorded.again, "again"), (recorded.record.trial, "trial")];
        words.extend(flags.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word.to_owned()));
        words.extend(recorded.nudge.map(|nudge| format!("{nudge:?}")));
        self.told.push(words.join(" "));
    }
}

fn number(endpoint: &Endpoint) -> u16 {
    match endpoint.id.address {
        Address::Socket(address) => address.port(),
        Address::Unix(_) => 0,
    }
}

/// An input at its time, and what is to be done then.
pub type Step = (u64, Input, &'static str);

pub struct Rig {
    pub upstream: UpstreamPlan,
    pub route: RoutePlan,
    pub start_wait: Duration,
    /// By number, from 1.
    pub causes: Vec<Cause>,
    cells: Vec<Arc<Cell>>,
    pub budget: Arc<RetryBudget>,
    pub breaker: Arc<CircuitBreaker>,
    pub ledger: Arc<Ledger>,
    pub share_out: u32,
    pub emptiness: Option<Emptiness>,
    /// The upstream is in the configuration.
    pub known: bool,
    pub facts: Box<dyn Fn(Facts) -> Facts>,
    pub world: World,
    pub snapshot: Arc<Snapshot>,
    rng: Rng,
}

/// So many backends, a route with two retries and ten seconds, nothing limited.
pub fn rig(backends: usize) -> Rig {
    Rig::new(backends)
}

impl Rig {
    fn new(backends: usize) -> Self {
        let mut rig = Self {
            upstream: upstream(),
            route: route(),
            start_wait: Duration::from_secs(5),
            causes: vec![Cause::Up; backends],
            cells: (0..backends).map(|_| Arc::new(Cell::new())).collect(),
            budget: Arc::new(RetryBudget::new(BudgetPlan {
                ratio: 0.0,
                ttl: Duration::from_secs(10),
                min_per_second: 10,
            })),
            breaker: Arc::default(),
            ledger: Arc::default(),
            share_out: 0,
            emptiness: None,
            known: true,
            facts: Box::new(|facts| facts),
            world: World::default(),
            snapshot: Arc::new(Snapshot {
                generation: 0,
                plan: Arc::new(plan(Vec::new(), upstream(), Duration::ZERO)),
                pools: Vec::new(),
                first_round_done: true,
            }),
            rng: Rng::new(1),
        };
        rig.publish();
        rig
    }

    /// With another rule or two, published.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.publish();
        self
    }

    /// The world as it is now, in a new snapshot.
    pub fn publish(&mut self) {
        let upstream = Arc::new(self.upstream.clone());
        let members: Arc<[Arc<Endpoint>]> = self
            .causes
            .iter()
            .zip(&self.cells)
            .zip(1..)
            .map(|((cause, cell), at)| endpoint(at, *cause, cell))
            .collect();
        let of = |wanted: fn(&Endpoint) -> bool| members.iter().enumerate().filter(move |(_, m)| wanted(m));
        let serving: Vec<(usize, f64)> = of(Endpoint::eligible).map(|(at, _)| (at, 1.0)).collect();
        let trials: Vec<usize> = of(Endpoint::on_trial).map(|(at, _)| at).collect();
        let before = self.snapshot.pools.first().map(|pool| &pool.balancer);
        let balancer = Balancer::prepare(&upstream.balance, &members, &serving, &trials, before);
        let emptiness = match serving.is_empty() {
            true => Emptiness::NobodyEligible { earliest_return: None },
            false => Emptiness::Serving,
        };
        let pool = Pool {
            upstream: Arc::clone(&upstream),
            members,
            balancer,
            budget: Arc::clone(&self.budget),
            circuit_breaker: Arc::clone(&self.breaker),
            ledger: Arc::clone(&self.ledger),
            share_out: self.share_out,
            emptiness: self.emptiness.unwrap_or(emptiness),
        };
        let plan = plan(vec![self.route.clone()], self.upstream.clone(), self.start_wait);
        self.snapshot = Arc::new(Snapshot {
            generation: self.snapshot.generation + 1,
            plan: Arc::new(plan),
            pools: if self.known { vec![Arc::new(pool)] } else { Vec::new() },
            first_round_done: true,
        });
    }

    /// A GET that has just come, at the beginning of time.
    pub fn request(&self) -> Request<Rung> {
        Request::new((self.facts)(Facts {
            terms: Terms::of(Arc::clone(&self.snapshot.plan), 0).expect("a route that forwards"),
            kind: Kind::Original,
            began: ms(0),
            client: 7,
            idempotent: true,
            has_body: false,
            upgrades: false,
            call: None,
            body: BodyBounds { idle: Duration::from_secs(20), bytes: 0 },
            ties: Ties::default(),
            question: None,
        }))
    }

    pub fn handle(&mut self, request: &mut Request<Rung>, at: u64, input: Input) -> String {
        word(&request.handle(input, &mut self.moment(at)))
    }

    pub fn moment(&mut self, at: u64) -> Moment<'_, World> {
        Moment { now: ms(at), rng: &mut self.rng, snapshot: &self.snapshot, performer: &mut self.world }
    }

    /// The inputs at their times, each with what is to be done then.
    pub fn play(&mut self, request: &mut Request<Rung>, steps: &[Step]) {
        for (at, input, expected) in steps {
            assert_eq!(self.handle(request, *at, input.clone()), *expected, "at {at}: {input:?}");
        }
    }

    /// A request that plays these, and is dropped.
    pub fn transcript(&mut self, steps: &[Step]) {
        let mut request = self.request();
        self.play(&mut request, steps);
    }

    pub fn cell(&self, backend: usize) -> &Cell {
        &self.cells[backend - 1]
    }

    /// In flight at each backend, inside its upstream, in its queue.
    pub fn held(&self) -> (Vec<u32>, u32, u32) {
        let in_flight = self.cells.iter().map(|cell| cell.in_flight()).collect();
        (in_flight, self.breaker.inside(), self.breaker.waiting())
    }

    pub fn rung(&self) -> u32 {
        self.world.bell.0.load(Relaxed)
    }
}

fn word(action: &Action) -> String {
    match action {
        Action::Ask(question) => format!("ask {question:?}"),
        Action::Attempt(attempt) => {
            let mut words = vec![format!("try {}", number(&attempt.endpoint))];
            words.extend((attempt.way == Way::NewConnection).then(|| "again".to_owned()));
            words.extend(attempt.trial.then(|| "trial".to_owned()));
            words.extend((attempt.pin != Pin::Unbound).then(|| format!("{:?}", attempt.pin)));
            words.extend(attempt.hedge_after.map(|after| format!("hedge after {}", after.as_millis())));
            words.join(" ")
        }
        Action::Hedge(attempt) => format!("hedge {}", number(&attempt.endpoint)),
        Action::Wait(wait) => format!("wait {:?} {}", wait.why, wait.until.since(ms(0)).as_millis()),
        Action::Answer { problem, retry_after } => {
            let after = retry_after.map(|_| " later").unwrap_or_default();
            format!("answer {}{after}", problem.reason())
        }
        Action::Cut(cut) => format!("cut {cut:?}"),
        Action::Continue => "continue".to_owned(),
        Action::Deliver => "deliver".to_owned(),
        Action::Nothing => "nothing".to_owned(),
    }
}

// ------------------------------------------------------------------ inputs

pub fn head(status: u16) -> Input {
    Input::Head(Head { status, after: Duration::from_millis(5), by: Asked::First, replayable: true })
}

pub fn hedge_head(status: u16) -> Input {
    Input::Head(Head { status, after: Duration::from_millis(5), by: Asked::Hedge, replayable: true })
}

pub fn failed(end: AttemptEnd) -> Input {
    Input::Ended { ended: Ended::Unanswered(end), replayable: true }
}

pub fn refused() -> Input {
    failed(AttemptEnd::ConnectFailed { timed_out: false })
}

pub fn reset() -> Input {
    failed(AttemptEnd::ResetBeforeHead { reused: false })
}

pub fn broken(end: AttemptEnd) -> Input {
    Input::Ended { ended: Ended::Broken(end), replayable: true }
}

pub fn whole(status: u16) -> Input {
    Input::Ended {
        ended: Ended::Whole { end: AttemptEnd::Response { status }, sent: true, reusable: true },
        replayable: true,
    }
}

// -------------------------------------------------------------------- plans

fn endpoint(number: u16, cause: Cause, cell: &Arc<Cell>) -> Arc<Endpoint> {
    let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, 0, 0, 1], number).into()) };
    Arc::new(Endpoint {
        key: id.key(),
        id,
        weight: 1,
        backup: false,
        standing: Standing { cause, share: f64::from(cause.eligible()), earliest_return: None, unprobed: false },
        since: Timestamp::ZERO,
        connection_epoch: 0,
        stranger: false,
        cell: Arc::clone(cell),
    })
}

fn route() -> RoutePlan {
    let on = RetryOn { statuses: vec![502, 503, 504], ..RetryOn::default() };
    let secs = Duration::from_secs;
    let forward = Forward { targets: vec![Target { upstream: 0, weight: 1 }], ..Forward::default() };
    RoutePlan {
        timeouts: Timeouts { per_try: Some(secs(5)), total: Some(secs(10)), ..Timeouts::default() },
        retries: RetryPlan { on, ..RetryPlan::default() },
        ..RoutePlan::named("all", RouteAction::Forward(forward))
    }
}

fn upstream() -> UpstreamPlan {
    UpstreamPlan {
        slow_start: SlowStartPlan { duration: Duration::ZERO, ..SlowStartPlan::default() },
        balance: BalancePlan { policy: Policy::RoundRobin, ..BalancePlan::default() },
        ..UpstreamPlan::named("pool")
    }
}

fn plan(routes: Vec<RoutePlan>, upstream: UpstreamPlan, start_wait: Duration) -> Plan {
    let upstreams = vec![Arc::new(upstream)];
    Plan { routes, upstreams, start: StartPlan { wait: start_wait }, ..Plan::default() }
}
