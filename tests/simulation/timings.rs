//! Do the bounds of `check --timings` hold, and are they near the truth?
//!
//! In 2 000 worlds of random configurations a backend breaks at a random moment, and is mended at another. The board must take it out and
//! bring it back within the bounds that were computed from its plan alone. Bounds that are never nearly reached would be no bounds, so
//! the seed that comes nearest to each is looked for, too.

use super::clockwork::{Clockwork, Traffic};
use super::{number, plans};
use pulsegate_core::base::rng::Rng;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{
    Forward, LatencyOutlierPlan, PassivePlan, ProbeFailure, ProbePlan, Recognition, RetryOn, RetryPlan, RouteAction,
    RoutePlan, SourcePlan, StaticBackend, Timeouts, UpstreamPlan, WhenNoneEligible,
};
use pulsegate_core::timings::{Bounds, Detection, Fault, First, Load, Timings, Way, of};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SEEDS: u64 = 2_000;
const THREADS: u32 = 2;

/// How near the seeds came to the two ends of each bound: 1.0 is the end itself.
#[derive(Clone, Copy, Debug, Default)]
struct Nearest {
    seeds: u32,
    worst: f64,
    best: f64,
}

#[derive(Default)]
struct Ledger(BTreeMap<String, Nearest>);

impl Ledger {
    /// Refuses what lies beyond; notes how near it came.
    fn check(&mut self, what: &str, measured: Duration, bounds: Bounds, told: &str) {
        assert!(measured >= bounds.best, "{what}: {measured:?} is sooner than {bounds:?}\n{told}");
        assert!(
            bounds.worst.is_none_or(|worst| measured <= worst),
            "{what}: {measured:?} is later than {bounds:?}\n{told}"
        );
        let Some(worst) = bounds.worst else { return };
        let nearest = self.0.entry(what.to_owned()).or_default();
        nearest.seeds += 1;
        nearest.worst = nearest.worst.max(share(measured, worst));
        let width = worst - bounds.best;
        nearest.best = nearest.best.max(if width.is_zero() { 1.0 } else { share(worst - measured, width) });
    }

    fn merge(&mut self, other: Self) {
        for (what, seen) in other.0 {
            let nearest = self.0.entry(what).or_default();
            nearest.seeds += seen.seeds;
            nearest.worst = nearest.worst.max(seen.worst);
            nearest.best = nearest.best.max(seen.best);
        }
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 1.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

/// One world before anything happens in it.
struct Story {
    seed: u64,
    rng: Rng,
    plan: UpstreamPlan,
    backends: usize,
    traffic: Traffic,
    timings: Timings,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let backends = 1 + rng.below(6) as usize;
        let plan = upstream(backends, &mut rng);
        let traffic = traffic(backends, &mut rng);
        let route = route(&traffic);
        let rate = traffic.every.map_or(0.0, |every| 1.0 / every.as_secs_f64());
        let timings = of(&plan, &[&route], Load { rate, replicas: 1 });
        Self { seed, rng, plan, backends, traffic, timings }
    }

    fn told(&self) -> String {
        format!(
            "seed {} (TIMINGS_SEED={} replays it): {} backends, {:?}\n{:?}\n{:?}",
            self.seed, self.seed, self.backends, self.traffic, self.plan.readiness, self.plan.passive
        )
    }

    /// A world that has run for longer than a window and several periods, at a random moment.
    fn settled(&mut self) -> Clockwork {
        let mut world = Clockwork::new(self.plan.clone(), self.backends, self.traffic, self.seed);
        let period = self.plan.readiness.as_ref().map_or(Duration::from_secs(1), |probe| probe.period);
        let warm = self.plan.passive.window + self.plan.slow_start.duration + period * 4;
        let breaks = world.now + warm + period.mul_f64(3.0 * self.rng.unit());
        world.run(breaks, |_| false);
        assert!(world.standing.iter().all(|(cause, _)| *cause == Cause::Up), "not settled: {}", self.told());
        world
    }

    fn detection(&self, fault: Fault) -> Detection {
        *self.timings.detections.iter().find(|detection| detection.fault == fault).unwrap()
    }

    fn way(&self, wanted: impl Fn(Way) -> bool) -> Option<Bounds> {
        self.timings.returns.iter().find(|one| wanted(one.way)).map(|one| one.after)
    }
}

/// Breaks one backend, mends it, and holds every time against its bounds.
fn play(seed: u64, ledger: &mut Ledger) {
    let mut story = Story::new(seed);
    let fault = Fault::ALL[story.rng.below(5) as usize];
    let told = format!("{fault:?}, {}", story.told());
    let detection = story.detection(fault);
    let mut world = story.settled();
    let broke = world.now;
    let backend = story.rng.below(story.backends as u32) as usize;
    world.break_down(backend, fault);
    let patience =
        detection.out.map_or(Duration::from_secs(20), |out| out.worst.unwrap_or(out.best) + Duration::from_secs(20));
    let out = world.run(broke + patience, |world| !world.standing[backend].0.eligible());
    let Some(bounds) = detection.out else {
        assert!(!out, "it went out, which is said never to happen: {told}");
        return;
    };
    if !out {
        assert!(bounds.worst.is_none(), "it is not out within {patience:?} ({bounds:?}): {told}");
        return;
    }
    let (cause, since) = world.standing[backend];
    let took = since.since(broke);
    let ejected = cause == Cause::Ejected;
    ledger.check(&format!("out, {}", fault.word()), took, bounds, &told);
    let (by, own) = if ejected { ("traffic", detection.by_traffic) } else { ("probes", detection.by_probes) };
    ledger.check(&format!("out, {}, by {by}", fault.word()), took, own.unwrap(), &told);
    let impossible = if ejected { First::Probes } else { First::Traffic };
    assert!(detection.first() != impossible || own == Some(bounds), "{by} came first: {told}");
    let attempts = detection.failing.attempts.unwrap_or(u64::MAX);
    assert!(world.failing <= attempts, "{} attempts failed, at most {attempts} were said: {told}", world.failing);
    match ejected {
        true => returns_from_ejection(&mut story, &mut world, (backend, fault), ledger, &told),
        false => returns_by_probes(&mut story, &mut world, (backend, fault), ledger, &told),
    }
}

fn returns_by_probes(
    story: &mut Story,
    world: &mut Clockwork,
    (backend, fault): (usize, Fault),
    ledger: &mut Ledger,
    told: &str,
) {
    let probe = story.plan.readiness.clone().unwrap();
    world.run(world.now + probe.period.mul_f64(4.0 * story.rng.unit()), |_| false);
    let silent = matches!(fault, Fault::Silent | Fault::Unreachable);
    let way = match (story.backends == 1, silent) {
        (false, false) => Way::Down,
        (false, true) => Way::Silent,
        (true, false) => Way::Outage,
        (true, true) => Way::SilentOutage,
    };
    let bounds = story.way(|one| one == way).unwrap();
    let mended = world.now;
    world.mend(backend);
    let back = world.run(mended + bounds.worst.unwrap() * 3, |world| world.standing[backend].0.eligible());
    assert!(back, "it is not back: {told}");
    ledger.check(&format!("back, {}", way.word()), world.standing[backend].1.since(mended), bounds, told);
    if !silent {
        full_share(story, world, backend, told);
    }
}

fn returns_from_ejection(
    story: &mut Story,
    world: &mut Clockwork,
    (backend, fault): (usize, Fault),
    ledger: &mut Ledger,
    told: &str,
) {
    let longest = story.timings.returns.iter().find_map(|one| match one.way {
        Way::EjectedAgain(nth) if fault == Fault::Lying && story.rng.below(2) == 0 => Some((nth, one.after)),
        _ => None,
    });
    let (mut ejected, mut nth) = (world.standing[backend].1, 1);
    let (wanted, bounds) = longest.unwrap_or((1, story.way(|way| way == Way::Ejected).unwrap()));
    while nth < wanted {
        let again = |world: &Clockwork| {
            let (cause, since) = world.standing[backend];
            cause == Cause::Ejected && since > ejected
        };
        assert!(world.run(world.now + Duration::from_secs(3_600), again), "no ejection {nth}: {told}");
        (ejected, nth) = (world.standing[backend].1, nth + 1);
    }
    world.mend(backend);
    // Probes that failed meanwhile must have time to pass again: else it is out for both.
    let recovered = story.way(|way| matches!(way, Way::Silent | Way::SilentOutage)).and_then(|bounds| bounds.worst);
    if fault != Fault::Lying && recovered.is_some_and(|recovered| recovered > bounds.best) {
        return;
    }
    let back = world.run(ejected + bounds.worst.unwrap() * 3, |world| world.standing[backend].0.eligible());
    assert!(back, "it is not back: {told}");
    let way = if wanted > 1 { "ejected_longest" } else { "ejected" };
    ledger.check(&format!("back, {way}"), world.standing[backend].1.since(ejected), bounds, told);
    if fault == Fault::Lying {
        full_share(story, world, backend, told);
    }
}

fn full_share(story: &Story, world: &mut Clockwork, backend: usize, told: &str) {
    let back = world.standing[backend].1;
    let ramp = story.timings.ramp;
    world.run(back + ramp, |_| false);
    let (cause, since) = world.standing[backend];
    assert_eq!((cause, since.since(back)), (Cause::Up, ramp), "its ramp: {told}");
}

/// Breaks a whole pool at once, mends all of it at once, and waits for the first that is back.
fn play_outage(seed: u64, ledger: &mut Ledger) {
    let mut story = Story::new(seed);
    story.plan.passive.enabled = false;
    let fault = one_of(&[Fault::Refused, Fault::Silent, Fault::Unreachable, Fault::Unready], &mut story.rng);
    let told = format!("outage, {fault:?}, {}", story.told());
    let Some(probe) = story.plan.readiness.clone() else { return };
    let mut world = story.settled();
    (0..story.backends).for_each(|backend| world.break_down(backend, fault));
    let serves = |world: &Clockwork| world.standing.iter().any(|(cause, _)| cause.eligible());
    assert!(world.run(world.now + Duration::from_secs(600), |world| !serves(world)), "it serves: {told}");
    world.run(world.now + probe.period.mul_f64(2.0 * story.rng.unit()), |_| false);
    let mended = world.now;
    (0..story.backends).for_each(|backend| world.mend(backend));
    let silent = matches!(fault, Fault::Silent | Fault::Unreachable);
    let way = if silent { Way::SilentOutage } else { Way::Outage };
    let bounds = story.way(|one| one == way).unwrap();
    assert!(world.run(mended + bounds.worst.unwrap() * 3, serves), "nobody is back: {told}");
    ledger.check(&format!("back, all, {}", way.word()), world.now.since(mended), bounds, &told);
}

fn every_seed(play: fn(u64, &mut Ledger)) -> Ledger {
    if let Some(seed) = number("TIMINGS_SEED") {
        play(seed, &mut Ledger::default());
        return Ledger::default();
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, all) = (AtomicU64::new(0), Mutex::new(Ledger::default()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut own = Ledger::default();
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds) {
                    play(seed, &mut own);
                }
                all.lock().unwrap().merge(own);
            });
        }
    });
    all.into_inner().unwrap()
}

/// The bounds are within a fifth of what happens in the seeds.
fn near(ledger: &Ledger) {
    for (what, nearest) in &ledger.0 {
        println!("{what:<32} {:>5} seeds; worst {:.3}, best {:.3}", nearest.seeds, nearest.worst, nearest.best);
    }
    for (what, nearest) in ledger.0.iter().filter(|(_, nearest)| nearest.seeds >= 50) {
        assert!(nearest.worst >= 0.8, "{what}: the worst seed reached {:.0} % of the bound", nearest.worst * 100.0);
        assert!(nearest.best >= 0.8, "{what}: no seed came near the best case: {:.2}", nearest.best);
    }
}

#[test]
fn a_backend_that_breaks_is_out_and_back_within_the_bounds() {
    near(&every_seed(play));
}

#[test]
fn an_outage_ends_within_the_bounds() {
    near(&every_seed(play_outage));
}

// ------------------------------------------------------------------ random configurations

/// Between `least` and `most`, small ones as often as great ones.
fn between(least: f64, most: f64, rng: &mut Rng) -> Duration {
    Duration::from_secs_f64(least * (most / least).powf(rng.unit()))
}

fn one_of<T: Copy>(choices: &[T], rng: &mut Rng) -> T {
    choices[rng.below(choices.len() as u32) as usize]
}

fn upstream(backends: usize, rng: &mut Rng) -> UpstreamPlan {
    let mut plan = UpstreamPlan { startup: None, liveness: None, ..plans::upstream("orders", rng) };
    let addresses = (0..backends as u32).map(plans::address);
    plan.sources = vec![SourcePlan::Static(addresses.map(StaticBackend::at).collect())];
    plan.readiness = (rng.below(8) > 0).then(|| probe(rng));
    plan.passive = passive(rng);
    plan.slow_start.duration = Duration::from_millis(u64::from(rng.below(3)) * 700);
    plan.when_none_eligible = WhenNoneEligible::FailClosed;
    plan.hold_correlated_failures = Duration::ZERO;
    plan
}

fn probe(rng: &mut Rng) -> ProbePlan {
    use ProbeFailure::{Body, Refused, Status, Timeout, Tls};
    let period = between(0.1, 4.0, rng);
    let immediate =
        one_of::<&[ProbeFailure]>(&[&[], &[], &[Refused], &[Timeout], &[Refused, Timeout, Tls, Status, Body]], rng);
    ProbePlan {
        period,
        fast_period: period.mul_f64(0.1 + 0.9 * rng.unit()),
        jitter: one_of(&[0.0, 0.1, 0.1, 0.3, 1.0], rng),
        timeout: period.mul_f64(0.05 + 1.4 * rng.unit()),
        success_threshold: 1 + rng.below(4),
        failure_threshold: 1 + rng.below(4),
        startup_grace: Duration::ZERO,
        immediate: immediate.to_vec(),
        recognition: Recognition::default(),
        ..plans::probe(rng)
    }
}

fn passive(rng: &mut Rng) -> PassivePlan {
    let base_ejection = between(0.5, 8.0, rng);
    PassivePlan {
        enabled: rng.below(5) > 0,
        consecutive_failures: one_of(&[0, 1, 2, 5, 5, 8, 20], rng),
        failure_ratio: one_of(&[0.0, 0.2, 0.5, 0.5, 0.9, 1.0], rng),
        minimum_outcomes: 1 + rng.below(40),
        window: between(1.0, 10.0, rng),
        base_ejection,
        max_ejection: base_ejection.mul_f64(1.0 + 3.0 * rng.unit()),
        ejection_jitter: one_of(&[0.0, 0.2, 0.5], rng),
        minimum_fit: one_of(&[0.0, 0.3, 0.5, 1.0], rng),
        // Beside peers a backend may stand out sooner than it would alone: then the best case is no near one.
        failure_outlier: one_of(&[0.0, 0.0, 0.25], rng),
        latency_outlier: LatencyOutlierPlan { factor: one_of(&[0.0, 0.0, 5.0], rng), gap: Duration::from_millis(100) },
        ..PassivePlan::default()
    }
}

/// Up to 100 requests per second and backend.
fn traffic(backends: usize, rng: &mut Rng) -> Traffic {
    let every = between(0.01, 3.0, rng).div_f64(backends as f64);
    Traffic {
        every: (rng.below(5) > 0).then_some(every),
        per_try: between(0.05, 3.0, rng),
        connect: between(0.05, 1.0, rng),
        by_status: rng.below(2) == 0,
    }
}

fn route(traffic: &Traffic) -> RoutePlan {
    let on = RetryOn { statuses: vec![500], ..RetryOn::default() };
    RoutePlan {
        timeouts: Timeouts { connect: traffic.connect, per_try: Some(traffic.per_try), ..Timeouts::default() },
        retries: RetryPlan { on, ..RetryPlan::default() },
        ..RoutePlan::named("orders", RouteAction::Forward(Forward::default()))
    }
}
