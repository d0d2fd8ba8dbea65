//! What do clients feel when the gateway itself changes? Reloads in a row, a new binary, an end with another instance beside it.

use super::PULSEGATE;
use super::{Rig, configuration, load, rig_with};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::lateness::Lateness;
use support::load::{Load, Outcome, Request, Target};
use support::{eventually, free_address, pause};
use tokio::task::JoinSet;
use tokio::time::Instant;

const UPGRADE: &str = "upgrade: { directory: takeover, timeout: 30s }\n";
/// For who waits until it is over.
const IMPATIENT: &str = "upgrade: { directory: takeover, timeout: 15s }\n";

async fn upgradable() -> Rig {
    rig_with(UPGRADE).await
}

fn with_upgrade(rig: &Rig) -> String {
    configuration(&rig.backends) + UPGRADE
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

/// Asks `/readyz` all the time, from before the change to after it; the statuses other than 200 are the result.
/// Each time over a connection of its own, as checkers do: the admin listener ends idle ones, also just as they are used.
fn watch_readiness(admin: SocketAddr) -> Load {
    let target = Target { requests_per_connection: 1, ..Target::spared(admin) };
    Load::until_ended(Request { method: "GET", host: "localhost", path: "/readyz" }, target, 20)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reloads_in_twenty_seconds_fail_nothing_and_restart_no_probe() {
    let rig = rig_with("").await;
    let probes_before = probes(&rig.gateway).await;
    let (gets, posts) = (load(&rig, "GET"), load(&rig, "POST"));
    let plain = configuration(&rig.backends);
    // Each changes something else than the probes: a weight, and a route that nobody asks.
    let heavier = plain.replace(
        &format!("\"{}\"", rig.backends[1].address),
        &format!("{{ address: \"{}\", weight: 7 }}", rig.backends[1].address),
    );
    let routed = plain.replace("routes: [", "routes: [{ match: { path: /other }, respond: { body: other } }, ");
    let begun = now();
    for number in 0..200 {
        let before = reloads(&rig.gateway).await;
        rig.gateway.write([&heavier, &routed, &plain][number % 3]);
        rig.gateway.signal(Signal::SIGHUP);
        pause(Duration::from_millis(80)).await;
        // On a busy machine two signals would be one.
        eventually("it is applied", async || reloads(&rig.gateway).await > before).await;
    }
    assert_no_failures("reload storm, GET", &gets.ended().await);
    assert_no_failures("reload storm, POST", &posts.ended().await);
    let status = rig.gateway.json("/status").await;
    assert_eq!(status["last_reload"]["applied"], true, "{status}");
    let (reloads, probes) = (reloads(&rig.gateway).await, probes(&rig.gateway).await - probes_before);
    println!("reload storm: {reloads} reloads applied, {probes} probes of three backends");
    assert!(reloads >= 200.0, "only {reloads} reloads were applied");
    // One a second for each of three backends, where the machine is in time; had reloads restarted them, hundreds or none.
    let due = 3.0 * begun.elapsed().as_secs_f64();
    assert!((due * 0.3..=due * 1.3 + 10.0).contains(&probes), "{probes} probes, {due} were due");
}

/// The load goes on behind the change.
async fn alone_for_a_while() {
    pause(Duration::from_secs(1)).await;
}

#[allow(clippy::disallowed_methods, reason = "what is measured happens in real time")]
fn now() -> Instant {
    Instant::now()
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    metrics.lines().find_map(value).unwrap_or_default()
}

async fn probes(gateway: &Gateway) -> f64 {
    metric(gateway, "pulsegate_probe_start_delay_seconds_count").await
}

async fn reloads(gateway: &Gateway) -> f64 {
    metric(gateway, "pulsegate_reloads_total{result=\"applied\"}").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_binary_fails_nothing_and_an_ejected_backend_stays_ejected() {
    let (mut rig, late) = (upgradable().await, Lateness::watch());
    let warm_up = load(&rig, "GET");
    rig.backends[0].tell("failing 100").await;
    rig.gateway.until(&rig.backends[0], "ejected").await;
    warm_up.ended().await;
    rig.backends[0].tell("failing 0").await;
    let ejected = rig.gateway.backend(&rig.backends[0].address.to_string()).await;

    let readiness = watch_readiness(rig.gateway.admin);
    let (gets, posts) = (load(&rig, "GET"), load(&rig, "POST"));
    pause(Duration::from_secs(1)).await;
    let next = rig.gateway.successor(&with_upgrade(&rig));
    assert!(rig.gateway.ended().await.success(), "the old process leaves by itself");
    println!("upgrade: the old process said\n{}", takeover_lines(&rig.gateway.output()));
    let still = next.backend(&rig.backends[0].address.to_string()).await;
    assert_eq!(still["standing"], "ejected", "{still}");
    let back = |backend: &Value| backend["earliest_return"]["at"].as_str().unwrap_or_default().to_owned();
    assert!(!back(&ejected).is_empty(), "{ejected}");
    assert_same_moment(&back(&still), &back(&ejected), &late);
    assert_eq!(still["ejection"]["nth"], ejected["ejection"]["nth"], "{still}");

    alone_for_a_while().await;
    assert_no_failures("binary upgrade, GET", &gets.ended().await);
    assert_no_failures("binary upgrade, POST", &posts.ended().await);
    assert_no_failures("binary upgrade, /readyz", &readiness.ended().await);
    // The next one hands over as well.
    rig.gateway = next;
    let posts = load(&rig, "POST");
    let third = rig.gateway.successor(&with_upgrade(&rig));
    assert!(rig.gateway.ended().await.success());
    alone_for_a_while().await;
    assert_no_failures("second upgrade, POST", &posts.ended().await);
    third.ready().await;
}

fn takeover_lines(output: &str) -> String {
    output.lines().filter(|line| line.contains("pulsegate::runtime")).collect::<Vec<_>>().join("\n")
}

/// Both are RFC 3339 with milliseconds: what one clock says is what the other does, but for the time of a message, and of the machine.
fn assert_same_moment(one: &str, other: &str, late: &Lateness) {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let allowed = 1_000 + 10 * i64::try_from(late.worst().as_millis()).unwrap();
    assert!((at(one) - at(other)).abs() < allowed, "{one} and {other}");
}

/// What waits in the backlog while one process lets go and the next takes hold: a connection for each request, 200 a second.
#[tokio::test(flavor = "multi_thread")]
async fn five_binaries_in_a_row_lose_no_connection_on_its_way_in() {
    let mut rig = upgradable().await;
    let (address, over) = (rig.gateway.address, Arc::new(AtomicBool::new(false)));
    let knocking = tokio::spawn({
        let over = over.clone();
        async move {
            let mut requests = JoinSet::new();
            while !over.load(Ordering::Relaxed) {
                requests.spawn(async move { Client::connect(address).await.get("/work").await.status });
                pause(Duration::from_millis(5)).await;
            }
            requests.join_all().await
        }
    });
    for _ in 0..5 {
        pause(Duration::from_millis(300)).await;
        let next = rig.gateway.successor(&with_upgrade(&rig));
        assert!(rig.gateway.ended().await.success());
        rig.gateway = next;
    }
    over.store(true, Ordering::Relaxed);
    let statuses = knocking.await.unwrap();
    println!("five upgrades: {} connections", statuses.len());
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// Those that are connected end with the old process's workers, the others go to the new one's, whatever their number.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_fewer_workers_takes_over_and_fails_nothing() {
    let mut rig = rig_with(&format!("{UPGRADE}threads: 4\n")).await;
    let address = rig.gateway.address;
    let once = |method| {
        let target = Target { requests_per_connection: 1, ..Target::spared(address) };
        Load::until_ended(Request { method, host: "test", path: "/work" }, target, 100)
    };
    let (gets, posts) = (load(&rig, "GET"), load(&rig, "POST"));
    let (single_gets, single_posts) = (once("GET"), once("POST"));
    pause(Duration::from_secs(1)).await;
    let workers = async |gateway: &Gateway| {
        let metrics = gateway.get("/metrics").await.unwrap_or_default();
        metrics.lines().filter(|line| line.starts_with("pulsegate_worker_connections{")).count()
    };
    assert_eq!(workers(&rig.gateway).await, 4);
    let next = rig.gateway.successor(&(with_upgrade(&rig) + "threads: 2\n"));
    assert!(rig.gateway.ended().await.success());
    alone_for_a_while().await;
    assert_no_failures("fewer workers, GET", &gets.ended().await);
    assert_no_failures("fewer workers, POST", &posts.ended().await);
    assert_no_failures("fewer workers, GET, a connection each", &single_gets.ended().await);
    assert_no_failures("fewer workers, POST, a connection each", &single_posts.ended().await);
    assert_eq!(workers(&next).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigusr2_starts_what_is_installed_and_the_process_asked_leaves() {
    let mut rig = upgradable().await;
    let (gets, posts) = (load(&rig, "GET"), load(&rig, "POST"));
    let before = rig.gateway.json("/status").await["started"].clone();
    rig.gateway.signal(Signal::SIGUSR2);
    assert!(rig.gateway.ended().await.success());
    let successor = rig.gateway.successor_by_signal();
    let status = rig.gateway.json("/status").await;
    assert_ne!(status["started"], before, "another process answers");
    alone_for_a_while().await;
    assert_no_failures("SIGUSR2, GET", &gets.ended().await);
    assert_no_failures("SIGUSR2, POST", &posts.ended().await);
    successor.signal(Signal::SIGTERM);
    let (address, admin) = (rig.gateway.address, rig.gateway.admin);
    eventually("it ends", async || tokio::net::TcpStream::connect(admin).await.is_err()).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_binary_that_fails_leaves_the_old_one_serving() {
    let mut rig = rig_with(IMPATIENT).await;
    let readiness = watch_readiness(rig.gateway.admin);
    let (gets, posts) = (load(&rig, "GET"), load(&rig, "POST"));
    pause(Duration::from_millis(500)).await;

    // A bad file: it ends before it asks.
    let mut bad = rig.gateway.successor("routes: [{ upstream: nobody }]\n");
    assert_eq!(bad.ended().await.code(), Some(64));
    // A port that is taken: it ends after the sockets were handed over.
    let taken = TcpListener::bind(free_address()).unwrap();
    let listeners = format!("  - address: \"{}\"\nadmin:", taken.local_addr().unwrap());
    let mut busy = rig.gateway.successor_with(&with_upgrade(&rig), |whole| whole.replace("admin:", &listeners));
    assert_eq!(busy.ended().await.code(), Some(1));
    assert!(busy.output().contains("in use"), "{}", busy.output());
    eventually("the old one says so", async || {
        rig.gateway.output().contains("takeover failed, this process serves on: it ended before it was ready")
    })
    .await;
    // One that never becomes ready: its first probe round hangs, and it would wait for longer than the old one does.
    let silent = TcpListener::bind(free_address()).unwrap();
    let patient = format!("start: {{ wait: 60s }}\n{}", with_upgrade(&rig)).replace(
        "upstreams:\n",
        &format!(
            "upstreams:\n  silent: {{ backends: [\"{}\"], readiness: {{ path: /, timeout: 30s, period: 60s }} }}\n",
            silent.local_addr().unwrap()
        ),
    );
    let mut late = rig.gateway.successor(&patient);
    eventually("the old one gives it up", async || rig.gateway.output().contains("not ready within upgrade.timeout"))
        .await;
    assert!(!rig.gateway.has_ended());
    assert_eq!(late.ended().await.code(), Some(1), "it is told");
    assert!(late.output().contains("the old process serves on"), "{}", late.output());
    // Killed at some moment of its takeover.
    let mut killed = rig.gateway.successor(&patient.replace("timeout: 30s", "timeout: 31s"));
    eventually("it has the sockets", async || killed.output().contains("hands over")).await;
    killed.kill().await;

    assert_no_failures("failed upgrades, GET", &gets.ended().await);
    assert_no_failures("failed upgrades, POST", &posts.ended().await);
    assert_no_failures("failed upgrades, /readyz", &readiness.ended().await);
    assert!(!rig.gateway.has_ended());
    // And then one that works.
    let next = rig.gateway.successor(&with_upgrade(&rig));
    assert!(rig.gateway.ended().await.success());
    next.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_beside_a_second_instance_fails_nothing() {
    let mut rig = rig_with("shutdown: { delay: 5s, grace: 30s }\n").await;
    let second = PULSEGATE.start(&configuration(&rig.backends)).await;
    let admins = [(rig.gateway.address, rig.gateway.admin), (second.address, second.admin)];
    // The balancer in front: asks /readyz every 100 ms and sends to whoever says yes, in turns.
    let ready = Arc::new(Mutex::new(vec![rig.gateway.address, second.address]));
    let balancer = |method| {
        let (ready, mut turn) = (ready.clone(), 0);
        let pick = move || {
            let ready = ready.lock().unwrap();
            turn += 1;
            ready[turn % ready.len()]
        };
        Load::to(Request { method, host: "test", path: "/work" }, pick, 150)
    };
    let (gets, posts) = (balancer("GET"), balancer("POST"));
    let checks = tokio::spawn({
        let ready = ready.clone();
        async move {
            loop {
                let mut found = Vec::new();
                for (address, admin) in admins {
                    if is_ready(admin).await {
                        found.push(address);
                    }
                }
                *ready.lock().unwrap() = found;
                pause(Duration::from_millis(100)).await;
            }
        }
    });
    pause(Duration::from_secs(2)).await;
    rig.gateway.signal(Signal::SIGTERM);
    assert!(rig.gateway.ended().await.success());
    alone_for_a_while().await;
    assert_no_failures("SIGTERM beside a second instance, GET", &gets.ended().await);
    assert_no_failures("SIGTERM beside a second instance, POST", &posts.ended().await);
    checks.abort();
}

async fn is_ready(admin: SocketAddr) -> bool {
    let load =
        Load::of(Request { method: "GET", host: "localhost", path: "/readyz" }, admin, 1, Duration::from_secs(1));
    load.outcomes().await.iter().all(Outcome::ok)
}
