//! What every balancing policy promises, on pools that chance has drawn.

use proptest::prelude::*;
use pulsegate_core::base::identity::{Address, BackendId, BackendKey};
use pulsegate_core::base::rng::{Rng, mix};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::standing::{Cause, Standing};
use pulsegate_core::plan::{BalancePlan, HashBy, Policy};
use pulsegate_core::traffic::cell::Cell;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::load_balancing::{Balancer, PickInput};
use std::collections::BTreeMap;
use std::sync::Arc;

const HASH: Policy = Policy::Hash(HashBy::Path);

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

/// A pool, of which those with `true` serve.
#[derive(Clone, Debug)]
struct Pool {
    members: Arc<[Arc<Endpoint>]>,
    serving: Vec<(usize, f64)>,
}

impl Pool {
    fn new(drawn: &[(u32, bool)]) -> Self {
        let members: Arc<[Arc<Endpoint>]> =
            drawn.iter().enumerate().map(|(at, (weight, _))| member(at as u16 + 1, *weight)).collect();
        let serving = drawn.iter().enumerate().filter(|(_, (_, serves))| *serves);
        Self { members, serving: serving.map(|(at, (weight, _))| (at, f64::from(*weight))).collect() }
    }

    fn balancer(&self, policy: &Policy, previous: Option<&Balancer>) -> Balancer {
        let plan = BalancePlan { policy: policy.clone(), ..BalancePlan::default() };
        Balancer::prepare(&plan, &self.members, &self.serving, &[], previous)
    }

    fn share(&self, at: usize) -> f64 {
        let weight = self.serving.iter().find(|(index, _)| *index == at).map_or(0.0, |(_, weight)| *weight);
        weight / self.serving.iter().map(|(_, weight)| weight).sum::<f64>()
    }

    fn at(&self, key: BackendKey) -> usize {
        self.members.iter().position(|member| member.key == key).expect("a member of this pool")
    }

    fn counts(&self, balancer: &Balancer, picks: u32) -> Vec<u32> {
        let mut counts = vec![0; self.members.len()];
        let mut rng = Rng::new(1);
        for _ in 0..picks {
            counts[self.at(pick(balancer, rng.next_u64(), &[]).expect("somebody serves"))] += 1;
        }
        counts
    }
}

fn pick(balancer: &Balancer, random: u64, tried: &[BackendKey]) -> Option<BackendKey> {
    let hash = Some(mix(random));
    let input =
        PickInput { tried, now: Timestamp::ZERO, random, hash, sticky: None, trial_allowed: false, last_chance: false };
    balancer.pick(&input).map(|pick| pick.member.key)
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::LeastRequest),
        Just(Policy::RoundRobin),
        Just(Policy::PeakEwma),
        Just(Policy::Random),
        Just(HASH),
    ]
}

fn pools(members: std::ops::Range<usize>) -> impl Strategy<Value = Pool> {
    prop::collection::vec((1u32..20, prop::bool::weighted(0.7)), members).prop_map(|drawn| Pool::new(&drawn))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_serving_member_is_picked_once_and_nobody_else(pool in pools(0..30), policy in policies(), seed: u64) {
        let balancer = pool.balancer(&policy, None);
        let mut tried = Vec::new();
        while let Some(key) = pick(&balancer, seed.wrapping_add(tried.len() as u64), &tried) {
            prop_assert!(!tried.contains(&key));
            prop_assert!(pool.serving.iter().any(|(at, _)| *at == pool.at(key)), "picked one that does not serve");
            prop_assert!(balancer.has_untried(&tried));
            tried.push(key);
        }
        prop_assert_eq!(tried.len(), pool.serving.len());
        prop_assert!(!balancer.has_untried(&tried));
    }

    #[test]
    fn draws_follow_the_weights(
        pool in pools(1..12),
        policy in prop_oneof![Just(Policy::LeastRequest), Just(Policy::PeakEwma), Just(Policy::Random)],
    ) {
        prop_assume!(!pool.serving.is_empty());
        let picks = 20_000;
        let counts = pool.counts(&pool.balancer(&policy, None), picks);
        // Pearson's statistic; its mean is the degrees of freedom, and beyond mean + 6 deviations chance does not reach.
        let statistic: f64 = pool.serving.iter().map(|(at, _)| {
            let expected = pool.share(*at) * f64::from(picks);
            (f64::from(counts[*at]) - expected).powi(2) / expected
        }).sum();
        let freedom = pool.serving.len() as f64;
        prop_assert!(statistic < freedom + 6.0 * (2.0 * freedom).sqrt(), "{statistic}: {counts:?} of {pool:?}");
    }

    #[test]
    fn turns_are_exact_over_a_cycle_and_smooth_within(pool in pools(1..12)) {
        prop_assume!(!pool.serving.is_empty());
        let cycle: u32 = pool.serving.iter().map(|(at, _)| pool.members[*at].weight).sum();
        let balancer = pool.balancer(&Policy::RoundRobin, None);
        let mut counts = vec![0; pool.members.len()];
        for turn in 1..=2 * cycle {
            counts[pool.at(pick(&balancer, 0, &[]).expect("somebody serves"))] += 1;
            for (at, count) in counts.iter().enumerate() {
                let due = pool.share(at) * f64::from(turn);
                // Each class of equal weights drifts less than two turns; several may coincide.
                prop_assert!((f64::from(*count) - due).abs() <= 3.0, "turn {turn}: {count} of {due}, {pool:?}");
            }
        }
        for (at, _) in &pool.serving {
            prop_assert_eq!(counts[*at], 2 * pool.members[*at].weight, "{:?}", pool);
        }
    }

    #[test]
    fn a_publication_does_not_send_everybody_to_the_first(size in 2u16..20, before in 1usize..40) {
        let pool = Pool::new(&vec![(1, true); usize::from(size)]);
        let old = pool.balancer(&Policy::RoundRobin, None);
        let turns = |balancer: &Balancer, turns: usize| {
            (0..turns).map(|_| pool.at(pick(balancer, 0, &[]).expect("all serve"))).collect::<Vec<_>>()
        };
        let last = turns(&old, before).last().copied().expect("at least one turn");
        let next = turns(&pool.balancer(&Policy::RoundRobin, Some(&old)), 1)[0];
        prop_assert_eq!(next, (last + 1) % usize::from(size));
    }

    #[test]
    fn removing_a_member_moves_its_own_keys_and_no_others(size in 3usize..40, gone: prop::sample::Index) {
        let all = Pool::new(&vec![(1, true); size]);
        let gone = gone.index(size);
        let mut left: Vec<Arc<Endpoint>> = all.members.to_vec();
        let gone = left.remove(gone).key;
        let fewer = Pool { serving: (0..left.len()).map(|at| (at, 1.0)).collect(), members: left.into() };
        let (before, after) = (all.balancer(&HASH, None), fewer.balancer(&HASH, None));
        let mut moved = 0;
        for random in 0..4000 {
            let (old, new) = (pick(&before, random, &[]).expect("all serve"), pick(&after, random, &[]).expect("all serve"));
            prop_assert!(new == old || old == gone, "a key moved between members that stayed");
            moved += u32::from(old == gone);
        }
        // 160 points a member: its share is within a few tenths of 1/n.
        let expected = 4000.0 / size as f64;
        prop_assert!((f64::from(moved) - expected).abs() < 0.5 * expected + 10.0, "{moved} of {expected}");
    }

    #[test]
    fn the_ring_carried_over_is_the_ring_built_anew(pool in pools(1..20), seed: u64) {
        let first = pool.balancer(&HASH, None);
        let (carried, anew) = (pool.balancer(&HASH, Some(&first)), pool.balancer(&HASH, None));
        for random in 0..200 {
            let random = mix(seed ^ random);
            prop_assert_eq!(pick(&carried, random, &[]), pick(&anew, random, &[]));
        }
    }

    #[test]
    fn a_loaded_member_gets_no_more_than_its_share_of_one_hot_key(pool in pools(2..14), hot: u64) {
        prop_assume!(pool.serving.len() >= 2);
        let balancer = pool.balancer(&HASH, None);
        let requests = 1000;
        for _ in 0..requests {
            let at = pool.at(pick(&balancer, hot, &[]).expect("somebody serves"));
            pool.members[at].cell.begin_within(0);
        }
        for (at, _) in &pool.serving {
            let most = pool.share(*at) * f64::from(requests) * 1.25;
            let load = pool.members[*at].cell.in_flight();
            prop_assert!(f64::from(load) <= most + 2.0, "{load} in flight, {most} allowed: {pool:?}");
        }
    }

    #[test]
    fn least_request_keeps_the_queues_level(pool in pools(2..10)) {
        prop_assume!(pool.serving.len() >= 2);
        let balancer = pool.balancer(&Policy::LeastRequest, None);
        let mut rng = Rng::new(5);
        for _ in 0..2000 {
            let at = pool.at(pick(&balancer, rng.next_u64(), &[]).expect("somebody serves"));
            pool.members[at].cell.begin_within(0);
        }
        // Nothing ever ends: in proportion to the weights, within what two choices leave.
        let relative: BTreeMap<usize, f64> = pool.serving.iter()
            .map(|(at, _)| (*at, f64::from(pool.members[*at].cell.in_flight()) / (pool.share(*at) * 2000.0)))
            .collect();
        prop_assert!(relative.values().all(|load| (0.75..1.35).contains(load)), "{relative:?} of {pool:?}");
    }
}
