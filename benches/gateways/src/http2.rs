//! How is load made over HTTP/2? By h2load, which shares the load generator's place: it speaks HTTP/2 with prior knowledge.
//!
//! The window is the whole life of h2load, in which every request and every bit of the gateway's CPU time is counted.

use crate::load::Window;
use crate::process::Meter;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn run(port: u16, connections: u8, streams: u8, length: Duration, meter: &Meter) -> Window {
    let (begun, cpu) = (Instant::now(), meter.read());
    let output = Command::new("h2load")
        .args(["-t", "1", "-c", &connections.to_string(), "-m", &streams.to_string()])
        .args(["-D", &format!("{}ms", length.as_millis())])
        .args(["-H", "user-agent: bench/1", "-H", "accept: application/json", "-H", "accept-encoding: identity"])
        .arg(format!("http://127.0.0.1:{port}/orders/4711?expand=items"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("h2load cannot be started: {error}; run `make bench-needs`"));
    let (cpu, taken) = (meter.read().since(&cpu), begun.elapsed());
    let said = String::from_utf8_lossy(&output.stdout);
    let done = counted(&said, "2xx").unwrap_or_else(|| panic!("h2load said no number of answers:\n{said}"));
    Window { answers: done, failures: counted(&said, "failed").unwrap_or(0), length: taken.min(length), cpu }
}

/// The number before a word: `requests: 9 total, …, 1 failed`, `status codes: 8 2xx, 0 3xx`.
fn counted(said: &str, word: &str) -> Option<u64> {
    let parts = said.lines().flat_map(|line| line.split([',', ':']));
    let mut numbers = parts.filter_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok());
    numbers.next()
}
