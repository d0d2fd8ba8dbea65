//! What does the gateway add to the decisions? `cargo bench --bench micro` prints nanoseconds of counting a request and of finding its route.
#![allow(clippy::panic, reason = "a bench that cannot go on says so by panicking")]

#[path = "rig/requests.rs"]
mod requests;
#[path = "rig/routes.rs"]
mod routes;

use divan::{Bencher, black_box};
use pulsegate_core::plan::route_table::{Lines, Question};

fn main() {
    divan::main();
}

/// A finished request, counted.
#[divan::bench(args = requests::HISTOGRAMS)]
fn count_request(bencher: Bencher<'_, '_>, histograms: &str) {
    let counting = requests::Counting::new(histograms);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        counting.count(black_box(number));
    });
}

/// A host, a prefix and a path that nobody has, among a thousand routes.
#[divan::bench(args = [("h300.example.com", "/"), ("other.example.com", "/area/400/items/7"), ("other.example.com", "/nobody")])]
fn match_one_of_1000_routes(bencher: Bencher<'_, '_>, (host, path): (&str, &str)) {
    let plan = routes::routes();
    let header = |_: &str| Lines::None;
    bencher.bench_local(|| black_box(plan.table.find(&Question { host, path, method: "GET", header: &header })));
}
