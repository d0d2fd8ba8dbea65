//! Can what the gateway says in `/metrics` be read? By promtool, which knows the conventions, and by a Prometheus that shows its token and
//! stores what it got.
//!
//! The gateway has everything that has metrics: TLS, routes that mirror and hedge, a webhook whose receiver hangs, a trace collector that is
//! gone, probes that fail for good, orders; and backends that name their components to break a format.

use super::PULSEGATE;
use super::prometheus::Prometheus;
use super::{promtool, story};
use pulsegate::telemetry::table;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Raw, Step, ok, send};
use support::tls::self_signed;
use support::{eventually, free_address};
use tempfile::TempDir;

const TOKEN: &str = "sixteen-characters-and-more";

/// A component as its backend writes it in JSON.
const ODD: &str = r#"a \"quoted\\ name\",\nwith} a{ line=\"end"#;

/// What need not have a series here, and why.
const ABSENT: [(&str, &str); 6] = [
    ("pulsegate_discovery_failures_total", "no source of backends fails"),
    ("pulsegate_pool_held_total", "no pool falls together"),
    ("pulsegate_probe_timeouts_held_total", "no probe times out"),
    ("pulsegate_restarts_seen_total", "nobody says who it is"),
    ("pulsegate_would_eject_total", "every detector enforces"),
    ("pulsegate_pool_emptied_total", "no pool is emptied"),
];

/// `/ready` is a document, `/alive` fails where `dead`, the rest fails where `broken`.
async fn backend(dead: bool, broken: bool) -> Raw {
    Raw::start_with_ready(move |request, _| match request.split(' ').nth(1).unwrap_or_default() {
        "/ready" => {
            let entries = format!(r#""{ODD}": {{"status": "UP"}}, "database": {{"status": "DOWN"}}"#);
            vec![ok(&format!(r#"{{"status": "UP", "components": {{{entries}}}}}"#))]
        }
        "/alive" if dead => vec![Step::Close],
        "/alive" => vec![ok("alive")],
        _ if broken => vec![send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")],
        _ => vec![Step::Wait(Duration::from_millis(5)), ok("fine")],
    })
    .await
}

struct World {
    gateway: Gateway,
    /// Its listener with TLS.
    secure: SocketAddr,
    _backends: Vec<Raw>,
    _folder: TempDir,
}

async fn world() -> World {
    let folder = TempDir::new().unwrap();
    self_signed(&["shop.example.com"], |_| {}).write(folder.path(), "shop");
    fs::write(folder.path().join("token"), TOKEN).unwrap();
    let mut backends = Vec::new();
    for (dead, broken) in [(false, false), (false, false), (false, true), (true, false)] {
        backends.push(backend(dead, broken).await);
    }
    backends.push(Raw::start(|_, _| vec![Step::Hang]).await);
    let [first, second, broken, dead, hook] = [0, 1, 2, 3, 4].map(|n| backends[n].address);
    let (gone, secure) = (free_address(), free_address());
    let yaml = format!(
        r#"
routes:
  - name: "orders \"all\" \\ of them"
    match: {{ path: /orders }}
    upstream: orders
    mirror: {{ upstream: shadow }}
    hedge: 1ms
  - {{ match: {{ path: /alone }}, upstream: alone, shield_health: true }}
  - {{ match: {{ path: /ready }}, upstream: alone, shield_health: true }}
  - {{ match: {{ path: /nobody }}, respond: {{ status: 200 }}, deny: ["127.0.0.1"] }}
  - {{ match: {{ path: /seldom }}, respond: {{ status: 200 }}, rate_limit: {{ requests: 1, per: 1h, burst: 1 }} }}
  - {{ match: {{ path: /counted }}, respond: {{ status: 200 }}, rate_limit: {{ requests: 1, per: 1h, burst: 1, enforce: false }} }}
upstreams:
  orders:
    backends: ["{first}", "{second}", "{broken}", "{dead}"]
    readiness: {{ path: /ready, period: 1s, fast_period: 200ms }}
    liveness: {{ path: /alive, period: 1s, failure_threshold: 1, on_failure: {{ webhook: owner }} }}
    limits: {{ requests_per_backend: 10, queue: 10 }}
  alone:
    backends: ["{broken}"]
    readiness: {{ path: /ready, period: 1s }}
  shadow:
    backends: ["{first}"]
    readiness: {{ path: /ready, period: 1s }}
webhooks:
  owner: {{ url: "http://{hook}/restart", timeout: 300ms, attempts: 1 }}
tracing: {{ otlp: {{ endpoint: "http://{gone}" }}, ratio: 100% }}
"#
    );
    let tls = format!(
        "  - name: secure\n    address: \"{secure}\"\n    tls: {{ certificate: {0}/shop.crt, key: {0}/shop.key }}",
        folder.path().display()
    );
    let keys = format!(", tokens: [{{ name: prometheus, file: {}/token }}]", folder.path().display());
    let gateway = PULSEGATE.start_guarded_with(&yaml, &tls, &keys, TOKEN).await;
    World { gateway, secure, _backends: backends, _folder: folder }
}

/// Requests that go well, fail and are answered by the gateway, connections that are refused, and an order.
async fn traffic(world: &World) {
    let mut client = Client::connect(world.gateway.address).await;
    for _ in 0..20 {
        client.get("/orders").await;
        client.send("POST /alone HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi").await;
        client.answer().await;
    }
    for path in ["/nowhere", "/ready", "/nobody", "/seldom", "/seldom", "/counted", "/counted"] {
        client.get(path).await;
    }
    let mut plain = Client::connect(world.secure).await;
    plain.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    plain.ended().await;
    world.gateway.post("/reload", "").await;
}

async fn exposition(gateway: &Gateway) -> String {
    let answer = gateway.get("/metrics").await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn families(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_and_prometheus_read_everything_that_has_metrics() {
    let world = world().await;
    let gateway = &world.gateway;
    let wanted: Vec<&str> = table::ALL.iter().map(|metric| metric.name).collect();
    let missing = |text: &str| -> Vec<String> {
        let found = families(text);
        let absent = |name: &&&str| !found.contains(*name) && !ABSENT.iter().any(|(known, _)| *known == **name);
        wanted.iter().filter(absent).map(|name| (*name).to_owned()).collect()
    };
    let mut left = Vec::new();
    eventually("every metric has a series", async || {
        traffic(&world).await;
        let now = missing(&exposition(gateway).await);
        if now != left {
            eprintln!("without a series: {now:?}");
            left = now;
        }
        left.is_empty()
    })
    .await;

    promtool(&["check", "metrics"], &exposition(gateway).await).unwrap();

    let folder = story::configured(gateway.admin, TOKEN);
    let prometheus = Prometheus::start(folder).await;
    eventually("it is scraped", async || prometheus.scrapes().await).await;
    let components = prometheus.values_of("component").await;
    let odd: String = serde_json::from_str(&format!("\"{ODD}\"")).unwrap();
    assert!(components.contains(&"database".to_owned()), "{components:?}");
    assert!(components.iter().any(|found| same(found, &odd)), "{components:?}");
    let routes = prometheus.values_of("route").await;
    assert!(routes.contains(&r#"orders "all" \ of them"#.to_owned()), "{routes:?}");
}

/// What a backend says is kept to one line; else a name is as it was.
fn same(found: &str, said: &str) -> bool {
    found == said.replace('\n', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_token_prometheus_learns_nothing() {
    let world = world().await;
    let prometheus = Prometheus::start(story::configured(world.gateway.admin, "another-token-altogether")).await;
    eventually("the scrape was refused", async || {
        let targets = prometheus.api("targets?state=active").await.unwrap();
        targets["activeTargets"][0]["lastError"].as_str().is_some_and(|error| error.contains("401"))
    })
    .await;
}
