//! What do slow attackers achieve against the default configuration? slowhttptest in its three modes, at once, while a second client
//! measures.
//!
//! The stated deadlines: a head must be whole within `limits.head_timeout` (10 s), a request must be over within `timeouts.total`
//! (60 s), whether its body drips in or its answer drips out. A minute is therefore what this test takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod http2;
mod malformed;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use support::Pulsegate;
use support::gateway::Gateway;
use support::load::{Load, Outcome, Request};
use support::needs::tool;
use support::raw::{Raw, ok};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// slowhttptest looks at its connections every few seconds, and its first ones are a second older than its last.
const SLACK: Duration = Duration::from_secs(12);
const ATTACKERS: &str = "150";
/// Less than that, beside what the machine costs a gateway that nobody attacks, is no harm.
const NOTICED: Duration = Duration::from_millis(45);

/// Starts one attack; it ends by itself when all of its connections are closed. Gives the time that took, and its last words.
#[allow(clippy::disallowed_methods, reason = "an attack on another process takes real time")]
fn attack(gateway: &Gateway, mode: &[&str], path: &str) -> JoinHandle<(Duration, String)> {
    let mut command = Command::new(tool("SLOWHTTPTEST"));
    command.args(mode).args(["-c", ATTACKERS, "-r", "50", "-l", "150", "-u"]);
    command.arg(format!("http://{}{path}", gateway.address)).stdin(Stdio::null()).kill_on_drop(true);
    tokio::spawn(async move {
        let begun = Instant::now();
        let output = command.output().await.unwrap_or_else(|error| panic!("slowhttptest: {error}"));
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = words.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" | ");
        (begun.elapsed(), last)
    })
}

/// A backend with a thread of its own, so that copying large bodies does not hold up the client that measures.
fn backend() -> SocketAddr {
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // More than the kernel's buffers hold.
            let large = "x".repeat(4 << 20);
            let answer = move |head: &str, _| vec![ok(if head.starts_with("GET /large ") { &large } else { "hello" })];
            let backend = Raw::start(answer).await;
            tell.send(backend.address).unwrap();
            std::future::pending::<()>().await;
        });
    });
    address.recv().unwrap()
}

/// The listener's open connections, by its own count.
async fn connections(gateway: &Gateway) -> u64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let line = metrics.lines().find_map(|line| line.strip_prefix("pulsegate_connections{listener=\"test\"} "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(u64::MAX)
}

#[allow(clippy::disallowed_methods, reason = "deadlines are measured by the real clock")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_attackers_are_cut_by_their_deadlines_and_nobody_else_notices() {
    let backend = backend();
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{}\"], readiness: {{ path: /ready }} }}\n",
        backend
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let heads = attack(&gateway, &["-H", "-i", "3"], "/");
    let bodies = attack(&gateway, &["-B", "-i", "3", "-s", "8192"], "/upload");
    // It does not notice that its connections are gone, so the gateway is asked.
    let readers = attack(&gateway, &["-X", "-n", "5", "-z", "32", "-w", "256", "-y", "512"], "/large");
    let begun = Instant::now();
    let request = Request { method: "GET", host: "test", path: "/" };
    // The same load beside it, at a gateway that nobody attacks: what the machine costs both.
    let control = PULSEGATE.start(&yaml).await;
    let load = Load::of(request, gateway.address, 20, Duration::from_secs(60));
    let beside = Load::of(request, control.address, 20, Duration::from_secs(60));

    for (attack, deadline, what) in [(heads, 10, "heads"), (bodies, 60, "bodies")] {
        let (took, last) = attack.await.unwrap();
        println!("slow {what}: the last of {ATTACKERS} was cut after {took:.1?} (deadline {deadline} s); {last}");
        assert!(took < Duration::from_secs(deadline) + SLACK, "slow {what} held on for {took:?}: {last}");
    }
    // The load's own connection, slowhttptest's look at whether the server still lives, and this question.
    support::eventually("the slow readers are cut", async || connections(&gateway).await <= 5).await;
    println!("slow readers: the last of {ATTACKERS} was cut after {:.1?} (deadline 60 s)", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(60) + SLACK);
    readers.abort();
    let outcomes = load.outcomes().await;
    let failed = outcomes.iter().filter(|outcome| !outcome.ok()).count();
    let (attacked, usual) = (p99(&outcomes), p99(&beside.outcomes().await));
    println!(
        "the other client: {} requests, {failed} failed, p99 {attacked:.1?}; beside it {usual:.1?}",
        outcomes.len()
    );
    assert!(failed == 0 && attacked < usual * 2 + NOTICED, "{failed} failed, p99 {attacked:?}, beside it {usual:?}");
}

fn p99(outcomes: &[Outcome]) -> Duration {
    let mut took: Vec<Duration> = outcomes.iter().map(|outcome| outcome.took).collect();
    took.sort();
    took[took.len() * 99 / 100]
}
