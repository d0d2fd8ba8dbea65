//! What every policy promises, on pools built by hand.

use super::*;
use crate::domain::cell::Cell;
use crate::domain::identity::{Address, BackendId};
use crate::domain::plan::HashBy;
use crate::domain::standing::{Cause, Standing};

fn member(port: u16, weight: u32) -> Arc<Member> {
    let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, 0, 0, 1], port).into()) };
    Arc::new(Member {
        key: id.key(),
        id,
        weight,
        backup: false,
        standing: Standing { cause: Cause::Up, share: 1.0, earliest_return: None, unprobed: false },
        since: Timestamp::ZERO,
        connection_epoch: 0,
        cell: Arc::new(Cell::new()),
    })
}

fn pool(weights: &[u32]) -> Arc<[Arc<Member>]> {
    weights.iter().enumerate().map(|(port, weight)| member(port as u16 + 1, *weight)).collect()
}

fn balancer(policy: Policy, members: &Arc<[Arc<Member>]>) -> Balancer {
    let serving: Vec<(usize, f64)> =
        members.iter().enumerate().map(|(at, member)| (at, f64::from(member.weight))).collect();
    Balancer::prepare(&BalancePlan { policy, sticky: None }, members, &serving, &[], None)
}

fn input(random: u64) -> PickInput<'static> {
    PickInput { tried: &[], now: Timestamp::ZERO, random, hash: None, sticky: None, trial_allowed: false }
}

fn policies() -> [Policy; 5] {
    [Policy::LeastRequest, Policy::RoundRobin, Policy::PeakEwma, Policy::Random, Policy::Hash(HashBy::Path)]
}

fn counts(balancer: &Balancer, members: &[Arc<Member>], picks: u64, hashed: bool) -> Vec<u64> {
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
    members[0].cell.begin();
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
            pick.member.cell.begin();
        }
    }
    assert!(members[0].cell.in_flight() <= 2, "{}", members[0].cell.in_flight());
}

#[test]
fn a_member_that_leaves_the_serving_set_moves_only_its_own_keys() {
    let members = pool(&[1; 10]);
    let plan = BalancePlan { policy: Policy::Hash(HashBy::Path), sticky: None };
    let all: Vec<(usize, f64)> = (0..10).map(|at| (at, 1.0)).collect();
    let before = Balancer::prepare(&plan, &members, &all, &[], None);
    let after = Balancer::prepare(&plan, &members, &all[1..], &[], Some(&before));
    for random in 0..2000u64 {
        let hash = Some(crate::domain::rng::mix(random));
        let first = before.pick(&PickInput { hash, ..input(random) }).unwrap().member.key;
        let second = after.pick(&PickInput { hash, ..input(random) }).unwrap().member.key;
        assert!(first == second || first == members[0].key);
        assert!(second != members[0].key);
    }
}

#[test]
fn a_sticky_client_stays_until_its_backend_is_gone() {
    let members = pool(&[1, 1, 1]);
    let balancer = balancer(Policy::RoundRobin, &members);
    let sticky = Some(members[2].key);
    for random in 0..10 {
        assert_eq!(balancer.pick(&PickInput { sticky, ..input(random) }).unwrap().member.key, members[2].key);
    }
    let tried = [members[2].key];
    assert_ne!(balancer.pick(&PickInput { sticky, tried: &tried, ..input(1) }).unwrap().member.key, members[2].key);
}

#[test]
fn exactly_one_request_decides_a_trial_and_only_where_a_retry_is_left() {
    let members = pool(&[1, 1]);
    let plan = BalancePlan { policy: Policy::Random, sticky: None };
    let balancer = Balancer::prepare(&plan, &members, &[(1, 1.0)], &[0], None);
    members[0].cell.arm_trial();
    assert!(!balancer.pick(&input(1)).unwrap().trial, "not every request may decide");
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
