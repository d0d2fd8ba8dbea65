//! What does a pick cost, at 3, 50, 1 000 and 10 000 backends? `cargo bench --bench pick` prints nanoseconds per pick and policy.
//!
//! The figures drift with the machine; what must not drift is that they do not grow with the pool (they grow with the cache
//! misses of a large one).
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use pulsegate::domain::balance::{Balancer, PickInput};
use pulsegate::domain::cell::Cell;
use pulsegate::domain::identity::{Address, BackendId};
use pulsegate::domain::plan::{BalancePlan, HashBy, Policy};
use pulsegate::domain::rng::mix;
use pulsegate::domain::snapshot::Member;
use pulsegate::domain::standing::{Cause, Standing};
use pulsegate::domain::time::Timestamp;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const PICKS: u64 = 1_000_000;

fn member(number: u32) -> Arc<Member> {
    let [_, a, b, c] = number.to_be_bytes();
    let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, a, b, c], 80).into()) };
    Arc::new(Member {
        key: id.key(),
        id,
        weight: 1,
        backup: false,
        standing: Standing { cause: Cause::Up, share: 1.0, earliest_return: None, unprobed: false },
        since: Timestamp::ZERO,
        connection_epoch: 0,
        cell: Arc::new(Cell::new()),
    })
}

fn main() {
    let policies =
        [Policy::LeastRequest, Policy::RoundRobin, Policy::PeakEwma, Policy::Random, Policy::Hash(HashBy::Path)];
    for policy in policies {
        print!("{policy:<20?}", policy = policy);
        for size in [3u32, 50, 1_000, 10_000] {
            let members: Arc<[Arc<Member>]> = (0..size).map(member).collect();
            let serving: Vec<(usize, f64)> = (0..size as usize).map(|index| (index, 1.0)).collect();
            let plan = BalancePlan { policy: policy.clone(), sticky: None };
            let balancer = Balancer::prepare(&plan, &members, &serving, &[], None);
            let begun = Instant::now();
            for number in 0..PICKS {
                let (random, hash) = (mix(number), Some(mix(number ^ 7)));
                let now = Timestamp(number);
                black_box(balancer.pick(&PickInput {
                    tried: &[],
                    now,
                    random,
                    hash,
                    sticky: None,
                    trial_allowed: false,
                }));
            }
            print!("  {size:>6}: {:>6.1} ns", begun.elapsed().as_nanos() as f64 / PICKS as f64);
        }
        println!();
    }
}
