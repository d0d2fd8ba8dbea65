//! What holds the line: limits on requests in flight with a queue, requests held while nobody is eligible, splits, and mirrors.

use super::PULSEGATE;
use super::pool_with;
use std::collections::BTreeMap;
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Gate, Raw, Step, ok, send};
use support::{eventually, free_address};
use tokio::task::JoinSet;
use tokio::time::Instant;

async fn get(gateway: &Gateway, path: &str) -> (u16, String) {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let answer = client.answer().await;
    let text = answer.text();
    (answer.status, text)
}

/// A backend that takes `length` for every request.
async fn busy(length: Duration) -> Raw {
    Raw::start(move |_, _| vec![Step::Wait(length), ok("done")]).await
}

async fn many(gateway: &Gateway, count: usize) -> BTreeMap<u16, usize> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let mut client = Client::connect(gateway.address).await;
        all.spawn(async move {
            client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
            client.answer().await.status
        });
    }
    let mut counts = BTreeMap::new();
    for status in all.join_all().await {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_full_backend_is_waited_for_and_never_gets_more_than_it_may() {
    let backend = busy(Duration::from_millis(50)).await;
    let limits = "    limits: { requests_per_backend: 2, queue: 100, queue_timeout: 60s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], limits)).await;
    assert_eq!(many(&gateway, 20).await, BTreeMap::from([(200, 20)]));
    assert_eq!(backend.most_at_once(), 2);
}

#[tokio::test]
async fn beyond_the_queue_overload_is_said_at_once() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |_, _| vec![Step::Until(held.clone()), ok("done")]).await;
    let limits = "    timeouts: { per_try: 60s }\n    limits: { requests: 2, queue: 3, queue_timeout: 60s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], limits)).await;
    let refused = async {
        eventually("five are refused while all others wait", async || {
            gateway.output().matches("reason=overloaded").count() == 5 && backend.most_at_once() == 2
        })
        .await;
        gate.open();
    };
    let (counts, ()) = tokio::join!(many(&gateway, 10), refused);
    assert_eq!(counts, BTreeMap::from([(200, 5), (503, 5)]));
    assert_eq!(backend.most_at_once(), 2);
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a wait of real time is measured by the real clock")]
async fn a_wait_in_the_queue_ends() {
    let backend = Raw::start(|_, _| vec![Step::Hang]).await;
    let limits = "    timeouts: { per_try: none, total: none, idle: 60s }\n    limits: { requests_per_backend: 1, queue: 10, queue_timeout: 300ms }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], limits)).await;
    let mut first = Client::connect(gateway.address).await;
    first.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let address = backend.address.to_string();
    eventually("the first is in flight", async || gateway.backend(&address).await["in_flight"] == 1).await;
    let begun = Instant::now();
    assert_eq!(get(&gateway, "/x").await.0, 503);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(gateway.backend(&address).await["in_flight"], 1, "its end was not that of the first");
}

#[tokio::test]
async fn a_full_backend_is_passed_over_for_one_with_room() {
    let slow = Raw::start(|_, _| vec![Step::Hang]).await;
    let quick = busy(Duration::from_millis(1)).await;
    // Who asks again at once may find the place of its last request taken for a moment.
    let limits =
        "    timeouts: { per_try: 60s }\n    limits: { requests_per_backend: 1, queue: 1, queue_timeout: 60s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[slow.address, quick.address], limits)).await;
    // None of them leaves: the one that is at the slow one holds its only place.
    let mut held = Vec::new();
    let address = slow.address.to_string();
    eventually("the slow one is full", async || {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        held.push(client);
        gateway.backend(&address).await["in_flight"] == 1
    })
    .await;
    for _ in 0..10 {
        assert_eq!(get(&gateway, "/x").await.0, 200);
    }
}

#[tokio::test]
async fn an_idempotent_request_is_held_while_nobody_is_eligible_and_a_post_is_not() {
    let address = free_address();
    let gateway = PULSEGATE.start(&pool_with(&[address], "    hold: 50s\n")).await;
    gateway_is_down(&gateway, &address.to_string()).await;
    let mut held = Client::connect(gateway.address).await;
    held.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut post = Client::connect(gateway.address).await;
    post.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(post.answer().await.status, 503);
    let _backend = Raw::start_at(address, |_, _| vec![ok("back")]).await;
    assert_eq!(held.answer().await.text(), "back");
}

async fn gateway_is_down(gateway: &Gateway, address: &str) {
    eventually("it is down", async || gateway.standing_of(address).await == "down").await;
}

fn two_pools(route: &str, first: &Raw, second: &Raw) -> String {
    let pool = |name: &str, backend: &Raw| {
        format!(
            "  {name}:\n    backends: [\"{}\"]\n    readiness: {{ path: /ready, period: 200ms, fast_period: 100ms, timeout: 10s }}\n",
            backend.address
        )
    };
    format!("routes: [{{ {route} }}]\nupstreams:\n{}{}", pool("stable", first), pool("canary", second))
}

#[tokio::test]
async fn a_split_follows_its_weights_and_a_dead_canary_costs_nobody_a_request() {
    let stable = Raw::start(|_, _| vec![ok("stable")]).await;
    let canary = Raw::start(|_, _| vec![ok("canary")]).await;
    let canary_address = canary.address.to_string();
    let gateway = PULSEGATE.start(&two_pools("split: { stable: 70, canary: 30 }", &stable, &canary)).await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        *counts.entry(get(&gateway, "/x").await.1).or_default() += 1;
    }
    assert!((30..=90).contains(&counts["canary"]), "{counts:?}");
    drop(canary);
    gateway_is_down(&gateway, &canary_address).await;
    for _ in 0..50 {
        assert_eq!(get(&gateway, "/x").await, (200, "stable".to_owned()));
    }
}

#[tokio::test]
async fn a_mirror_gets_copies_and_its_failures_touch_nobody() {
    let live = Raw::start(|_, _| vec![ok("live")]).await;
    let mirror = Raw::start(|_, _| vec![send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")]).await;
    let route = "upstream: stable, mirror: { upstream: canary }";
    let gateway = PULSEGATE.start(&two_pools(route, &live, &mirror)).await;
    for number in 0..20 {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")).await;
        assert_eq!(client.answer().await.text(), "live");
    }
    let copies = || mirror.seen().iter().filter(|seen| seen.starts_with("POST /") && seen.ends_with("hello")).count();
    eventually("all copies arrived", async || copies() == 20).await;
    assert_eq!(gateway.standing_of(&mirror.address.to_string()).await, "up", "copies are no evidence");
    assert!(gateway.get("/metrics").await.unwrap().contains("pulsegate_mirrored_requests_total"));
    let lines = || gateway.output().lines().filter(|line| line.contains("request_id=")).count();
    eventually("all requests are logged", async || lines() >= 20).await;
    assert_eq!(lines(), 20, "copies are not in the access log");
}

#[tokio::test]
async fn a_late_answer_is_outrun_by_another_backend_and_a_post_is_not_sent_twice() {
    let slow = Raw::start(|head, _| match head.starts_with("GET ") {
        true => vec![Step::Hang],
        false => vec![Step::Wait(Duration::from_secs(1)), ok("slow")],
    })
    .await;
    let quick = Raw::start(|_, _| vec![ok("quick")]).await;
    let more = "    balance: { policy: round_robin }\n    passive: { consecutive_failures: 0 }\n    timeouts: { per_try: 60s }\n";
    let yaml = pool_with(&[slow.address, quick.address], more)
        .replace("routes: [{ upstream: pool }]", "routes: [{ upstream: pool, hedge: 150ms }]");
    let gateway = PULSEGATE.start(&yaml).await;
    for _ in 0..6 {
        assert_eq!(get(&gateway, "/x").await, (200, "quick".to_owned()));
    }
    let metrics = gateway.get("/metrics").await.unwrap();
    let won = metrics.lines().find(|line| line.starts_with("pulsegate_hedged_requests_total") && line.contains("won"));
    assert!(won.is_some_and(|line| !line.ends_with(" 0")), "{won:?}");
    eventually("both attempts are logged", async || gateway.output().contains("attempts=2")).await;

    let before = slow.seen().len() + quick.seen().len();
    for _ in 0..2 {
        let mut client = Client::connect(gateway.address).await;
        client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(slow.seen().len() + quick.seen().len(), before + 2);
}
