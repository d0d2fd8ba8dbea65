//! What do clients feel when backends fail? Real processes, an open-loop load, and the numbers that the design promises.
//!
//! Three backends are processes of their own (this executable, started again), so that they can be killed, frozen and restarted
//! like anybody's. Every scenario prints what it saw: `cargo test --test scenarios -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod changes;

use std::time::Duration;
use support::backend::Backend;
use support::gateway::Gateway;
use support::load::{Load, Outcome};
use support::{eventually, pause};

/// Not a test of its own: with `PULSEGATE_BACKEND` set, this process is a backend.
#[test]
fn backend_process() {
    support::backend::run_if_asked();
}

/// Probes every 1 s with 0.5 s timeout, 2 out, 2 in; per-try timeout 1 s: as the promise is worded.
fn configuration(backends: &[Backend]) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 1s, timeout: \
         500ms, success_threshold: 2, failure_threshold: 2 }}\n    timeouts: {{ per_try: 1s }}\n    slow_start: {{ duration: 1s }}\n",
        addresses.join(", ")
    )
}

struct Rig {
    backends: Vec<Backend>,
    gateway: Gateway,
}

async fn rig() -> Rig {
    rig_with("").await
}

/// With more keys at the top.
async fn rig_with(more: &str) -> Rig {
    let mut backends = Vec::new();
    for _ in 0..3 {
        backends.push(Backend::start().await);
    }
    let gateway = Gateway::start(&(configuration(&backends) + more)).await;
    Rig { backends, gateway }
}

/// 150 requests per second.
fn load(rig: &Rig, method: &'static str, seconds: u64) -> Load {
    Load::start(rig.gateway.address, method, 150, Duration::from_secs(seconds))
}

fn assert_no_failures(what: &str, outcomes: &[Outcome]) {
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.ok()).collect();
    println!("{what}: {} requests, {} failed", outcomes.len(), failed.len());
    assert!(
        failed.is_empty(),
        "{what}: {} of {} failed: {:?}",
        failed.len(),
        outcomes.len(),
        &failed[..failed.len().min(5)]
    );
}

fn failures(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| !outcome.ok()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backend_fails_no_get_and_only_posts_that_were_written_to_it() {
    let mut rig = rig().await;
    let (gets, posts) = (load(&rig, "GET", 6), load(&rig, "POST", 6));
    pause(Duration::from_secs(2)).await;
    let in_flight = rig.gateway.in_flight(&rig.backends[0]).await;
    rig.backends[0].kill();
    let (gets, posts) = (gets.outcomes().await, posts.outcomes().await);
    assert_no_failures("SIGKILL, GET", &gets);
    println!(
        "SIGKILL, POST: {} requests, {} failed, {in_flight} in flight on the victim just before",
        posts.len(),
        failures(&posts)
    );
    // Each request takes 10 ms at a backend and 50 a second reach each of them, so one or two are written to it at any moment.
    assert!(failures(&posts) <= 5, "{} POSTs failed", failures(&posts));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_backend_fails_no_get_and_slows_down_at_most_twenty() {
    let rig = rig().await;
    let gets = load(&rig, "GET", 8);
    pause(Duration::from_secs(2)).await;
    rig.backends[0].freeze();
    let gets = gets.outcomes().await;
    assert_no_failures("SIGSTOP, GET", &gets);
    let slow = gets.iter().filter(|outcome| outcome.took > Duration::from_millis(400)).count();
    println!("SIGSTOP, GET: {slow} slower than 0.4 s");
    assert!(slow <= 20, "{slow} requests were slower than 0.4 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_and_then_killed_fails_no_get() {
    let mut rig = rig().await;
    let gets = load(&rig, "GET", 8);
    pause(Duration::from_secs(1)).await;
    rig.backends[0].set("ready", false).await;
    rig.gateway.until(&rig.backends[0], "not_ready").await;
    rig.backends[0].kill();
    assert_no_failures("readiness 503 and then a kill, GET", &gets.outcomes().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_500s_behind_a_passing_readiness_fails_no_get_and_few_posts() {
    let rig = rig().await;
    let (gets, posts) = (load(&rig, "GET", 6), load(&rig, "POST", 6));
    pause(Duration::from_secs(2)).await;
    rig.backends[0].set("failing", true).await;
    rig.gateway.until(&rig.backends[0], "ejected").await;
    let (gets, posts) = (gets.outcomes().await, posts.outcomes().await);
    assert_no_failures("500 burst, GET", &gets);
    let failed = failures(&posts);
    println!("500 burst, POST: {} requests, {failed} failed", posts.len());
    // Five failures in a row eject; whoever was in flight meanwhile is lost too.
    assert!(failed <= 5 + 3, "{failed} POSTs failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_nothing_at_all() {
    let mut rig = rig().await;
    let (gets, posts) = (load(&rig, "GET", 24), load(&rig, "POST", 24));
    // One period, one fast period and two timeouts: the longest that two failed probes can take.
    let detection_bound = Duration::from_millis(1100 + 550 + 500);
    for index in 0..3 {
        let backend = &mut rig.backends[index];
        backend.set("ready", false).await;
        pause(detection_bound * 2).await;
        backend.terminate().await;
        backend.restart().await;
        rig.gateway.until_one_of(&rig.backends[index], &["ramping", "up"]).await;
    }
    assert_no_failures("rolling restart, GET", &gets.outcomes().await);
    assert_no_failures("rolling restart, POST", &posts.outcomes().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_down_or_ejected_stays_so_across_a_reload_that_changes_its_weight() {
    let mut rig = rig().await;
    rig.backends[0].kill();
    rig.gateway.until(&rig.backends[0], "down").await;
    let gets = load(&rig, "GET", 3);
    rig.backends[1].set("failing", true).await;
    // One of three is down: the cap allows no ejection more, so the failing one is refused and says so; mend the first.
    gets.outcomes().await;
    rig.backends[1].set("failing", false).await;
    rig.backends[0].restart().await;
    rig.gateway.until_one_of(&rig.backends[0], &["ramping", "up"]).await;

    rig.backends[1].set("failing", true).await;
    let gets = load(&rig, "GET", 3);
    rig.gateway.until(&rig.backends[1], "ejected").await;
    rig.backends[2].kill();
    gets.outcomes().await;
    rig.gateway.until(&rig.backends[2], "down").await;

    let weight = |backend: &Backend| {
        (format!("\"{}\"", backend.address), format!("{{ address: \"{}\", weight: 7 }}", backend.address))
    };
    let (from, to) = weight(&rig.backends[1]);
    let (from_down, to_down) = weight(&rig.backends[2]);
    let changed = configuration(&rig.backends).replace(&from, &to).replace(&from_down, &to_down);
    rig.gateway.reload(&changed).await;
    eventually("the new weights are in force", async || rig.gateway.weight(&rig.backends[1]).await == 7).await;
    assert_eq!(rig.gateway.standing(&rig.backends[1]).await, "ejected");
    assert_eq!(rig.gateway.standing(&rig.backends[2]).await, "down");
}
