//! Who comes in at a route's door, how often, and which paths nobody finds: addresses, rate limits, and shielded health endpoints.

use super::PULSEGATE;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use support::client::{Answer, Client};
use support::eventually;
use support::gateway::Gateway;
use support::h2::{Call, H2Backend, H2Client, post};
use support::raw::{Raw, ok};
use tokio::task::JoinSet;
use tokio::time::Instant;

const PROBE: &str = "period: 300ms, fast_period: 100ms, timeout: 10s";

/// Routes, and one upstream `pool` with its readiness probe.
fn with_pool(routes: &str, backend: SocketAddr, more: &str) -> String {
    format!(
        "routes:\n{routes}\nupstreams:\n  pool:\n    backends: [\"{backend}\"]\n    readiness: {{ path: /ready, {PROBE} }}\n{more}"
    )
}

async fn backend() -> Raw {
    Raw::start_with_ready(|request, _| vec![ok(request.lines().next().unwrap_or_default())]).await
}

async fn ask(gateway: &Gateway, path: &str, more: &str) -> Answer {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n")).await;
    client.answer().await
}

async fn counted(gateway: &Gateway, metric: &str, route: &str, count: u32) {
    let line = format!("{metric}{{route=\"{route}\"}} {count}\n");
    eventually(&line, async || gateway.get("/metrics").await.unwrap_or_default().contains(&line)).await;
}

async fn logged(gateway: &Gateway, words: &str) {
    eventually(words, async || gateway.output().contains(words)).await;
}

/// What a client sees of an answer, but for the id of its request.
fn seen(answer: &Answer) -> (u16, String, Vec<String>) {
    let mut names: Vec<String> =
        answer.head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    let text = answer.text();
    let body = text.split_once("\"request_id\"").map_or(text.as_str(), |(before, _)| before);
    (answer.status, body.to_owned(), names)
}

#[tokio::test]
async fn a_shielded_path_looks_like_one_that_is_not_there_however_it_is_spelt() {
    let raw = backend().await;
    let routes = "  - { name: api, match: { host: a, path: /api }, upstream: pool, strip_prefix: true, allow_encoded_slashes: true }\n  \
                  - { name: ops, match: { host: ops }, upstream: pool, shield_health: false }\n  \
                  - { name: deep, match: { host: a, path: /in }, upstream: pool, replace_prefix: /deep }";
    let more = "    shield_health: true\n    liveness: { path: \"/deep/live?full=1\", period: 300ms }\n";
    let gateway = PULSEGATE.start(&with_pool(routes, raw.address, more)).await;
    let nowhere = seen(&ask(&gateway, "/nowhere", "").await);
    assert_eq!(nowhere.0, 404);
    let hidden = [
        "/api/ready",
        "/api/ready?x=/",
        "/api/ready/",
        "/api//ready",
        "/api/%72eady",
        "/api/%2572eady",
        "/api/./ready",
        "/api/x/../ready",
        "/api/x/%2e%2e/ready",
        "/api/ready;jsessionid=1",
        "/api/x/..;/ready",
        "/api/%2Fready",
        "/api%2Fready/",
        "/api/READY",
        "/api/ready%0a",
        "/api/ready.json",
        "/api/deep/live",
        "/api/deep%2Flive",
        "/api/deep%5clive",
        "/in/live",
        "/in//live/?full=1",
    ];
    let mut shielded = BTreeMap::from([("api", 0), ("deep", 0)]);
    for path in hidden {
        let found = ask(&gateway, path, "").await;
        // "/api%2Fready" is no path below /api.
        assert_eq!(seen(&found), nowhere, "{path}");
        let route = if path.starts_with("/in") { "deep" } else { "api" };
        *shielded.get_mut(route).unwrap() += u32::from(!path.starts_with("/api%"));
    }
    for (path, host) in [("/ready", "ops"), ("/deep/live", "ops")] {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 200, "{path} at {host}");
    }
    for path in ["/api/readyz", "/api/ready/x", "/api/live", "/in/ready", "/api/orders?next=/ready"] {
        assert_eq!(ask(&gateway, path, "").await.status, 200, "{path}");
    }
    for (route, count) in shielded {
        counted(&gateway, "pulsegate_health_shielded_total", route, count).await;
    }
    logged(&gateway, "reason=health_shielded").await;
    logged(&gateway, "asked for a shielded health endpoint (0 more since the last line)").await;
    let asked =
        raw.seen().into_iter().filter(|request| request.contains("X-Forwarded-For") && request.contains("Host: a\r\n"));
    assert_eq!(asked.count(), 5, "{:?}", raw.seen());
}

#[tokio::test]
async fn grpc_health_calls_are_shielded_and_answered_as_an_unknown_method() {
    // It does not speak gRPC's health protocol, so its liveness probe fails: the pool must outlive the test.
    let calls = H2Backend::start(|call: Call| async { call.answer("called") }).await;
    let yaml = format!(
        "routes: [{{ name: calls, match: {{ host: a.example }}, upstream: pool, shield_health: true }}]\nupstreams:\n  pool:\n    protocol: http2\n    backends: \
         [\"{}\"]\n    readiness: {{ path: /ready, {PROBE} }}\n    liveness: {{ grpc: {{}}, failure_threshold: 1000, {PROBE} }}\n",
        calls.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = H2Client::connect(gateway.address).await;
    let mut status = async |path: &str| {
        let request = post(path, &[("content-type", "application/grpc")]);
        let (response, _) = client.open(request, true).await;
        let answer = support::h2::Answer::of(response).await.unwrap();
        (answer.status, answer.grpc_status().map(str::to_owned))
    };
    for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/ready"] {
        assert_eq!(status(path).await, (200, Some("12".to_owned())), "{path}");
    }
    assert_eq!(status("/orders.v1.Orders/Get").await, (200, None));
    counted(&gateway, "pulsegate_health_shielded_total", "calls", 3).await;
}

#[tokio::test]
async fn addresses_are_those_of_clients_and_not_of_the_proxies_between() {
    let raw = backend().await;
    let routes = "  - { name: inner, match: { path: /in }, upstream: pool, allow: [\"10.0.0.0/8\", \"2001:db8::/32\"], deny: [10.9.0.0/16] }\n  \
                  - { name: sent, match: { path: /sent }, redirect: { location: /in }, deny: [192.0.2.7] }\n  \
                  - { name: fixed, match: { path: /fixed }, respond: { body: hi }, deny: [192.0.2.7] }";
    let yaml = with_pool(routes, raw.address, "");
    let gateway = PULSEGATE.start_with(&yaml, "    trusted_proxies: [127.0.0.0/8]").await;
    for (path, client, status) in [
        ("/in", "10.1.2.3", 200),
        ("/in", "::ffff:10.1.2.3", 200),
        ("/in", "2001:db8::1", 200),
        ("/in", "10.9.2.3", 403),
        ("/in", "192.0.2.7", 403),
        ("/in", "10.1.2.3, 192.0.2.7", 403),
        ("/in", "192.0.2.7, 10.1.2.3", 200),
        ("/sent", "192.0.2.7", 403),
        ("/sent", "192.0.2.8", 308),
        ("/fixed", "192.0.2.7", 403),
        ("/fixed", "192.0.2.8", 200),
    ] {
        let answer = ask(&gateway, path, &format!("X-Forwarded-For: {client}\r\n")).await;
        assert_eq!(answer.status, status, "{path} for {client}");
        if status == 403 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.reason(), "ip_denied");
        }
    }
    assert_eq!(ask(&gateway, "/in", "").await.status, 403, "the peer itself");
    counted(&gateway, "pulsegate_ip_denied_total", "inner", 4).await;
    logged(&gateway, "reason=ip_denied").await;
    logged(&gateway, "route inner: 10.9.2.3 is not let in by `allow` and `deny` (0 more since the last line)").await;

    let stranger = PULSEGATE.start(&yaml).await;
    assert_eq!(ask(&stranger, "/in", "X-Forwarded-For: 10.1.2.3\r\n").await.status, 403, "anybody can say that");

    let proxied = PULSEGATE.start_with(&yaml, "    proxy_protocol: { from: [127.0.0.0/8] }").await;
    for (client, status) in [("10.1.2.3", 200), ("10.9.2.3", 403)] {
        let mut connection = Client::connect(proxied.address).await;
        connection.send(format!("PROXY TCP4 {client} 198.51.100.9 54321 443\r\n")).await;
        assert_eq!(connection.get("/in").await.status, status, "{client}");
    }
}

#[tokio::test]
async fn a_denied_body_is_not_read_and_no_backend_is_asked() {
    let raw = backend().await;
    let routes = "  - { name: closed, upstream: pool, deny: [127.0.0.0/8] }";
    let gateway = PULSEGATE.start(&with_pool(routes, raw.address, "")).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 403, "and no 100 before it");
    let mut kept = Client::connect(gateway.address).await;
    for _ in 0..2 {
        kept.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
        assert_eq!(kept.answer().await.status, 403, "the connection goes on");
    }
    assert_eq!(raw.seen(), [""; 0]);
}

#[tokio::test]
async fn beyond_the_burst_a_client_is_told_when_to_come_again() {
    let raw = backend().await;
    let routes = "  - { name: slow, match: { path: /slow }, upstream: pool, rate_limit: { requests: 2, per: 2h, burst: 3 } }\n  \
                  - { name: fixed, match: { path: /fixed }, respond: { body: hi }, rate_limit: { requests: 1, per: 1h, by: route } }\n  \
                  - { name: keys, match: { path: /keys }, respond: { body: hi }, rate_limit: { requests: 1, per: 1h, by: \"header:X-Api-Key\" } }\n  \
                  - { name: told, match: { path: /told }, respond: { body: hi }, rate_limit: { requests: 1, per: 1h, enforce: false } }";
    let gateway = PULSEGATE.start_with(&with_pool(routes, raw.address, ""), "    trusted_proxies: [127.0.0.0/8]").await;
    let from = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    for status in [200, 200, 200, 429, 429] {
        let answer = ask(&gateway, "/slow", &from("192.0.2.1")).await;
        assert_eq!(answer.status, status);
        if status == 429 {
            assert_eq!(answer.reason(), "rate_limited");
            // One comes back every hour; a slow machine has used up some seconds of it.
            let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("whole seconds");
            assert!((3_500..=3_600).contains(&wait), "{wait}");
            assert_eq!(answer.header("ratelimit-policy"), Some("\"client\";q=2;w=7200"));
            assert_eq!(answer.header("ratelimit"), Some(format!("\"client\";r=0;t={wait}").as_str()));
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }
    }
    assert_eq!(ask(&gateway, "/slow", &from("192.0.2.2")).await.status, 200, "another client");
    for (client, status) in [("2001:db8:0:1::1", 200), ("2001:db8:0:1::2", 200), ("2001:db8:0:1:9::3", 200)] {
        assert_eq!(ask(&gateway, "/slow", &from(client)).await.status, status, "{client}");
    }
    assert_eq!(ask(&gateway, "/slow", &from("2001:db8:0:1::4")).await.status, 429, "one /64 is one client");
    assert_eq!(ask(&gateway, "/slow", &from("2001:db8:0:2::4")).await.status, 200);
    for (client, status) in [("192.0.2.1", 200), ("192.0.2.2", 429)] {
        assert_eq!(ask(&gateway, "/fixed", &from(client)).await.status, status, "all share it");
    }
    for (key, client, status) in [
        ("X-Api-Key: one\r\n", "192.0.2.1", 200),
        ("X-Api-Key: one\r\n", "192.0.2.2", 429),
        ("X-Api-Key: two\r\n", "192.0.2.2", 200),
        ("", "192.0.2.2", 200),
        ("", "192.0.2.2", 429),
        ("", "192.0.2.3", 200),
    ] {
        assert_eq!(ask(&gateway, "/keys", &(from(client) + key)).await.status, status, "{key}{client}");
    }
    for _ in 0..3 {
        assert_eq!(ask(&gateway, "/told", &from("192.0.2.1")).await.status, 200);
    }
    counted(&gateway, "pulsegate_rate_limited_total", "slow", 3).await;
    counted(&gateway, "pulsegate_would_rate_limit_total", "told", 2).await;
    logged(&gateway, "reason=rate_limited").await;
    let backend = gateway.backend(&raw.address.to_string()).await;
    assert_eq!(
        (&backend["standing"], raw.seen().len()),
        (&"up".into(), 8),
        "no blame, and nothing is tried again: {backend}"
    );
}

#[tokio::test]
async fn a_limited_call_is_told_in_the_words_of_grpc() {
    let calls = H2Backend::start(|call: Call| async { call.answer("called") }).await;
    let yaml = format!(
        "routes: [{{ upstream: pool, rate_limit: {{ requests: 1, per: 1h }}, deny: [192.0.2.7] }}]\nupstreams:\n  pool:\n    protocol: http2\n    \
         backends: [\"{}\"]\n    readiness: {{ path: /ready, {PROBE} }}\n",
        calls.address
    );
    let gateway = PULSEGATE.start_with(&yaml, "    trusted_proxies: [127.0.0.0/8]").await;
    let mut client = H2Client::connect(gateway.address).await;
    let mut call = async |from: &str, kind: &str| {
        let request = post("/orders.v1.Orders/Get", &[("content-type", kind), ("x-forwarded-for", from)]);
        let (response, _) = client.open(request, true).await;
        support::h2::Answer::of(response).await.unwrap()
    };
    let grpc = "application/grpc";
    assert_eq!(call("192.0.2.1", grpc).await.grpc_status(), None);
    let limited = call("192.0.2.1", grpc).await;
    assert_eq!((limited.status, limited.grpc_status()), (200, Some("8")), "{limited:?}");
    let wait: u32 = limited.headers["grpc-retry-pushback-ms"].to_str().unwrap().parse().unwrap();
    assert!((3_500_000..=3_600_000).contains(&wait), "{limited:?}");
    assert_eq!(call("192.0.2.7", grpc).await.grpc_status(), Some("7"));
    let plain = call("192.0.2.1", "application/json").await;
    assert_eq!((plain.status, plain.headers.contains_key("retry-after")), (429, true), "{plain:?}");
}

/// A client that asks as fast as it can, over one connection; what it was answered, and when.
async fn hammer(address: SocketAddr, until: Instant) -> Vec<(Instant, u16)> {
    let (mut client, mut answers) = (Client::connect(address).await, Vec::new());
    while now() < until {
        client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let status = client.answer().await.status;
        answers.push((now(), status));
    }
    answers
}

/// Seconds without an answer: a machine that was busy elsewhere asked for nothing meanwhile. Short gaps are the ordinary pace.
fn silent(begun: Instant, answers: &mut [(Instant, u16)]) -> f64 {
    answers.sort_unstable();
    let moments = std::iter::once(begun).chain(answers.iter().map(|(at, _)| *at));
    let gaps = moments.zip(answers.iter().map(|(at, _)| *at)).map(|(one, next)| (next - one).as_secs_f64());
    gaps.filter(|gap| *gap > 0.1).sum()
}

#[allow(clippy::disallowed_methods, reason = "a rate over real time is measured by the real clock")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_burst_and_the_rate_come_in_and_no_more() {
    for by in ["client", "route"] {
        let yaml =
            format!("routes: [{{ respond: {{}}, rate_limit: {{ requests: 100, per: 1s, burst: 50, by: {by} }} }}]\n");
        let gateway = PULSEGATE.start(&yaml).await;
        let begun = now();
        let mut all = JoinSet::new();
        for _ in 0..8 {
            all.spawn(hammer(gateway.address, begun + Duration::from_secs(3)));
        }
        let mut answers: Vec<_> = all.join_all().await.into_iter().flatten().collect();
        let (took, silent) = (begun.elapsed().as_secs_f64(), silent(begun, &mut answers));
        let of = |status| answers.iter().filter(|(_, was)| *was == status).count() as f64;
        let (came, most) = (of(200), 50.0 + 100.0 * took);
        let least = (most - 100.0 * silent) * 0.9;
        assert!(came <= most + 1.0 && came >= least, "{by}: {came} of {least} to {most} in {took} s");
        assert!(of(429) > 0.0, "the limit was never met");
    }
}

#[tokio::test]
async fn counts_outlive_a_reload_that_leaves_the_limit() {
    let yaml = |limit: &str, body: &str| {
        format!(
            "reload: {{ watch: true }}\nroutes: [{{ name: x, respond: {{ body: {body} }}, rate_limit: {{ {limit} }} }}, {{ name: y, match: {{ path: /y }}, respond: {{ body: {body} }} }}]\n"
        )
    };
    let gateway = PULSEGATE.start(&yaml("requests: 2, per: 1h", "one")).await;
    for status in [200, 200, 429] {
        assert_eq!(ask(&gateway, "/x", "").await.status, status);
    }
    let reloaded = async |body: &str| {
        eventually(&format!("{body} is in force"), async || ask(&gateway, "/y", "").await.text() == body).await;
    };
    gateway.write(&yaml("requests: 2, per: 1h", "two"));
    reloaded("two").await;
    assert_eq!(ask(&gateway, "/x", "").await.status, 429, "the same limit");
    gateway.write(&yaml("requests: 3, per: 1h", "three"));
    reloaded("three").await;
    for status in [200, 200, 200, 429] {
        assert_eq!(ask(&gateway, "/x", "").await.status, status, "another limit begins anew");
    }
}
