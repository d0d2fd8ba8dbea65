//! What every policy promises, on pools built by hand.

use super::*;
use crate::base::identity::{Address, BackendId};
use crate::health::standing::{Cause, Standing};
use crate::plan::{HashBy, PassivePlan, StickyPlan};
use crate::traffic::cell::Cell;
use crate::traffic::cell::Record;
use crate::traffic::outcome::{FailureKind, Outcome};

fn member(port: u16, weight: u32) -> Arc<Endpoint> {
    let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, 0, 0, 1], port).into()) };
    Arc::new(Endpoint {
        key: id.key(),
        id,
        weight,
        backup: false,
        standing: Standing { cause: Cause::Up, share: 1.0, earliest_return: None, unprobed: false },
        since: Timestamp::ZERO,
        connection_epoch: 0,
        stranger: false,
        cell: Arc::new(Cell::new()),
    })
}

fn pool(weights: &[u32]) -> Arc<[Arc<Endpoint>]> {
    weights.iter().enumerate().map(|(port, weight)| member(port as u16 + 1, *weight)).collect()
}

fn balancer(policy: Policy, members: &Arc<[Arc<Endpoint>]>) -> Balancer {
    let serving: Vec<(usize, f64)> =
        members.iter().enumerate().map(|(at, member)| (at, f64::from(member.weight))).collect();
    Balancer::prepare(&BalancePlan { policy, ..BalancePlan::default() }, members, &serving, &[], None)
}

fn input(random: u64) -> PickInput<'static> {
    PickInput {
        tried: &[],
        now: Timestamp::ZERO,
        random,
        hash: None,
        sticky: None,
        trial_allowed: false,
        last_chance: false,
    }
}

fn policies() -> [Policy; 5] {
    [Policy::LeastRequest, Policy::RoundRobin, Policy::PeakEwma, Policy::Random, Policy::Hash(HashBy::Path)]
}

fn counts(balancer: &Balancer, members: &[Arc<Endpoint>], picks: u64, hashed: bool) -> Vec<u64> {
    let mut counts = vec![0; members.len()];
    let mut rng = Rng::new(42);
    for _ in 0..picks {
        let random = rng.next_u64();
        let pick = balancer.pick(&PickInput { hash: hashed.then_some(random), ..input(random) }).unwrap();
        counts[members.iter().position(|member| member.key == pick.member.key).unwrap()] += 1;
    }
    counts
}

#[test]
fn picks_follow_the_weights_when_nobody_is_loaded() {
    let members = pool(&[1, 2, 5]);
    for policy in [Policy::LeastRequest, Policy::RoundRobin, Policy::Random, Policy::Hash(HashBy::Path)] {
        let hashed = matches!(policy, Policy::Hash(_));
        // Two different draws with a tie to the first: the first draw's distribution is the weights'.
        let counts = counts(&balancer(policy.clone(), &members), &members, 80_000, hashed);
        let tolerance = if hashed { 4_000 } else { 1_000 };
        for (count, weight) in counts.iter().zip([1, 2, 5]) {
            assert!(count.abs_diff(weight * 10_000) < tolerance, "{policy:?}: {counts:?}");
        }
    }
}

#[test]
fn every_policy_skips_what_was_tried_and_ends_with_nobody() {
    let members = pool(&[1, 1, 1]);
    for policy in policies() {
        let balancer = balancer(policy.clone(), &members);
        let mut tried = Vec::new();
        for random in 0..3 {
            let pick = balancer.pick(&PickInput { tried: &tried, hash: Some(random), ..input(random) }).unwrap();
            assert!(!tried.contains(&pick.member.key), "{policy:?}");
            tried.push(pick.member.key);
        }
        assert!(balancer.pick(&PickInput { tried: &tried, hash: Some(9), ..input(9) }).is_none(), "{policy:?}");
        assert!(!balancer.has_untried(&tried));
    }
}

#[test]
fn least_request_never_picks_the_loaded_one_of_two() {
    let members = pool(&[1, 1]);
    members[0].cell.begin_within(0);
    let balancer = balancer(Policy::LeastRequest, &members);
    for random in 0..1000 {
        assert_eq!(balancer.pick(&input(random)).unwrap().member.key, members[1].key);
    }
}

#[test]
fn a_frozen_backend_of_three_collects_only_a_few_requests() {
    // Requests to member 0 never end; the others answer at once.
    let members = pool(&[1, 1, 1]);
    let balancer = balancer(Policy::LeastRequest, &members);
    for random in 0..300 {
        let pick = balancer.pick(&input(random * 7919)).unwrap();
        if pick.member.key == members[0].key {
            pick.member.cell.begin_within(0);
        }
    }
    assert!(members[0].cell.in_flight() <= 2, "{}", members[0].cell.in_flight());
}

#[test]
fn a_member_that_leaves_the_serving_set_moves_only_its_own_keys() {
    let members = pool(&[1; 10]);
    let plan = BalancePlan { policy: Policy::Hash(HashBy::Path), ..BalancePlan::default() };
    let all: Vec<(usize, f64)> = (0..10).map(|at| (at, 1.0)).collect();
    let before = Balancer::prepare(&plan, &members, &all, &[], None);
    let after = Balancer::prepare(&plan, &members, &all[1..], &[], Some(&before));
    for random in 0..2000u64 {
        let hash = Some(crate::base::rng::mix(random));
        let first = before.pick(&PickInput { hash, ..input(random) }).unwrap().member.key;
        let second = after.pick(&PickInput { hash, ..input(random) }).unwrap().member.key;
        assert!(first == second || first == members[0].key);
        assert!(second != members[0].key);
    }
}

#[test]
fn a_sticky_client_stays_until_its_backend_is_gone() {
    let members = pool(&[1, 1, 1]);
    let sticky = StickyPlan::default();
    let plan = BalancePlan { policy: Policy::RoundRobin, sticky: Some(sticky) };
    let balancer = Balancer::prepare(&plan, &members, &[(0, 1.0), (2, 1.0)], &[], None);
    let sticky = Some(members[2].key);
    for random in 0..10 {
        assert_eq!(balancer.pick(&PickInput { sticky, ..input(random) }).unwrap().member.key, members[2].key);
    }
    let tried = [members[2].key];
    assert_ne!(balancer.pick(&PickInput { sticky, tried: &tried, ..input(1) }).unwrap().member.key, members[2].key);
    let sticky = Some(members[1].key);
    assert_ne!(
        balancer.pick(&PickInput { sticky, ..input(1) }).unwrap().member.key,
        members[1].key,
        "it does not serve"
    );
}

#[test]
fn exactly_one_request_decides_a_trial_and_only_where_a_retry_is_left() {
    let members = pool(&[1, 1]);
    let plan = BalancePlan { policy: Policy::Random, ..BalancePlan::default() };
    let balancer = Balancer::prepare(&plan, &members, &[(1, 1.0)], &[0], None);
    members[0].cell.arm_trial();
    assert!(!balancer.pick(&input(1)).unwrap().trial, "not every request may decide");
    let tried = [members[1].key];
    assert!(balancer.pick(&PickInput { trial_allowed: true, tried: &tried, ..input(1) }).is_none(), "nobody is left");
    let trial = balancer.pick(&PickInput { trial_allowed: true, ..input(2) }).unwrap();
    assert!(trial.trial && trial.member.key == members[0].key);
    assert!(!balancer.pick(&PickInput { trial_allowed: true, ..input(3) }).unwrap().trial);
}

#[test]
fn an_empty_pool_has_nobody() {
    let members = pool(&[]);
    for policy in policies() {
        assert!(balancer(policy, &members).pick(&PickInput { hash: Some(1), ..input(1) }).is_none());
    }
}

#[test]
fn a_trial_is_better_than_nobody() {
    let members = pool(&[1]);
    let plan = BalancePlan { policy: Policy::Random, ..BalancePlan::default() };
    let balancer = Balancer::prepare(&plan, &members, &[], &[0], None);
    members[0].cell.arm_trial();
    assert!(balancer.pick(&input(1)).is_none(), "a POST is no trial");
    assert!(balancer.pick(&PickInput { trial_allowed: true, ..input(2) }).unwrap().trial);
    assert!(balancer.pick(&PickInput { trial_allowed: true, ..input(3) }).is_none(), "one request decides");
}

fn passive() -> PassivePlan {
    PassivePlan::default()
}

fn answers_in(member: &Endpoint, millis: u64) {
    let latency = std::time::Duration::from_millis(millis);
    let record = Record { outcome: Outcome::Success, latency, client: 1, trial: false, now: Timestamp::from_secs(1) };
    member.cell.record(record, &passive());
}

#[test]
fn peak_ewma_prefers_the_quicker_until_it_queues() {
    let members = pool(&[1, 1]);
    answers_in(&members[0], 10);
    answers_in(&members[1], 45);
    let balancer = balancer(Policy::PeakEwma, &members);
    let at = |random| PickInput { now: Timestamp::from_secs(1), ..input(random) };
    let mut taken = [0; 2];
    for random in 0..10 {
        let pick = balancer.pick(&at(random)).unwrap();
        pick.member.cell.begin_within(0);
        taken[usize::from(pick.member.key == members[1].key)] += 1;
    }
    assert_eq!(taken, [8, 2], "in proportion to their speed");
}

#[test]
fn peak_ewma_gives_a_newcomer_one_request_until_it_has_answered() {
    let members = pool(&[1, 1, 1]);
    answers_in(&members[0], 5);
    answers_in(&members[1], 5);
    let balancer = balancer(Policy::PeakEwma, &members);
    for random in 0..100 {
        let pick = balancer.pick(&PickInput { now: Timestamp::from_secs(1), ..input(random * 7919) }).unwrap();
        if pick.member.key == members[2].key {
            pick.member.cell.begin_within(0);
        }
    }
    assert_eq!(members[2].cell.in_flight(), 1);
}

#[test]
fn one_hot_key_spreads_when_its_member_is_above_its_share_and_weights_count() {
    let members = pool(&[1, 1, 6]);
    let balancer = balancer(Policy::Hash(HashBy::Path), &members);
    for _ in 0..800 {
        balancer.pick(&PickInput { hash: Some(42), ..input(1) }).unwrap().member.cell.begin_within(0);
    }
    for (member, share) in members.iter().zip([100.0, 100.0, 600.0]) {
        let load = f64::from(member.cell.in_flight());
        assert!(load <= share * 1.25 + 2.0, "{load} of {share}");
    }
    assert!(members[2].cell.in_flight() > 500, "the heavy one carries the most");
}

#[test]
fn a_key_stays_with_one_of_the_few_that_are_left_of_many() {
    let members = pool(&[1; 2000]);
    let plan = BalancePlan { policy: Policy::Hash(HashBy::Path), ..BalancePlan::default() };
    let balancer = Balancer::prepare(&plan, &members, &[(3, 1.0), (1500, 1.0)], &[], None);
    for hash in (0..50).map(crate::base::rng::mix) {
        let pick = |random| balancer.pick(&PickInput { hash: Some(hash), ..input(random) }).unwrap().member.key;
        assert!((0..20).all(|random| pick(random) == pick(99)));
    }
}

#[test]
fn on_the_ring_the_lightest_has_its_place() {
    let members = pool(&[1, 100_000]);
    let plan = BalancePlan { policy: Policy::Hash(HashBy::Path), ..BalancePlan::default() };
    let balancer = Balancer::prepare(&plan, &members, &[(0, 1.0), (1, 100_000.0)], &[], None);
    let hit = |hash: u64| balancer.pick(&PickInput { hash: Some(hash), ..input(1) }).unwrap().member.key;
    assert!((0..50_000).map(crate::base::rng::mix).any(|hash| hit(hash) == members[0].key));
}

thread_local! {
    static LOOKED_AT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

pub(super) fn looked_at_one() {
    LOOKED_AT.set(LOOKED_AT.get() + 1);
}

#[test]
fn a_pick_looks_at_as_many_backends_of_ten_thousand_as_of_three() {
    let looked_at = |policy: Policy, size: usize| {
        let balancer = balancer(policy, &pool(&vec![1; size]));
        LOOKED_AT.set(0);
        for random in (0..1000).map(crate::base::rng::mix) {
            assert!(balancer.pick(&PickInput { hash: Some(random), ..input(random) }).is_some());
        }
        LOOKED_AT.get() as f64 / 1000.0
    };
    for policy in [Policy::RoundRobin, Policy::Random, Policy::Hash(HashBy::Path)] {
        assert_eq!([3, 10_000].map(|size| looked_at(policy.clone(), size)), [1.0, 1.0], "{policy:?}");
    }
    for policy in [Policy::LeastRequest, Policy::PeakEwma] {
        // Of three, the second draw is the first again every third time, and is drawn anew.
        let [small, large] = [3, 10_000].map(|size| looked_at(policy.clone(), size));
        assert!((2.3..2.7).contains(&small) && (2.0..2.1).contains(&large), "{policy:?}: {small}, {large}");
    }
}

#[test]
fn a_request_without_a_second_chance_avoids_backends_that_failed_lately() {
    let members = pool(&[1, 1, 1]);
    let failed = Record {
        outcome: Outcome::Failure(FailureKind::Status(500)),
        latency: Duration::ZERO,
        client: 1,
        trial: false,
        now: Timestamp::from_secs(10),
    };
    members[0].cell.record(failed, &PassivePlan::default());
    // The others are busy, so load alone would choose the suspect.
    members[1..].iter().for_each(|member| (0..5).for_each(|_| assert!(member.cell.begin_within(0))));
    for policy in [Policy::LeastRequest, Policy::PeakEwma] {
        let balancer = balancer(policy, &members);
        let takes_it = |seconds, last_chance| {
            let now = Timestamp::from_secs(seconds);
            let picks = (0..100).map(|random| PickInput { now, last_chance, ..input(random * 7919) });
            picks.filter(|input| balancer.pick(input).unwrap().member.key == members[0].key).count()
        };
        assert_eq!(takes_it(11, true), 0);
        assert!(takes_it(11, false) > 20, "who can be tried again goes by the load");
        assert!(takes_it(13, true) > 20, "it was some time ago");
    }
}
