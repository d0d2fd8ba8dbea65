//! What do slow attackers achieve against the default configuration? slowhttptest in its three modes, at once, while a second client
//! measures.
//!
//! The stated deadlines: a head must be whole within `limits.head_timeout` (10 s), a request must be over within `timeouts.total`
//! (60 s), whether its body drips in or its answer drips out. A minute is therefore what this test takes. Nobody is cut before, and each is cut
//! for the cause that is counted; how late that is on a busy machine is the machine's doing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod http2;
mod malformed;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use support::Pulsegate;
use support::gateway::Gateway;
use support::lateness::Lateness;
use support::load::{Load, Outcome, Request};
use support::needs::tool;
use support::raw::{Raw, ok};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

const ATTACKERS: u64 = 150;
/// The other client may wait so much longer than one of a gateway that nobody attacks, beside what the machine is late.
const NOTICED: Duration = Duration::from_millis(45);
/// Processes that a request passes on its way to a backend and back.
const STEPS: u32 = 4;
const HEAD: Deadline = Deadline {
    after: Duration::from_secs(10),
    counter: "pulsegate_refused_total{listener=\"test\",reason=\"request_timeout\"}",
};
const TOTAL: Deadline =
    Deadline { after: Duration::from_secs(60), counter: "pulsegate_own_answers_total{reason=\"total_timeout\"}" };

/// When attackers are cut at the soonest, and who counts them then.
#[derive(Clone, Copy)]
struct Deadline {
    after: Duration,
    counter: &'static str,
}

impl Deadline {
    /// Nobody is cut before it, and by and by all are.
    #[allow(clippy::disallowed_methods, reason = "deadlines are measured by the real clock")]
    async fn cuts(self, attackers: u64, gateway: &Gateway, begun: Instant) {
        loop {
            let cut = metric(gateway, self.counter).await.unwrap_or_default();
            if begun.elapsed() >= self.after {
                break;
            }
            assert_eq!(cut, 0, "{} before {:?} are over", self.counter, self.after);
            support::pause(Duration::from_millis(250)).await;
        }
        let what = format!("{} is {attackers}", self.counter);
        support::eventually(&what, async || metric(gateway, self.counter).await == Some(attackers)).await;
        println!("{what} after {:.1?} (deadline {:?})", begun.elapsed(), self.after);
    }
}

/// Starts one attack; it ends by itself when all of its connections are closed. Gives its last words.
fn attack(gateway: &Gateway, mode: &[&str], path: &str) -> JoinHandle<String> {
    let mut command = Command::new(tool("SLOWHTTPTEST"));
    command.args(mode).args(["-c", &ATTACKERS.to_string(), "-r", "50", "-l", "150", "-u"]);
    command.arg(format!("http://{}{path}", gateway.address)).stdin(Stdio::null()).kill_on_drop(true);
    tokio::spawn(async move {
        let output = command.output().await.unwrap_or_else(|error| panic!("slowhttptest: {error}"));
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        words.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" | ")
    })
}

/// A backend with a thread of its own, so that copying large bodies holds up neither the client that measures nor the backend that it asks.
fn backend(body: String) -> SocketAddr {
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let backend = Raw::start(move |_, _| vec![ok(&body)]).await;
            tell.send(backend.address).unwrap();
            std::future::pending::<()>().await;
        });
    });
    address.recv().unwrap()
}

async fn metric(gateway: &Gateway, name: &str) -> Option<u64> {
    let metrics = gateway.get("/metrics").await?;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[allow(clippy::disallowed_methods, reason = "deadlines are measured by the real clock")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_attackers_are_cut_by_their_deadlines_and_nobody_else_notices() {
    // A backend that a busy machine lets wait is not what is tried.
    let upstream = |name: &str, backend: SocketAddr| {
        format!(
            "  {name}: {{ backends: [\"{backend}\"], readiness: {{ path: /ready, timeout: 20s }}, timeouts: {{ connect: 20s }} }}\n"
        )
    };
    // More than the kernel's buffers hold.
    let large = upstream("large", backend("x".repeat(4 << 20)));
    let small = upstream("small", backend("hello".to_owned()));
    let yaml = format!(
        "routes: [{{ match: {{ path: /large }}, upstream: large }}, {{ upstream: small }}]\nupstreams:\n{large}{small}"
    );
    let gateway = PULSEGATE.start(&yaml).await;
    // The same load beside it, at a gateway that nobody attacks: what the machine costs both.
    let control = PULSEGATE.start(&yaml).await;
    let machine = Lateness::watch();
    let begun = Instant::now();
    let heads = attack(&gateway, &["-H", "-i", "3"], "/");
    let bodies = attack(&gateway, &["-B", "-i", "3", "-s", "8192"], "/upload");
    // It does not notice that its connections are gone, so only the gateway is asked.
    let readers = attack(&gateway, &["-X", "-n", "5", "-z", "32", "-w", "256", "-y", "512"], "/large");
    let request = Request { method: "GET", host: "test", path: "/" };
    let load = Load::of(request, gateway.address, 20, Duration::from_secs(60));
    let beside = Load::of(request, control.address, 20, Duration::from_secs(60));

    tokio::join!(HEAD.cuts(ATTACKERS, &gateway, begun), TOTAL.cuts(2 * ATTACKERS, &gateway, begun));
    for (attack, what) in [(heads, "heads"), (bodies, "bodies")] {
        let last = attack.await.unwrap();
        assert!(last.contains("No open connections left"), "slow {what}: {last}");
    }
    // The load's own connections, slowhttptest's look at whether the server still lives, and this question.
    let connections = "pulsegate_connections{listener=\"test\"}";
    let few = async || metric(&gateway, connections).await.is_some_and(|open| open < ATTACKERS / 10);
    support::eventually("the slow readers are gone", few).await;
    readers.abort();
    let outcomes = load.outcomes().await;
    let failed = outcomes.iter().filter(|outcome| !outcome.ok()).count();
    let (attacked, usual) = (p99(&outcomes), p99(&beside.outcomes().await));
    let late = machine.worst() * STEPS;
    println!(
        "the other client: {} requests, {failed} failed, p99 {attacked:.1?}; beside it {usual:.1?}, and {late:.1?} for the machine",
        outcomes.len()
    );
    assert!(
        failed == 0 && attacked < usual * 2 + NOTICED + late,
        "{failed} failed, p99 {attacked:?}, beside it {usual:?}, and {late:?} for the machine"
    );
}

fn p99(outcomes: &[Outcome]) -> Duration {
    let mut took: Vec<Duration> = outcomes.iter().map(|outcome| outcome.took).collect();
    took.sort();
    took[took.len() * 99 / 100]
}
