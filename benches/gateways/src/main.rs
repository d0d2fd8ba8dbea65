//! What does a request cost behind each gateway? `make bench` runs it and writes one table.
//!
//! One machine, two cores: the gateway under test has core 0 for itself, the backend and the load generator share the others. All
//! gateways run side by side (idle ones cost next to nothing) and take turns, row by row and round by round, so that a machine that
//! is slow for a minute is slow for all of them. Ratios are taken within a round; medians are printed with their spread.

mod answer;
mod backend;
mod bare;
mod certificate;
mod client;
mod compare;
mod crowd;
mod figures;
mod gateways;
mod http2;
mod load;
mod machine;
mod memory;
mod open;
mod options;
mod peers;
#[path = "../../../tests/support/src/ports.rs"]
mod ports;
mod probing;
mod process;
mod report;
mod rows;
mod table;

use options::Options;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["backend", port] => backend::run(port.parse().expect("a port")),
        ["bare", port, backend] => bare::run(port, backend.parse().expect("a port")),
        ["crowd", kind, port] => runtime().block_on(crowd::run(kind, port.parse().expect("a port"))),
        ["run", rest @ ..] => compare::run(&Options::of(rest)),
        ["probing", "--pulsegate", binary] => probing(binary),
        _ => panic!("gateways probing --pulsegate PATH | run {}", options::USAGE),
    }
}

fn probing(binary: &str) {
    let (port, _backend) = backend::start();
    process::pin_self(process::Place::Load);
    runtime().block_on(probing::run(binary, port));
}

/// Of one thread: load is made on one core.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
