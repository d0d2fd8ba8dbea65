//! What do the steps of a decision cost? `cargo bench -p pulsegate-core --bench board` prints nanoseconds, which drift with the machine; what
//! must not drift is gated by `benches/gates.rs`.

mod rig;

use divan::{Bencher, black_box};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::PassivePlan;
use pulsegate_core::traffic::cell::{Cell, Record};
use pulsegate_core::traffic::outcome::Outcome;
use std::time::Duration;

/// Members of the pools.
const SIZES: [u32; 4] = [3, 50, 1_000, 10_000];

fn main() {
    divan::main();
}

/// Picks by policy and size of the pool.
#[divan::bench(args = SIZES, consts = [0, 1, 2, 3, 4])]
fn pick<const POLICY: usize>(bencher: Bencher<'_, '_>, size: u32) {
    let balancer = rig::balancer(rig::POLICIES[POLICY], size);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        black_box(rig::pick(&balancer, number))
    });
}

/// One outcome of live traffic, written down.
#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let cell = Cell::new();
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        success(&cell, number);
    });
}

/// As an attempt writes it down.
fn success(cell: &Cell, number: u64) {
    let passive = PassivePlan::default();
    let now = Timestamp(number * 1_000_000);
    let record =
        Record { outcome: Outcome::Success, latency: Duration::from_millis(3), client: number % 5, trial: false, now };
    cell.record(record, &passive);
}

/// One standing changes: the board's work and the new snapshot.
#[divan::bench(args = [3, 1_000, 10_000])]
fn publish_one_flip(bencher: Bencher<'_, '_>, size: u32) {
    let mut flips = rig::Flips::new(size);
    let mut number = 0;
    bencher.bench_local(|| {
        flips.flip(number);
        number += 1;
    });
}
