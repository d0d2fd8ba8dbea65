//! What may an operator expect of a plan, before it runs? How soon a broken backend is out of rotation, how soon a mended one is back, what
//! probes cost, how many may be ejected, how many requests fail meanwhile, and which settings do nothing.
//!
//! All of it follows from the plan and the load alone. `tests/simulation/timings.rs` holds the board to these bounds.

mod bounds;
mod contradictions;
mod failing;
pub mod probing;
mod returning;
#[cfg(test)]
mod tests;
pub mod traffic;

pub use bounds::Bounds;
pub use contradictions::Contradiction;
pub use failing::Failing;
pub use returning::{Return, Way};

use crate::health::peer_test;
use crate::plan::{
    PassivePlan, Plan, Policy, ProbeFailure, RouteAction, RoutePlan, SourcePlan, StaticBackend, UpstreamPlan,
};
use bounds::{either, sooner};
use std::sync::Arc;
use std::time::Duration;
use traffic::Failures;

/// What the gateway has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests per second that one gateway sends to the upstream, evenly and by weight; 0 = none.
    pub rate: f64,
    /// Gateways that probe the same backends.
    pub replicas: u32,
}

/// What goes wrong with a backend that was well. All of its requests are touched by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its connections are refused: the process is gone.
    Refused,
    /// It accepts, and never answers: the process is frozen.
    Silent,
    /// It does not even accept: the machine is gone, or a packet filter drops what is sent.
    Unreachable,
    /// Readiness says no, by its status or its document, while traffic succeeds.
    Unready,
    /// Readiness passes and traffic fails at once.
    Lying,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::Refused, Self::Silent, Self::Unreachable, Self::Unready, Self::Lying];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Unreachable => "unreachable",
            Self::Unready => "unready",
            Self::Lying => "lying",
        }
    }
}

/// How soon one fault takes a backend out.
#[derive(Clone, Copy, Debug)]
pub struct Detection {
    pub fault: Fault,
    /// `None`: probes never find out.
    pub by_probes: Option<Bounds>,
    /// `None`: traffic never ejects it.
    pub by_traffic: Option<Bounds>,
    /// `None`: nothing ever takes it out.
    pub out: Option<Bounds>,
    pub failing: Failing,
}

/// Who takes a backend out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Probes,
    Traffic,
    Either,
    Nobody,
}

impl Detection {
    /// Who is first, whatever the moment at which it breaks.
    pub fn first(&self) -> First {
        let before = |one: &Bounds, other: &Bounds| one.worst.is_some_and(|worst| worst <= other.best);
        match (&self.by_probes, &self.by_traffic) {
            (None, None) => First::Nobody,
            (Some(_), None) => First::Probes,
            (None, Some(_)) => First::Traffic,
            (Some(probes), Some(traffic)) if before(probes, traffic) => First::Probes,
            (Some(probes), Some(traffic)) if before(traffic, probes) => First::Traffic,
            _ => First::Either,
        }
    }
}

/// What one upstream's probes cost, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probes {
    /// Of all gateways, at one backend.
    pub per_backend: f64,
    pub in_all: f64,
    /// At one backend while a change is pending.
    pub hurried: f64,
}

/// What one upstream comes to.
#[derive(Clone, Debug)]
pub struct Timings {
    pub upstream: Arc<str>,
    pub pool: Pool,
    pub detections: Vec<Detection>,
    pub returns: Vec<Return>,
    /// From the return to all of its weight.
    pub ramp: Duration,
    pub probes: Option<Probes>,
    /// Pool sizes, and how many of each may be ejected; `None` where nobody ever is.
    pub ejectable: Option<Vec<(u32, u32)>>,
    pub contradictions: Vec<Contradiction>,
}

/// Of every upstream.
pub fn timings(plan: &Plan, load: Load) -> Vec<Timings> {
    let one = |(index, upstream): (usize, &Arc<UpstreamPlan>)| {
        let leads = |route: &&RoutePlan| match &route.action {
            RouteAction::Forward(forward) => forward.targets.iter().any(|target| target.upstream == index),
            RouteAction::Redirect { .. } | RouteAction::Respond { .. } => false,
        };
        of(upstream, &plan.routes.iter().filter(leads).collect::<Vec<_>>(), load)
    };
    plan.upstreams.iter().enumerate().map(one).collect()
}

/// Of one upstream, with the routes that lead to it.
pub fn of(upstream: &UpstreamPlan, routes: &[&RoutePlan], load: Load) -> Timings {
    let pool = Pool::of(upstream);
    let scene = Scene { upstream, routes, load, pool: &pool };
    let detections: Vec<Detection> = Fault::ALL.into_iter().map(|fault| scene.detection(fault)).collect();
    Timings {
        upstream: Arc::clone(&upstream.name),
        detections,
        returns: returning::all(&scene),
        ramp: upstream.slow_start.duration,
        probes: upstream.readiness.as_ref().map(|probe| {
            let one = |period: Duration| f64::from(load.replicas) / period.as_secs_f64().max(1e-9);
            let per_backend = one(probe.period);
            Probes {
                per_backend,
                in_all: per_backend * f64::from(pool.all),
                hurried: one(probe.fast_period.min(probe.period)),
            }
        }),
        ejectable: ejectable(&upstream.passive, &pool),
        contradictions: contradictions::all(&scene),
        pool,
    }
}

/// The backends of an upstream, as far as the plan knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// All that are probed; assumed where `watched`.
    pub all: u32,
    /// Of weight 0 nobody counts.
    pub counted: u32,
    /// The weights of those that get traffic while all are well.
    pub weights: Vec<u32>,
    /// Some come from names or files: how many, the plan does not know.
    pub watched: bool,
}

/// A pool that only a name or a file knows is taken to have so many.
pub const ASSUMED: u32 = 3;

impl Pool {
    pub fn of(upstream: &UpstreamPlan) -> Self {
        let fixed = upstream.sources.iter().flat_map(|source| match source {
            SourcePlan::Static(backends) => backends.as_slice(),
            SourcePlan::Dns(_) | SourcePlan::File { .. } => &[],
        });
        let fixed: Vec<&StaticBackend> = fixed.collect();
        let watched = upstream.sources.iter().any(|source| !matches!(source, SourcePlan::Static(_)));
        let weights = |backup: bool| {
            let wanted = |backend: &&&StaticBackend| backend.weight > 0 && backend.backup == backup;
            fixed.iter().filter(wanted).map(|backend| backend.weight).collect::<Vec<u32>>()
        };
        let (mut first, backups) = (weights(false), weights(true));
        let mut counted = (first.len() + backups.len()) as u32;
        let mut all = fixed.len() as u32;
        if watched {
            let more = ASSUMED.saturating_sub(counted);
            first.extend(std::iter::repeat_n(1, more as usize));
            (counted, all) = (counted + more, all + more);
        }
        Self { all, counted, weights: if first.is_empty() { backups } else { first }, watched }
    }
}

/// Everything that bounds depend on.
struct Scene<'a> {
    upstream: &'a UpstreamPlan,
    routes: &'a [&'a RoutePlan],
    load: Load,
    pool: &'a Pool,
}

impl Scene<'_> {
    fn detection(&self, fault: Fault) -> Detection {
        let one = |every: Option<Duration>| self.detection_at(fault, every);
        // The bounds of a pool are those of its busiest and its idlest backend.
        let mut paces = self.paces().into_iter();
        let first = one(paces.next());
        paces.fold(first, |all, every| {
            let other = one(Some(every));
            Detection {
                fault,
                by_probes: either(all.by_probes, other.by_probes),
                by_traffic: either(all.by_traffic, other.by_traffic),
                out: either(all.out, other.out),
                failing: all.failing.or_more(other.failing),
            }
        })
    }

    /// `every`: from one of its requests to the next; `None`: it gets none.
    fn detection_at(&self, fault: Fault, every: Option<Duration>) -> Detection {
        let failures = every.and_then(|every| self.failures(fault, every));
        let ejection =
            failures.filter(|_| self.spares_one()).and_then(|f| traffic::ejection(&self.upstream.passive, &f));
        let by_probes = self.by_probes(fault, every);
        let by_traffic = ejection.map(|ejection| ejection.after);
        let failing = failing::of(self, fault, every, by_probes, ejection);
        Detection { fault, by_probes, by_traffic, out: sooner(by_probes, by_traffic), failing }
    }

    fn by_probes(&self, fault: Fault, every: Option<Duration>) -> Option<Bounds> {
        let plan = self.upstream.readiness.as_ref()?;
        let failure = |kind, took| probing::Failure { kind, took };
        let failure = match fault {
            Fault::Refused => failure(ProbeFailure::Refused, Duration::ZERO),
            Fault::Silent | Fault::Unreachable => failure(ProbeFailure::Timeout, plan.timeout),
            Fault::Unready => failure(ProbeFailure::Status, Duration::ZERO),
            Fault::Lying => return None,
        };
        let pulled = every.and_then(|every| Some(every + self.first_sign(fault)?));
        let bounds = probing::detection(plan, failure, pulled);
        let held = failure.kind == ProbeFailure::Timeout
            && every.is_some()
            && !self.spares_one()
            && (plan.failure_threshold <= 1 || plan.immediate.contains(&failure.kind));
        Some(if held { bounds.or_else(bounds.then(probing::held_timeout(plan, pulled))) } else { bounds })
    }

    /// What becomes of its requests, where that is evidence against it.
    fn failures(&self, fault: Fault, every: Duration) -> Option<Failures> {
        let at_once = Bounds::exactly(Duration::ZERO);
        let same_traffic = !matches!(self.upstream.balance.policy, Policy::Hash(_));
        let compared = same_traffic && self.pool.counted as usize >= peer_test::BACKENDS_AT_LEAST;
        let failures = |after, at_least| Failures { every, after, at_least, compared };
        match fault {
            Fault::Refused => Some(failures(at_once, 1)),
            Fault::Lying => Some(failures(at_once, 2)),
            Fault::Unready => None,
            Fault::Silent => Some(failures(self.over_routes(silence)?, 1)),
            // Idle connections still take requests; new ones are not made.
            Fault::Unreachable => {
                let connecting = self.over_routes(connecting)?;
                Some(failures(either(Some(connecting), self.over_routes(silence))?, 1))
            }
        }
    }

    /// How long after a request a failure or a soft failure of it pulls the next probe forward, at the latest; `None`: perhaps never.
    fn first_sign(&self, fault: Fault) -> Option<Duration> {
        match fault {
            Fault::Refused | Fault::Lying => Some(Duration::ZERO),
            Fault::Unready => None,
            Fault::Silent | Fault::Unreachable => {
                // At the end of its whole time it counts as an impatient client's, if that was long enough.
                let soft = |route: &RoutePlan| route.timeouts.total.filter(|total| *total >= IMPATIENT);
                let sign = |route: &&RoutePlan| match (silence(route).or_else(|| soft(route)), connecting(route)) {
                    (Some(silent), Some(connecting)) if fault == Fault::Unreachable => Some(silent.max(connecting)),
                    (silent, connecting) => silent.filter(|_| fault == Fault::Silent || connecting.is_some()),
                };
                self.routes.iter().map(sign).collect::<Option<Vec<_>>>()?.into_iter().max()
            }
        }
    }

    /// One of the routes' values; where some have none, no worst.
    fn over_routes(&self, of: impl Fn(&RoutePlan) -> Option<Duration>) -> Option<Bounds> {
        self.routes.iter().map(|route| of(route).map(Bounds::exactly)).reduce(either).flatten()
    }

    /// Would enough stay fit without one, while all are well?
    fn spares_one(&self) -> bool {
        self.pool.counted > self.upstream.passive.must_stay_fit(self.pool.counted)
    }

    /// From one request of a backend to its next, for the heaviest and the lightest.
    fn paces(&self) -> Vec<Duration> {
        if self.load.rate <= 0.0 || self.routes.is_empty() {
            return Vec::new();
        }
        let total: f64 = self.pool.weights.iter().copied().map(f64::from).sum();
        let pace = |weight: u32| Duration::try_from_secs_f64(total / f64::from(weight) / self.load.rate);
        let extremes = [self.pool.weights.iter().max(), self.pool.weights.iter().min()];
        let mut paces: Vec<Duration> = extremes.into_iter().flatten().filter_map(|weight| pace(*weight).ok()).collect();
        paces.dedup();
        paces
    }
}

/// A client that waited so long in vain is a soft failure; see `outcome`.
const IMPATIENT: Duration = Duration::from_secs(1);

/// How long a request waits for a head before that is its backend's failure.
fn silence(route: &RoutePlan) -> Option<Duration> {
    let total = route.timeouts.total.unwrap_or(Duration::MAX);
    route.timeouts.per_try.filter(|per_try| *per_try < total)
}

/// The same for a connection.
fn connecting(route: &RoutePlan) -> Option<Duration> {
    let total = route.timeouts.total.unwrap_or(Duration::MAX);
    Some(route.timeouts.connect).filter(|connect| *connect < total)
}

fn ejectable(passive: &PassivePlan, pool: &Pool) -> Option<Vec<(u32, u32)>> {
    let most = |pool: u32| (pool, pool.saturating_sub(passive.must_stay_fit(pool)));
    passive.enabled.then(|| if pool.watched { (2..=10).map(most).collect() } else { vec![most(pool.counted)] })
}
