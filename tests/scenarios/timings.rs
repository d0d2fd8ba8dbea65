//! Does a real gateway keep what `check --timings` promises of its configuration? Backends are killed, frozen and made to lie, and the time
//! until `/upstreams` says that they are out, and back, is compared with what was computed.

use super::PULSEGATE;
use serde_json::Value;
use std::time::Duration;
use support::backend::Backend;
use support::gateway::Gateway;
use support::lateness::Lateness;
use support::load::{Load, Request};
use support::{eventually, pause};
use tokio::time::Instant;

/// The wait for the next look, the time that a signal takes, and what a machine adds that has little else to do.
const ALLOWANCE: Duration = Duration::from_millis(500);
/// One that has much else to do is late once at each step from the fault to the answer of the admin listener: in processes of backends,
/// gateway and test.
const STEPS: u32 = 10;
/// What ends a little sooner: a probe that was on its way when the fault began.
const ON_ITS_WAY: Duration = Duration::from_millis(50);
const RUNS: u32 = 3;
const GET: Request = Request { method: "GET", host: "test", path: "/work" };

/// Without retries, so that requests are spread evenly even while one backend fails them, and each failure is seen.
async fn start(backends: &[Backend]) -> Gateway {
    let list: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    PULSEGATE.start(&format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 1s, fast_period: 300ms, \
         timeout: 400ms }}\n    passive: {{ base_ejection: 2s }}\n    timeouts: {{ per_try: 600ms }}\n    balance: {{ policy: round_robin }}\n    \
         retries: {{ limit: 0 }}\n    slow_start: {{ duration: 0s }}\n",
        list.join(", ")
    ))
    .await
}

/// What the command says of the very configuration that the gateway runs with.
fn computed(gateway: &Gateway, rate: u32) -> Value {
    let output = PULSEGATE
        .command()
        .args(["check", "--timings", "--json", "--rate", &rate.to_string(), "--config"])
        .arg(gateway.folder().join("pulsegate.yaml"))
        .output()
        .expect("it runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The best and the worst case of one line.
fn bounds(computed: &Value, list: &str, key: &str, word: &str, part: &str) -> (Duration, Duration) {
    let lines = computed["upstreams"][0][list].as_array().expect("a list");
    let line = lines.iter().find(|line| line[key] == word).expect("its line");
    let time = |which: &str| Duration::from_secs_f64(line[part][which].as_f64().expect("seconds"));
    (time("best_seconds"), time("worst_seconds"))
}

/// Waits until `backend` is eligible, or is not; how long that took since `begun`.
async fn until(gateway: &Gateway, backend: &Backend, eligible: bool, begun: Instant) -> Duration {
    let address = backend.address.to_string();
    eventually("its standing changes", async || gateway.backend(&address).await["eligible"] == eligible).await;
    begun.elapsed()
}

fn within(what: &str, late: &Lateness, took: Duration, (best, worst): (Duration, Duration)) {
    let allowed = ALLOWANCE + late.worst() * STEPS;
    println!("{what}: {took:?}, computed {best:?} to {worst:?}; allowed for the machine {allowed:?}");
    assert!(took + ON_ITS_WAY >= best, "{what}: {took:?} is sooner than {best:?}");
    assert!(took <= worst + allowed, "{what}: {took:?} is later than {worst:?} and {allowed:?}");
}

#[allow(clippy::disallowed_methods, reason = "what is measured happens in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Some moment between two probes.
async fn some_moment(run: u32) {
    pause(Duration::from_millis(1_200 + u64::from(run) * 370)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_probes_alone() {
    let mut backends = [Backend::start().await, Backend::start().await];
    let gateway = start(&backends).await;
    let computed = computed(&gateway, 0);
    let late = Lateness::watch();
    for run in 0..RUNS {
        some_moment(run).await;
        let begun = now();
        backends[0].kill();
        let out = until(&gateway, &backends[0], false, begun).await;
        within("a killed one is out", &late, out, bounds(&computed, "detection", "fault", "refused", "out"));
        some_moment(run).await;
        let begun = now();
        backends[0].restart().await;
        let restarted = begun.elapsed();
        let back = until(&gateway, &backends[0], true, begun).await;
        let (best, worst) = bounds(&computed, "return", "from", "down", "after");
        within("a restarted one is back", &late, back, (best, worst + restarted));
        some_moment(run).await;
        let begun = now();
        backends[0].freeze();
        let out = until(&gateway, &backends[0], false, begun).await;
        within("a frozen one is out", &late, out, bounds(&computed, "detection", "fault", "silent", "out"));
        some_moment(run).await;
        let begun = now();
        backends[0].thaw();
        let back = until(&gateway, &backends[0], true, begun).await;
        within("a thawed one is back", &late, back, bounds(&computed, "return", "from", "silent", "after"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_traffic() {
    const RATE: u32 = 60;
    let mut backends = [Backend::start().await, Backend::start().await];
    let gateway = start(&backends).await;
    let computed = computed(&gateway, RATE);
    let late = Lateness::watch();
    let out_of = |fault: &str| bounds(&computed, "detection", "fault", fault, "out");
    let load = Load::of(GET, gateway.address, RATE, Duration::from_secs(20));
    some_moment(0).await;
    let begun = now();
    backends[0].freeze();
    within("a frozen one is out", &late, until(&gateway, &backends[0], false, begun).await, out_of("silent"));
    backends[0].thaw();
    until(&gateway, &backends[0], true, begun).await;
    some_moment(1).await;
    let begun = now();
    backends[1].tell("failing 100").await;
    within("a lying one is out", &late, until(&gateway, &backends[1], false, begun).await, out_of("lying"));
    let begun = now();
    backends[1].tell("failing 0").await;
    let back = until(&gateway, &backends[1], true, begun).await;
    within("and back", &late, back, bounds(&computed, "return", "from", "ejected", "after"));
    some_moment(2).await;
    let begun = now();
    backends[0].kill();
    within("a killed one is out", &late, until(&gateway, &backends[0], false, begun).await, out_of("refused"));
    let failed = load.outcomes().await.into_iter().filter(|outcome| !outcome.ok()).count() as u64;
    let attempts = |line: &Value| line["failing"]["attempts"].as_u64().expect("a number");
    let lines = computed["upstreams"][0]["detection"].as_array().expect("a list");
    let expected: u64 = lines.iter().filter(|line| line["fault"] != "unreachable").map(attempts).sum();
    println!("{failed} requests failed, computed at most {expected}");
    // A request that was at its backend when that was killed, one that a slow moment let through, and those of the slow moments of a busy
    // machine.
    let late = (late.worst() * STEPS).as_secs_f64() * f64::from(RATE);
    assert!(failed as f64 <= expected as f64 + 4.0 + late, "{failed} requests failed, computed at most {expected}");
}
