//! Does the board keep its promises whatever happens to it?
//!
//! A seeded storm (probe results of every kind, live traffic, late and spurious deadlines, clock jumps, lost hints and lost
//! probes, reloads, discovery flaps, operators) beats on the real board. After every step the invariants are checked, and a
//! deliberately naive shadow model says what must have come of it. Requests go through it all, each decided by the real machine. Nothing
//! here sleeps: time is an argument.
//!
//! The dice of this storm are random numbers; those of `tests/fuzz` are bytes that a fuzzer chose.
//!
//! `SIMULATION_SEEDS=n` runs more seeds, `SIMULATION_SEED=k` replays one of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a promise that is broken stops the storm here")]

mod clockwork;
mod dice;
mod documents;
mod invariants;
mod life;
mod listener;
mod peers;
mod plans;
mod requests;
mod shadow;
mod storm;
mod timings;
mod trace;

use pulsegate_core::base::rng::Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use storm::Storm;

/// Steps of one storm: enough for several ejections, returns and reloads.
const STEPS: u32 = 1_000;
const SEEDS: u64 = 2_000;
const THREADS: u32 = 2;
/// Every n-th seed is run twice, to see that it leaves the same trace.
const REPEAT_EVERY: u64 = 20;

fn run(seed: u64) -> u64 {
    let mut storm = Storm::new(Box::new(Rng::new(seed)));
    storm.rage(STEPS);
    storm.trace()
}

/// Runs one seed; names the command that replays it when it fails.
fn run_named(seed: u64) -> u64 {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|_| {
        panic!("seed {seed} broke a promise; replay it with SIMULATION_SEED={seed} cargo test --test simulation")
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn the_board_keeps_its_promises_in_every_storm() {
    if let Some(seed) = number("SIMULATION_SEED") {
        run_named(seed);
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds) {
                    let trace = run_named(seed);
                    assert!(seed % REPEAT_EVERY != 0 || run(seed) == trace, "seed {seed} left two different traces");
                }
            });
        }
    });
}

#[test]
fn different_seeds_are_different_storms() {
    assert_ne!(run(1), run(2));
}
