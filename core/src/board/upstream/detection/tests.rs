//! What follows when a failure was seen, or everybody is looked at: who goes, whom the cap holds, and what is only said.

use super::*;
use crate::base::identity::Address;
use crate::board::contract::discovery::Found;
use crate::board::contract::output::Output;
use crate::board::desk::Desk;
use crate::board::desk::place::Position;
use crate::board::upstream::retired::Retired;
use crate::health::event::EventKind;
use crate::plan::{BalancePlan, Enforcement, HashBy, PassivePlan, Policy, UpstreamPlan};
use crate::traffic::cell::Record;
use crate::traffic::outcome::{FailureKind, Outcome};
use std::sync::Arc;

const RESET: Outcome = Outcome::Failure(FailureKind::Reset);
const STATUS: Outcome = Outcome::Failure(FailureKind::Status(500));
const NOW: Timestamp = Timestamp::from_secs(100);

/// A pool without probes, and what was told of it.
struct World {
    desk: Desk,
    group: Group,
    detection: Detection,
}

impl World {
    fn new(backends: u8, plan: UpstreamPlan) -> Self {
        let mut world = Self { desk: Desk::new(7), group: Group::new(Arc::new(plan)), detection: Detection::default() };
        let address = |last| Address::Socket(([10, 0, 0, last], 80).into());
        let found: Vec<Found> =
            (1..=backends).map(|last| Found { address: address(last), weight: 1, backup: false }).collect();
        let mut turn = Turn::at(&mut world.desk, Position::new(0), NOW, true);
        world.group.members.regroup(&found, &world.group.plan, &mut Retired::default(), &mut turn);
        world.told();
        world
    }

    /// So many outcomes at the backend of this number, from five clients in turn.
    fn traffic(&self, number: usize, outcome: Outcome, times: u64, now: Timestamp) {
        let seat = Seat::new(number - 1);
        for client in (1..=5).cycle().take(times as usize) {
            let record = Record { outcome, latency: Duration::from_millis(1), client, trial: false, now };
            self.group.members[seat].cell().record(record, &self.group.plan.passive);
        }
    }

    fn suspect(&mut self, number: usize, now: Timestamp) {
        let mut turn = Turn::at(&mut self.desk, Position::new(0), now, true);
        self.detection.suspect(Seat::new(number - 1), &mut self.group, &mut turn);
    }

    fn look_around(&mut self, now: Timestamp) {
        let mut turn = Turn::at(&mut self.desk, Position::new(0), now, true);
        self.detection.look_around(&mut self.group, &mut turn);
    }

    /// What was reported since the last time, a line each.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(output) = self.desk.next_output() {
            told.extend(match output {
                Output::Report(event) => line(&event.kind),
                _ => None,
            });
        }
        told
    }
}

fn line(event: &EventKind) -> Option<String> {
    let last = |id: &crate::base::identity::BackendId| match &id.address {
        Address::Socket(address) => address.ip().to_string().rsplit('.').next().unwrap_or_default().to_owned(),
        Address::Unix(_) => String::new(),
    };
    match event {
        EventKind::Ejected { backend, cause, .. } => Some(format!("{} goes: {}", last(backend), cause.word())),
        EventKind::WouldEject { backend, detector, .. } => {
            Some(format!("{} would go: {}", last(backend), detector.word()))
        }
        EventKind::EjectionRefused { backend, fit, pool, floor, .. } => {
            Some(format!("{} stays: {fit} of {pool} are fit, {floor} must be", last(backend)))
        }
        _ => None,
    }
}

fn plan() -> UpstreamPlan {
    UpstreamPlan::named("pool")
}

fn passive(passive: PassivePlan) -> UpstreamPlan {
    UpstreamPlan { passive, ..plan() }
}

fn watching(enforce: Enforcement) -> UpstreamPlan {
    passive(PassivePlan { enforce, ..PassivePlan::default() })
}

/// What happens at which backend: so many of this outcome.
type Traffic = &'static [(usize, Outcome, u64)];

#[test]
fn a_failure_that_was_seen() {
    let every = || PassivePlan::default().enforce;
    let unenforced = || Enforcement { consecutive_failures: false, ..every() };
    let rows: Vec<(&str, UpstreamPlan, u8, Traffic, &[&str])> = vec![
        ("four in a row", plan(), 3, &[(1, RESET, 4)], &[]),
        ("five", plan(), 3, &[(1, RESET, 5)], &["1 goes: consecutive_failures"]),
        ("alone in its pool", plan(), 1, &[(1, RESET, 5)], &["1 stays: 1 of 1 are fit, 1 must be"]),
        ("one of two", plan(), 2, &[(1, RESET, 5)], &["1 goes: consecutive_failures"]),
        ("statuses, as bad as the others", plan(), 3, &[(1, STATUS, 5), (2, STATUS, 5), (3, STATUS, 5)], &[]),
        (
            "statuses, worse than the others",
            plan(),
            3,
            &[(1, STATUS, 5), (2, STATUS, 1), (2, Outcome::Success, 9)],
            &["1 goes: consecutive_failures"],
        ),
        (
            "a detector that only watches",
            watching(unenforced()),
            3,
            &[(1, RESET, 5)],
            &["1 would go: consecutive_failures"],
        ),
        (
            "one that watches and one that ejects",
            watching(unenforced()),
            3,
            &[(1, RESET, 20)],
            &["1 would go: consecutive_failures", "1 goes: failure_ratio"],
        ),
        (
            "all of it turned off",
            passive(PassivePlan { enabled: false, ..PassivePlan::default() }),
            3,
            &[(1, RESET, 20)],
            &[],
        ),
    ];
    for (what, plan, backends, traffic, expected) in rows {
        let mut world = World::new(backends, plan);
        traffic.iter().for_each(|(number, outcome, times)| world.traffic(*number, *outcome, *times, NOW));
        world.suspect(1, NOW);
        assert_eq!(world.told(), expected, "{what}");
    }
}

#[test]
fn a_look_around_ejects_down_to_the_floor_and_refuses_the_rest_once_per_ejection_time() {
    for (backends, expected) in [
        (2, vec!["1 goes: consecutive_failures", "2 stays: 1 of 2 are fit, 1 must be"]),
        (
            3,
            vec![
                "1 goes: consecutive_failures",
                "2 stays: 2 of 3 are fit, 2 must be",
                "3 stays: 2 of 3 are fit, 2 must be",
            ],
        ),
        (
            4,
            vec![
                "1 goes: consecutive_failures",
                "2 goes: consecutive_failures",
                "3 stays: 2 of 4 are fit, 2 must be",
                "4 stays: 2 of 4 are fit, 2 must be",
            ],
        ),
    ] {
        let mut world = World::new(backends, plan());
        (1..=usize::from(backends)).for_each(|number| world.traffic(number, RESET, 5, NOW));
        world.look_around(NOW);
        assert_eq!(world.told(), expected, "of {backends}");
        world.look_around(NOW + Duration::from_secs(1));
        assert_eq!(world.told(), [""; 0], "said already");
    }
}

#[test]
fn the_pool_is_compared_with_the_first_failure_and_soon_after_others_not_with_each() {
    let mut world =
        World::new(3, passive(PassivePlan { consecutive_failures: 0, failure_ratio: 0.0, ..PassivePlan::default() }));
    (1..=3).for_each(|number| world.traffic(number, Outcome::Success, 60, NOW));
    world.suspect(1, NOW);
    (0..8).for_each(|_| {
        world.traffic(1, RESET, 5, NOW);
        world.traffic(1, Outcome::Success, 5, NOW);
    });
    let soon = NOW + Duration::from_millis(49);
    world.suspect(1, soon);
    assert_eq!((world.told(), world.detection.look_at()), (vec![], Some(NOW + SOON)));
    world.look_around(NOW + SOON);
    assert_eq!(world.told(), ["1 goes: failure_outlier"]);
}

#[test]
fn a_pool_spread_by_hash_ejects_nobody_for_standing_out() {
    let hashed = BalancePlan { policy: Policy::Hash(HashBy::Path), ..BalancePlan::default() };
    let absolute_off = PassivePlan { consecutive_failures: 0, failure_ratio: 0.0, ..PassivePlan::default() };
    let mut world = World::new(3, UpstreamPlan { balance: hashed, ..passive(absolute_off) });
    (1..=3).for_each(|number| world.traffic(number, Outcome::Success, 60, NOW));
    world.traffic(1, RESET, 30, NOW);
    world.look_around(NOW);
    assert_eq!(world.told(), ["1 would go: failure_outlier"]);
}

#[test]
fn an_ejected_one_is_nobodys_peer_any_more() {
    let mut world = World::new(4, passive(PassivePlan { minimum_fit: 0.0, ..PassivePlan::default() }));
    // Beside the first, the second would be no worse than the median of its peers.
    world.traffic(1, RESET, 5, NOW);
    world.traffic(2, STATUS, 5, NOW);
    world.traffic(3, Outcome::Success, 5, NOW);
    world.look_around(NOW);
    assert_eq!(world.told(), ["1 goes: consecutive_failures", "2 goes: consecutive_failures"]);
}

#[test]
fn as_long_as_there_is_anybody_it_looks_every_second() {
    let mut world = World::new(1, plan());
    world.look_around(NOW);
    assert_eq!(world.detection.look_at(), Some(NOW + LOOK_AGAIN));
    let mut empty = World::new(0, plan());
    empty.look_around(NOW);
    assert_eq!(empty.detection.look_at(), None);
}
