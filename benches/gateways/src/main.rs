//! What does a request cost behind each gateway? `make bench` runs it and prints one table.
//!
//! One machine, two cores: the gateway under test has core 0 for itself, the backend and the load generator share core 1. All
//! gateways run side by side (idle ones cost next to nothing) and take turns, round by round, so that a machine that is slow for
//! a minute is slow for all of them. Ratios are taken within a round; medians are printed with their spread.

mod backend;
mod bare;
mod figures;
mod gateways;
mod load;
mod memory;
#[path = "../../../tests/support/src/ports.rs"]
mod ports;
mod probing;
mod process;
mod table;

use std::time::Duration;

/// How long each phase of a round is.
const PHASE: Duration = Duration::from_secs(3);
/// Connections of the closed loop: enough to keep one core busy.
const CLOSED_LOOP: usize = 32;
/// Connections of the open loop.
const OPEN_LOOP: usize = 64;
/// The share of a gateway's own capacity at which latency is measured.
const LOAD: f64 = 0.3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["backend", port] => backend::run(port.parse().expect("a port")),
        ["bare", port, backend] => bare::run(port, backend.parse().expect("a port")),
        ["run", rest @ ..] => run(rest),
        ["probing", "--pulsegate", binary] => probing(binary),
        _ => panic!("gateways probing --pulsegate PATH | run [--rounds N] [--only NAME,NAME] --pulsegate PATH"),
    }
}

fn probing(binary: &str) {
    let port = ports::free_address().port();
    let _backend = process::Process::start_own(&["backend", &port.to_string()], port, process::Core::Load);
    process::pin_self(process::Core::Load);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(probing::run(binary, port));
}

fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at + 1).copied()
}

fn run(words: &[&str]) {
    let rounds: usize = option(words, "--rounds").map_or(9, |text| text.parse().expect("--rounds: a number"));
    let pulsegate = option(words, "--pulsegate").expect("--pulsegate: the path of the binary");
    let only: Option<Vec<&str>> = option(words, "--only").map(|names| names.split(',').collect());
    let backend_port = ports::free_address().port();
    let _backend =
        process::Process::start_own(&["backend", &backend_port.to_string()], backend_port, process::Core::Load);
    let mut gateways = gateways::start(pulsegate, backend_port);
    if let Some(only) = only {
        gateways.retain(|gateway| only.contains(&gateway.name));
    }
    process::pin_self(process::Core::Load);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut figures = figures::Figures::new(&gateways);
    for gateway in &gateways {
        figures.idle(gateway);
        runtime.block_on(load::closed(gateway.port, CLOSED_LOOP, Duration::from_secs(1)));
    }
    for round in 0..rounds {
        // A different order in each round, so that nobody always follows the same neighbour.
        for step in 0..gateways.len() {
            let gateway = &gateways[(round + step) % gateways.len()];
            eprintln!("round {} of {rounds}: {}", round + 1, gateway.name);
            runtime.block_on(figures.round(gateway, backend_port));
        }
    }
    for gateway in &gateways {
        eprintln!("10 000 idle connections: {}", gateway.name);
        runtime.block_on(figures.crowd(gateway));
    }
    println!("{}", table::print(&figures, rounds));
}
