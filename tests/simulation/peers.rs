//! Who is ejected for standing out among its peers, how soon, and who never is?
//!
//! A pool under steady traffic in virtual time: backends that fail or are slow by a share and a distribution of their own, hints that come
//! or are lost, readiness that always passes. `SIMULATION_SECONDS=600` makes the quiet pools run for ten minutes each.

use super::{THREADS, number};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output};
use pulsegate_core::health::event::EventKind;
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::plan::{Detector, PassivePlan, UpstreamPlan};
use pulsegate_core::traffic::cell::{Nudge, Record};
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Traffic comes in portions of this.
const STEP: Duration = Duration::from_millis(20);

/// How one backend serves.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Requests per second.
    rate: f64,
    failing: f64,
    /// The median of its latency.
    millis: f64,
}

/// What all of them have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    /// Of the logarithm of latencies.
    sigma: f64,
    /// So many requests of a hundred go to a route that takes fifty times as long.
    slow_route: u32,
    clients: u32,
}

struct World {
    board: Board,
    rng: Rng,
    now: Timestamp,
    snapshot: Option<Arc<Snapshot>>,
    traffic: Traffic,
    events: Vec<(Timestamp, EventKind)>,
}

impl World {
    fn new(seed: u64, backends: u32, passive: PassivePlan, traffic: Traffic) -> Self {
        let upstream = UpstreamPlan { passive, ..super::plans::even("pool", backends) };
        let now = Timestamp::from_secs(100);
        let (board, rng) = (Board::new(seed, now), Rng::new(seed));
        let mut world = Self { board, rng, now, snapshot: None, traffic, events: Vec::new() };
        world.tell(Input::Reconfigure(Arc::new(super::plans::compile(&[upstream], 16))));
        world
    }

    fn tell(&mut self, input: Input) {
        self.board.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => self.snapshot = Some(snapshot),
                Output::Probed { .. } => {}
                Output::Report(event) => self.events.push((event.at, event.kind)),
                Output::Probe(job) => {
                    let reading = Reading::new(ReadingResult::status(200), Duration::from_millis(1));
                    self.board.handle(Input::ProbeDone { ticket: job.ticket, reading }, self.now);
                }
                Output::CancelProbe(_) => {}
            }
        }
    }

    /// A portion of traffic to everybody who serves.
    fn step(&mut self, manners: &[Manner]) {
        self.now = self.now + STEP;
        if self.board.next_deadline().is_some_and(|at| at <= self.now) {
            self.board.handle_deadline(self.now);
            self.drain();
        }
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Some(pool) = snapshot.pools.first() else { return };
        let mut hint = None;
        for (member, manner) in pool.members.iter().zip(manners) {
            let trial = member.on_trial() && member.cell.claim_trial();
            if !member.eligible() && !trial {
                continue;
            }
            for _ in 0..self.arrivals(manner.rate * STEP.as_secs_f64()) {
                let record = self.request(manner, trial);
                if let Some(kind) = member.cell.record(record, &pool.upstream.passive) {
                    hint = Some(Nudge { backend: member.key, kind });
                }
                if trial {
                    break;
                }
            }
        }
        if let Some(hint) = hint.filter(|_| self.rng.below(4) > 0) {
            self.tell(Input::Nudge(hint));
        }
    }

    /// The whole part, and one more as often as the rest says.
    fn arrivals(&mut self, expected: f64) -> u32 {
        let spread = expected * 2.0 * self.rng.unit();
        spread as u32 + u32::from(self.rng.unit() < spread.fract())
    }

    fn request(&mut self, manner: &Manner, trial: bool) -> Record {
        let failed = self.rng.unit() < manner.failing;
        // Twelve uniform draws make a normal one (Irwin and Hall); the tails that it lacks, the slow route has.
        let normal = (0..12).map(|_| self.rng.unit()).sum::<f64>() - 6.0;
        let route = if self.rng.below(100) < self.traffic.slow_route { 50.0 } else { 1.0 };
        let millis = manner.millis * route * (normal * self.traffic.sigma).exp();
        Record {
            outcome: if failed { Outcome::Failure(FailureKind::Status(500)) } else { Outcome::Success },
            latency: Duration::from_secs_f64(millis / 1000.0),
            client: u64::from(self.rng.below(self.traffic.clients)) + 1,
            trial,
            now: self.now,
        }
    }

    fn run(&mut self, span: Duration, manners: &[Manner]) {
        let end = self.now + span;
        while self.now < end {
            self.step(manners);
        }
    }

    fn ejections(&self) -> Vec<(Timestamp, &BackendId, &str)> {
        self.events
            .iter()
            .filter_map(|(at, kind)| match kind {
                EventKind::Ejected { backend, why, .. } => Some((*at, backend, why.as_str())),
                _ => None,
            })
            .collect()
    }
}

const FIT: Manner = Manner { rate: 50.0, failing: 0.0, millis: 10.0 };
const USUAL: Traffic = Traffic { sigma: 0.5, slow_route: 5, clients: 20 };

/// Only the two that compare; the others watch.
fn relative() -> PassivePlan {
    let mut plan = PassivePlan::default();
    plan.enforce = plan.enforce.with(Detector::ConsecutiveFailures, false).with(Detector::FailureRatio, false);
    plan
}

/// The first of three turns bad, after `before` of good service; how long it took from its 20th outcome until it was out.
fn detection(seed: u64, before: u64, bad: Manner) -> (Duration, String) {
    let mut world = World::new(seed, 3, relative(), USUAL);
    world.run(Duration::from_secs(before), &[FIT; 3]);
    let turned = world.now;
    world.run(Duration::from_secs(15), &[bad, FIT, FIT]);
    let ejections = world.ejections();
    let (at, id, why) = ejections.first().unwrap_or_else(|| panic!("seed {seed}: nobody was ejected"));
    assert!(ejections.iter().all(|(_, other, _)| other == id) && *at > turned, "seed {seed}: {ejections:?}");
    assert_eq!(id.address, super::plans::address(0), "seed {seed}: {why}");
    let twentieth = turned + Duration::from_secs_f64(20.0 / bad.rate);
    (at.since(twentieth), (*why).to_owned())
}

#[test]
fn a_backend_that_fails_a_third_of_its_requests_is_out_within_seconds() {
    let bad = Manner { failing: 0.3, ..FIT };
    for before in [0, 30] {
        let mut took: Vec<Duration> = (0..100).map(|seed| detection(seed, before, bad).0).collect();
        took.sort_unstable();
        println!("failing 30 %, {before} s after the start: median {:?}, longest {:?}", took[50], took[99]);
        assert!(took[99] <= Duration::from_secs(10), "{:?}", took[99]);
    }
}

#[test]
fn a_backend_that_is_ten_times_slower_is_out_within_seconds() {
    // The balancer sends it less as soon as it is slow.
    let bad = Manner { millis: 100.0, rate: 25.0, ..FIT };
    for before in [0, 30] {
        let mut took: Vec<Duration> = (0..100).map(|seed| detection(seed, before, bad).0).collect();
        took.sort_unstable();
        println!("ten times slower, {before} s after the start: median {:?}, longest {:?}", took[50], took[99]);
        assert!(took[99] <= Duration::from_secs(10), "{:?}", took[99]);
    }
}

#[test]
fn the_figures_of_both_sides_are_told() {
    let (_, why) = detection(1, 30, Manner { failing: 0.3, ..FIT });
    assert!(why.contains("outcomes failed within") && why.contains("of its 2 peers 0 of"), "{why}");
    let (_, why) = detection(1, 30, Manner { millis: 100.0, ..FIT });
    assert!(why.contains("in the median, those of its 2 peers"), "{why}");
}

#[test]
fn of_two_nobody_can_tell_which_is_odd() {
    let mut world = World::new(1, 2, relative(), USUAL);
    world.run(Duration::from_secs(30), &[Manner { failing: 0.3, millis: 100.0, ..FIT }, FIT]);
    assert_eq!(world.ejections(), []);
}

#[test]
fn a_detector_that_does_not_enforce_only_tells() {
    let mut passive = relative();
    passive.enforce = passive.enforce.with(Detector::FailureOutlier, false).with(Detector::LatencyOutlier, false);
    let mut world = World::new(1, 3, passive, USUAL);
    world.run(Duration::from_secs(30), &[Manner { failing: 0.3, millis: 100.0, ..FIT }, FIT, FIT]);
    assert_eq!(world.ejections(), []);
    for expected in [Detector::FailureOutlier, Detector::LatencyOutlier] {
        let told = world
            .events
            .iter()
            .filter(|(_, kind)| matches!(kind, EventKind::WouldEject { detector, .. } if *detector == expected));
        assert!((2..=3).contains(&told.count()), "{}: once per ejection time", expected.word());
    }
}

#[test]
fn one_client_with_a_poison_request_ejects_nobody_among_several() {
    let mut world = World::new(1, 3, relative(), Traffic { clients: 20, ..USUAL });
    for _ in 0..1500 {
        world.step(&[FIT; 3]);
        let snapshot = world.snapshot.clone().unwrap();
        let pool = &snapshot.pools[0];
        let poison = Record {
            outcome: Outcome::Failure(FailureKind::Status(500)),
            latency: Duration::from_millis(5),
            client: 99,
            trial: false,
            now: world.now,
        };
        if let Some(kind) = pool.members[0].cell.record(poison, &pool.upstream.passive) {
            world.tell(Input::Nudge(Nudge { backend: pool.members[0].key, kind }));
        }
    }
    assert_eq!(world.ejections(), []);
}

/// A pool whose backends are alike, except for how much they have to do; what it goes through hits everybody.
fn nobody_stands_out(seed: u64, span: Duration) {
    let mut rng = Rng::new(seed ^ 0x5EED);
    let backends = 3 + rng.below(8);
    let traffic = Traffic { sigma: 0.3 + 1.2 * rng.unit(), slow_route: rng.below(3) * 20, clients: 1 + rng.below(30) };
    let failing = if seed % 4 == 3 { 0.0 } else { 0.01 + 0.29 * rng.unit() };
    let millis = 1.0 * 500f64.powf(rng.unit());
    let manner = |rng: &mut Rng| Manner { rate: 50.0 * 4f64.powf(rng.unit() - 0.5), failing, millis };
    let usual: Vec<Manner> = (0..backends).map(|_| manner(&mut rng)).collect();
    let mut world = World::new(seed, backends, relative(), traffic);
    let end = world.now + span;
    while world.now < end {
        world.run(Duration::from_secs(5 + u64::from(rng.below(20))).min(end.since(world.now)), &usual);
        // A dependency hiccups for a moment: more of everything fails, or everything takes longer, everywhere.
        let more = Manner { failing: (failing * 3.0).min(0.9), millis: millis * 10.0, rate: 0.0 };
        let fails = rng.below(2) == 0;
        let hit = |usual: &Manner| match fails {
            true => Manner { failing: more.failing, ..*usual },
            false => Manner { millis: more.millis, ..*usual },
        };
        let hit: Vec<Manner> = usual.iter().map(hit).collect();
        world.run(Duration::from_millis(u64::from(rng.below(3000))), &hit);
    }
    let ejections = world.ejections();
    assert!(ejections.is_empty(), "seed {seed}: {backends} alike ({:?}, {traffic:?}): {ejections:?}", usual[0]);
}

#[test]
fn of_backends_that_are_alike_nobody_stands_out() {
    let span = Duration::from_secs(number("SIMULATION_SECONDS").unwrap_or(20));
    if let Some(seed) = number("SIMULATION_SEED") {
        return nobody_stands_out(seed, span);
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(2_000);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds) {
                    nobody_stands_out(seed, span);
                }
            });
        }
    });
}
