//! Startup, liveness, recycled addresses and restarts: what each does to traffic, what is said, and who is called.

use super::PULSEGATE;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use support::client::Client;
use support::raw::{Raw, Step, ok, send};
use support::{eventually, pause};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PACE: &str = "period: 200ms, fast_period: 50ms, timeout: 10s, success_threshold: 1";

fn config(backends: &[SocketAddr], probes: &str, more: &str) -> String {
    let list: Vec<String> = backends.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    slow_start: {{ duration: 4s }}\n{probes}{more}",
        list.join(", ")
    )
}

fn status(status: u16) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n"))]
}

#[tokio::test]
async fn a_slow_starter_is_starting_in_silence_and_then_ramps() {
    let started = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&started);
    let slow = Raw::start_with_ready(move |head, _| match head.starts_with("GET /started ") {
        true if !switch.load(Ordering::Relaxed) => status(503),
        _ => vec![ok("here")],
    })
    .await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    // The other one answers every path: it has started.
    let probes = format!(
        "    startup: {{ path: /started, {PACE}, failure_threshold: 1000 }}\n    readiness: {{ path: /ready, {PACE} }}\n    liveness: {{ \
         path: /alive, {PACE} }}\n"
    );
    let gateway = PULSEGATE.start(&config(&[slow.address, well.address], &probes, "")).await;
    let address = slow.address.to_string();
    eventually("it is starting", async || gateway.standing_of(&address).await == "starting").await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "well");
    }
    let told = gateway.backend(&address).await;
    assert!(
        told["why"].as_str().unwrap().starts_with("it has not passed its startup probe yet: answered 503"),
        "{told}"
    );
    assert!(told["next_probe"].is_null() && told["other_probes"][0]["probe"] == "startup", "{told}");
    let output = gateway.output();
    let loud: Vec<&str> = output.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert!(loud.iter().all(|line| !line.contains("backend.") && !line.contains("upstream.")), "{loud:?}");

    started.store(true, Ordering::Relaxed);
    eventually("it ramps", async || gateway.standing_of(&address).await == "ramping").await;
    eventually("it is up", async || gateway.standing_of(&address).await == "up").await;
}

#[tokio::test]
async fn a_failed_liveness_probe_calls_the_webhook_once_per_episode() {
    let alive = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&alive);
    let backend = Raw::start_with_ready(move |head, _| match head.starts_with("GET /alive ") {
        true if !switch.load(Ordering::Relaxed) => status(500),
        _ => vec![ok("here")],
    })
    .await;
    let receiver = Raw::start(|_, number| if number == 0 { status(500) } else { status(204) }).await;
    let probes = format!(
        "    readiness: {{ path: /ready, {PACE} }}\n    liveness: {{ path: /alive, {PACE}, failure_threshold: 2, on_failure: {{ webhook: \
         owner }} }}\nwebhooks:\n  owner: {{ url: \"http://{}/restart?token=x\", secret: {{ env: HOOK_SECRET }} }}\n",
        receiver.address
    );
    let gateway = PULSEGATE.spawn_in(&config(&[backend.address], &probes, ""), "", &[("HOOK_SECRET", SECRET)]);
    gateway.ready().await;
    let address = backend.address.to_string();
    eventually("it serves", async || ["ramping", "up"].contains(&gateway.standing_of(&address).await.as_str())).await;

    for episode in 1..=2_usize {
        alive.store(false, Ordering::Relaxed);
        eventually("it is not alive", async || gateway.standing_of(&address).await == "not_alive").await;
        // The very first call is answered 500, and tried again.
        eventually("somebody is called", async || receiver.seen().len() == episode + 1).await;
        pause(Duration::from_millis(600)).await;
        assert_eq!(receiver.seen().len(), episode + 1, "once per episode");
        alive.store(true, Ordering::Relaxed);
        eventually("it is back", async || gateway.standing_of(&address).await != "not_alive").await;
    }
    let calls = receiver.seen();
    for (call, names) in calls.iter().zip([["1"], ["1"], ["2"]]) {
        assert!(call.starts_with("POST /restart?token=x HTTP/1.1\r\n"), "{call}");
        assert!(call.contains("webhook-signature: v1,") && call.contains("\"event\":\"backend.not_alive\""), "{call}");
        assert!(call.contains(&address), "{call} {names:?}");
    }
    let id = |call: &str| call.lines().find(|line| line.starts_with("webhook-id: ")).map(str::to_owned);
    assert_eq!(id(&calls[0]), id(&calls[1]), "a second attempt is the same event");
    assert_ne!(id(&calls[1]), id(&calls[2]));
    let metrics = gateway.get("/metrics").await.unwrap();
    assert!(metrics.contains("pulsegate_webhook_notices_total{result=\"delivered\",webhook=\"owner\"} 2"), "{metrics}");
    assert!(metrics.contains("pulsegate_need_restart_total{probe=\"liveness\",upstream=\"pool\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_no_traffic_waiting() {
    let backend =
        Raw::start_with_ready(|head, _| if head.starts_with("GET /alive ") { status(500) } else { vec![ok("here")] })
            .await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let receiver = Raw::start(|_, _| vec![Step::Hang]).await;
    let probes = format!(
        "    readiness: {{ path: /ready, {PACE} }}\n    liveness: {{ path: /alive, {PACE}, failure_threshold: 1, on_failure: {{ webhook: \
         owner }} }}\nwebhooks:\n  owner: {{ url: \"http://{}/restart\", timeout: 30s }}\n",
        receiver.address
    );
    let gateway = PULSEGATE.start(&config(&[backend.address, well.address], &probes, "")).await;
    eventually("the receiver hangs", async || receiver.seen().len() == 1).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..50 {
        assert_eq!(client.get("/").await.text(), "well");
    }
}

#[tokio::test]
async fn a_recycled_address_never_gets_a_request() {
    for policy in ["fail_closed", "fail_open", "last_known_good"] {
        let stranger = Raw::start_with_ready(|_, _| {
            vec![send("HTTP/1.1 200 OK\r\nX-Service: billing\r\nContent-Length: 2\r\n\r\nhi")]
        })
        .await;
        let probes = format!(
            "    readiness: {{ path: /ready, {PACE}, failure_threshold: 100, identity: {{ header: X-Service, equals: orders }} }}\n    \
             when_none_eligible: {policy}\n"
        );
        let gateway = PULSEGATE.start(&config(&[stranger.address], &probes, "")).await;
        let address = stranger.address.to_string();
        eventually("it is down", async || gateway.standing_of(&address).await == "down").await;
        let told = gateway.backend(&address).await;
        let why = told["why"].as_str().unwrap();
        assert!(why.contains("answers as \"billing\", expected \"orders\": the address was recycled?"), "{told}");
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..20 {
            assert_eq!(client.get("/").await.status, 503, "{policy}");
        }
        assert_eq!(stranger.seen().len(), 0, "{policy}: {:?}", stranger.seen());
    }
}

#[tokio::test]
async fn a_restarted_instance_behind_the_same_address_begins_anew() {
    let (instance, broken) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicBool::new(false)));
    let (number, switch) = (Arc::clone(&instance), Arc::clone(&broken));
    let backend = Raw::start_with_ready(move |head, _| {
        let status = if !head.starts_with("GET /ready ") && switch.load(Ordering::Relaxed) { 500 } else { 200 };
        let instance = number.load(Ordering::Relaxed);
        vec![send(format!("HTTP/1.1 {status} Told\r\nX-Instance: {instance}\r\nContent-Length: 0\r\n\r\n"))]
    })
    .await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let probes = format!(
        "    readiness: {{ path: /ready, {PACE}, instance: {{ header: X-Instance }} }}\n    passive: {{ base_ejection: 300s }}\n"
    );
    let gateway = PULSEGATE.start(&config(&[backend.address, well.address], &probes, "")).await;
    let address = backend.address.to_string();
    broken.store(true, Ordering::Relaxed);
    let mut client = Client::connect(gateway.address).await;
    eventually("it is ejected", async || {
        client.get("/").await;
        gateway.standing_of(&address).await == "ejected"
    })
    .await;

    broken.store(false, Ordering::Relaxed);
    instance.store(2, Ordering::Relaxed);
    eventually("another instance ramps", async || gateway.standing_of(&address).await == "ramping").await;
    let told = gateway.backend(&address).await;
    assert!(told["ejection"].is_null(), "{told}");
    let history = told["history"].as_array().unwrap();
    assert!(history.iter().any(|entry| entry["event"] == "backend.restarted"), "{told}");
}
