//! What does it cost to probe 10 000 backends every 5 s? Pulsegate and HAProxy, one after the other, two minutes each.
//!
//! One listener answers for all of 127.0.0.0/8, so every backend has an address of its own. Figures are of the second minute. How
//! late a timer of an otherwise idle task rings on the same machine at the same time is printed beside: nothing can be more
//! punctual than that.

use crate::gateways::{Gateway, Setting, pulsegate};
use crate::peers::{Column, Peer, Program, Work};
use hdrhistogram::Histogram;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const BACKENDS: u32 = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

pub async fn run(binary: &str, backend: u16) {
    println!("10 000 backends, a probe each every 5 s; figures of the second minute\n");
    println!("| | CPU, cores | memory, MiB | probes a second | start delay p99.9 | a timer's own lag p99.9 |");
    println!("|---|---|---|---|---|---|");
    let addresses: Vec<String> =
        (0..BACKENDS).map(|n| format!("127.1.{}.{}:{backend}", n / 250, n % 250 + 1)).collect();
    let setting = Setting::new(binary, backend);
    let ours = setting.start_with(pulsegate(), &pulsegate_config(&addresses));
    row("Pulsegate", &ours, true).await;
    drop(ours);
    let haproxy = Peer { column: Column { program: Program::Haproxy, work: Work::Same }, ..pulsegate() };
    row("HAProxy", &setting.start_with(haproxy, &haproxy_config(&addresses)), false).await;
}

async fn row(name: &str, gateway: &Gateway, has_metrics: bool) {
    lag(MINUTE).await;
    let (cpu, delays) = (gateway.process.cpu(), delays(gateway, has_metrics));
    let lag = lag(MINUTE).await;
    let cores = (gateway.process.cpu() - cpu).as_secs_f64() / MINUTE.as_secs_f64();
    let memory = gateway.process.memory("VmRSS:") as f64 / 1_048_576.0;
    let late = self::delays(gateway, has_metrics)
        .iter()
        .zip(&delays)
        .map(|(after, before)| (after.0, after.1 - before.1))
        .collect::<Vec<_>>();
    let probes = late.last().map_or(0.0, |(_, count)| *count) / MINUTE.as_secs_f64();
    let shown = if has_metrics { format!("{probes:.0} | {}", quantile(&late)) } else { "– | –".to_owned() };
    println!("| {name} | {cores:.2} | {memory:.0} | {shown} | {:.1} ms |", lag.value_at_quantile(0.999) as f64 / 1e6);
}

/// How late a task that does nothing else is woken.
async fn lag(length: Duration) -> Histogram<u64> {
    let mut seen = Histogram::new_with_max(60_000_000_000, 3).expect("a histogram");
    let until = Instant::now() + length;
    while Instant::now() < until {
        let planned = Instant::now() + Duration::from_millis(5);
        sleep_until(planned).await;
        seen.saturating_record(planned.elapsed().as_nanos() as u64);
    }
    seen
}

/// The cumulative buckets of the start delay: (at most so many seconds, probes so far).
fn delays(gateway: &Gateway, has_metrics: bool) -> Vec<(f64, f64)> {
    if !has_metrics {
        return Vec::new();
    }
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.ports.admin)).expect("the admin listener");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the metrics");
    let lines = text.lines().filter_map(|line| line.strip_prefix("pulsegate_probe_start_delay_seconds_bucket{le=\""));
    let parts = lines.filter_map(|line| line.split_once("\"} "));
    parts.filter_map(|(bound, count)| Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().ok()?))).collect()
}

fn quantile(buckets: &[(f64, f64)]) -> String {
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    let bound = buckets.iter().find(|(_, count)| *count >= all * 0.999).map_or(f64::INFINITY, |(bound, _)| *bound);
    format!("at most {} ms", bound * 1e3)
}

fn pulsegate_config(addresses: &[String]) -> String {
    let mut text = "threads: 1\nlisteners: [{ address: \"127.0.0.1:@PORT@\" }]\nroutes: [{ upstream: pool }]\n\
        admin: { address: \"127.0.0.1:@ADMIN@\" }\nlogging: { level: error, access: false }\nupstreams:\n  pool:\n    \
        readiness: { path: /ready, period: 5s }\n    backends:\n"
        .to_owned();
    for address in addresses {
        let _ = writeln!(text, "      - \"{address}\"");
    }
    text
}

fn haproxy_config(addresses: &[String]) -> String {
    let mut text = "global\n  nbthread 1\n  no strict-limits\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 10s\n  \
        timeout server 10s\n  timeout check 1s\nfrontend bench\n  bind 127.0.0.1:@PORT@\n  default_backend pool\nbackend pool\n  \
        option httpchk GET /ready\n"
        .to_owned();
    for (number, address) in addresses.iter().enumerate() {
        let _ = writeln!(text, "  server s{number} {address} check inter 5s");
    }
    text
}
