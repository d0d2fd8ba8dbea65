//! What do the steps of a decision cost? `cargo bench --bench micro` prints nanoseconds, which drift with the machine; what must
//! not drift is gated by `benches/gates.rs`.

mod rig;

use divan::{Bencher, black_box};
use pulsegate::domain::cell::Cell;
use pulsegate::domain::route::Question;

fn main() {
    divan::main();
}

/// Picks by policy and size of the pool.
#[divan::bench(args = rig::SIZES, consts = [0, 1, 2, 3, 4])]
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
        rig::record(&cell, number);
    });
}

/// A finished request, counted.
#[divan::bench(args = rig::HISTOGRAMS)]
fn count_request(bencher: Bencher<'_, '_>, histograms: &str) {
    let counting = rig::Counting::new(histograms);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        counting.count(black_box(number));
    });
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

/// A host, a prefix and a path that nobody has, among a thousand routes.
#[divan::bench(args = [("h300.example.com", "/"), ("other.example.com", "/area/400/items/7"), ("other.example.com", "/nobody")])]
fn match_one_of_1000_routes(bencher: Bencher<'_, '_>, (host, path): (&str, &str)) {
    let plan = rig::routes();
    let header = |_: &str| None;
    bencher.bench_local(|| black_box(plan.table.find(&Question { host, path, method: "GET", header: &header })));
}
