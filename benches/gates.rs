//! Which costs must not grow? `cargo bench --bench gates` fails when one does.
//!
//! - Instructions per pick, counted by valgrind's callgrind, which says the same on every machine: a pool of 10 000 may cost at most
//!   1.2 × what a pool of 3 costs. This program runs itself twice with different numbers of picks; the difference is theirs alone.
//! - Instructions of the gateway itself for a whole request on connections that are kept, metrics on, without the access log and with it; and how often its
//!   worker asks for memory, and who does. The binary runs under callgrind, for few requests and for many.
//! - Instructions for counting a finished request on a worker, access log and tracing off; and it allocates nothing (valgrind counts that, too).
//! - Instructions for its line in the access log besides, made and written out; and that asks for memory while the shelf still grows, and then no more.
//! - CPU time of a flip in an upstream of 1 000: at most 1 ms, the median of a thousand.
//!
//! That a pick touches the same number of backends whatever the pool's size, a unit test of the balancers counts.
#![allow(clippy::panic, reason = "a bench that cannot go on says so by panicking")]

#[path = "rig/requests.rs"]
mod counting;
#[path = "rig/gateway.rs"]
mod gateway;
#[path = "rig/profile.rs"]
mod profile;
mod rig;

use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::Duration;

const GATED: [&str; 2] = ["least_request", "round_robin"];
const GROWTH: f64 = 1.2;
/// Instructions for counting one request, with classic histograms and with native ones besides.
const COUNTING: [f64; 2] = [885.0, 1_077.0];
/// Instructions for one with classic histograms and its line as JSON.
const LOGGED: f64 = 6_971.0;
/// Allocations of that: a shelf that grows to what it holds is copied a few times, and then never again.
const GROWING: f64 = 0.01;
/// Whole requests: what they are called, `logging.access`, and how many instructions one may cost: what it does + 5 %. Under valgrind the log's thread finds
/// fewer lines at a time than beside a worker at full speed, and costs more for each.
const WHOLE: [(&str, &str, f64); 2] =
    [("no access log", "off", 29_490.0), ("access log", "{ format: json }", 36_160.0)];
const FLIP: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["picks", policy, size, count] => {
            picks(policy, size.parse().expect("a size"), count.parse().expect("a count"));
            ExitCode::SUCCESS
        }
        ["requests", manner, count] => {
            requests(manner, count.parse().expect("a count"));
            ExitCode::SUCCESS
        }
        _ => gates(),
    }
}

fn picks(policy: &str, size: u32, count: u64) {
    let balancer = rig::balancer(policy, size);
    for number in 0..count {
        black_box(rig::pick(&balancer, number));
    }
}

fn requests(manner: &str, count: u64) {
    let counting = counting::Counting::new(manner);
    for number in 0..count {
        counting.count(black_box(number));
    }
}

fn gates() -> ExitCode {
    let mut kept = counting_is_cheap();
    kept &= whole_requests_are_cheap();
    for policy in rig::POLICIES {
        let [small, large] = [3, 10_000].map(|size| instructions_per_pick(policy, size));
        let gated = GATED.contains(&policy);
        kept &= !gated || large <= small * GROWTH;
        println!(
            "{policy:<14} {small:>6.0} instructions per pick of 3, {large:>6.0} of 10 000: × {:.2}{}",
            large / small,
            if gated { format!(" (at most {GROWTH})") } else { String::new() }
        );
    }
    let flip = median_flip();
    kept &= flip <= FLIP;
    println!("a flip in 1 000: {flip:?} of CPU time (at most {FLIP:?})");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn counting_is_cheap() -> bool {
    let mut kept = true;
    for (histograms, limit) in counting::HISTOGRAMS.into_iter().zip(COUNTING) {
        let words = ["requests", histograms];
        let (cost, allocations) = (each(&words, instructions), each(&words, allocations));
        kept &= cost <= limit && allocations == 0.0;
        println!(
            "counting a request, {histograms} histograms: {cost:.0} instructions (at most {limit}), {allocations} allocations (0)"
        );
    }
    let words = ["requests", counting::LOGGED];
    let (cost, allocations) = (each(&words, instructions), each(&words, allocations));
    kept &= cost <= LOGGED && allocations <= GROWING;
    println!(
        "counting and logging a request: {cost:.0} instructions (at most {LOGGED}), {allocations} allocations (at most {GROWING})"
    );
    kept
}

fn whole_requests_are_cheap() -> bool {
    let (few, many) = (1_000, 3_000);
    let mut kept = true;
    for ((name, access, limit), allocated) in WHOLE.into_iter().zip([0.0, GROWING]) {
        let [before, after] =
            [few, many].map(|requests| gateway::profile(env!("CARGO_BIN_EXE_pulsegate"), access, requests));
        let of_each = |after: u64, before: u64| (after as f64 - before as f64) / f64::from(many - few);
        let cost = of_each(after.instructions, before.instructions);
        let allocations = of_each(after.allocations(), before.allocations());
        kept &= cost <= limit && allocations <= allocated;
        println!(
            "a whole request, {name}: {cost:.0} instructions (at most {limit}), {allocations:.4} allocations (at most {allocated})"
        );
        for (place, count) in &after.allocations {
            let allocations = of_each(*count, before.allocations.get(place).copied().unwrap_or_default());
            if allocations > 0.0 {
                println!("  {allocations:.4} of them: {}", place.replace('\'', " < "));
            }
        }
    }
    kept
}

fn instructions_per_pick(policy: &str, size: u32) -> f64 {
    each(&["picks", policy, &size.to_string()], instructions)
}

/// What one more costs: this program is run for few and for many, and the difference is theirs alone.
fn each(words: &[&str], cost: fn(&[&str]) -> u64) -> f64 {
    let (few, many) = (10_000, 30_000);
    let of = |count: i32| cost(&[words, &[&count.to_string()]].concat());
    let difference = of(many) - of(few);
    difference as f64 / f64::from(many - few)
}

fn instructions(words: &[&str]) -> u64 {
    let said = valgrind(&["--tool=callgrind", "--callgrind-out-file=/dev/null"], words);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.unwrap_or_else(|| panic!("valgrind said no count: {said}"))
}

fn allocations(words: &[&str]) -> u64 {
    let said = valgrind(&["--tool=memcheck", "--undef-value-errors=no", "--leak-check=no"], words);
    let usage = said.lines().find_map(|line| line.split_once("total heap usage: ")?.1.split_once(" allocs"));
    let count = usage.and_then(|(count, _)| count.replace(',', "").parse().ok());
    count.unwrap_or_else(|| panic!("valgrind said nothing of the heap: {said}"))
}

/// Runs this program with `words` under valgrind; what it said.
fn valgrind(options: &[&str], words: &[&str]) -> String {
    let own = std::env::current_exe().expect("our own path");
    let ran = Command::new("valgrind").args(options).arg(own).args(words).output();
    let ran = ran.unwrap_or_else(|error| panic!("valgrind cannot be started ({error}): run `make bench-needs`"));
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

fn median_flip() -> Duration {
    let mut flips = rig::Flips::new(1_000);
    let mut took: Vec<Duration> = (0..1_000)
        .map(|number| {
            let before = cpu();
            flips.flip(number);
            cpu() - before
        })
        .collect();
    took.sort();
    took[took.len() / 2]
}

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the thread's clock").into()
}
