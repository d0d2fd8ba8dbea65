//! Do the metrics tell what happened, and in the format that was asked for? From the admin listener of a real gateway, and in a real Prometheus.

use super::PULSEGATE;
use super::{pool, pool_with};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::h2::H2Backend;
use support::needs::tool;
use support::raw::{Gate, Raw, Step, ok, send};
use support::{eventually, free_address, pause};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The value of a series of `pool`; 0 where it is not there.
async fn of_pool(gateway: &Gateway, name: &str, labels: &str) -> f64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let series = format!("pulsegate_{name}{{{labels}upstream=\"pool\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or_default()
}

/// What `/metrics` answers to somebody who accepts this: the head as text and the bytes behind it.
async fn scrape(gateway: &Gateway, accept: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(gateway.admin).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer.split_off(end))
}

#[tokio::test]
async fn the_scraper_chooses_the_format() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    Client::connect(gateway.address).await.get("/").await;
    let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    for (accept, content_type) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (protobuf, "application/vnd.google.protobuf; proto=io.prometheus.client.metricfamily; encoding=delimited"),
    ] {
        let (head, body) = scrape(&gateway, accept).await;
        assert!(head.contains(&format!("content-type: {content_type}\r\n")), "{head}");
        assert_eq!(body.ends_with(b"# EOF\n"), accept.contains("openmetrics"), "{accept}");
    }
}

/// A reload gives the route and the listener other names, while a request of both is under way.
#[tokio::test]
async fn series_of_what_a_reload_removed_are_gone_and_nobody_who_is_late_brings_them_back() {
    let backend = Raw::start(|_, _| vec![Step::Wait(Duration::from_secs(1)), ok("late")]).await;
    let yaml = pool(&[backend.address]).replace("{ upstream: pool }", "{ name: old, upstream: pool }");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "late");
    let of_old = async || {
        let metrics = gateway.get("/metrics").await.unwrap();
        let old = |line: &&str| line.contains(r#"route="old""#) || line.contains(r#"listener="test""#);
        metrics.lines().filter(old).map(str::to_owned).collect::<Vec<_>>()
    };
    // A request is counted behind its answer.
    for family in ["connections{", "connections_accepted_total{", "requests_total{", "request_duration_seconds_sum{"] {
        let name = format!("pulsegate_{family}");
        eventually(family, async || of_old().await.iter().any(|line| line.starts_with(&name))).await;
    }
    let renamed = async {
        pause(Duration::from_millis(300)).await;
        let config = gateway.folder().join("pulsegate.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace("name: test", "name: moved").replace("name: old", "name: new")).unwrap();
        gateway.signal(Signal::SIGHUP);
        eventually("it is reloaded", async || gateway.json("/status").await["last_reload"]["applied"] == true).await;
        assert_eq!(of_old().await, [""; 0]);
    };
    let (answer, ()) = tokio::join!(client.get("/"), renamed);
    assert_eq!(answer.text(), "late");
    let mut other = Client::connect(gateway.address).await;
    assert_eq!(other.get("/").await.text(), "late");
    eventually("it is counted where it belongs", async || {
        of_pool(&gateway, "request_duration_seconds_count", "route=\"new\",").await == 1.0
            && gateway.get("/metrics").await.unwrap().contains("pulsegate_connections{listener=\"moved\"} 1")
    })
    .await;
    drop(client);
    assert_eq!(of_old().await, [""; 0]);
}

#[tokio::test]
async fn overhead_is_not_what_the_gateway_waits_for() {
    let backend = Raw::start(|_, _| vec![Step::Wait(Duration::from_millis(300)), ok("late")]).await;
    let yaml = pool(&[backend.address]).replace("{ upstream: pool }", "{ name: home, upstream: pool }");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "late");
    }
    eventually("they are counted", async || of_pool(&gateway, "overhead_seconds_count", "").await == 3.0).await;
    let (added, waited) = (
        of_pool(&gateway, "overhead_seconds_sum", "").await,
        of_pool(&gateway, "upstream_response_seconds_sum", "").await,
    );
    // What the three took in all, however long that was on this machine, is either ours or the backend's.
    let whole = of_pool(&gateway, "request_duration_seconds_sum", "route=\"home\",").await;
    assert!(waited >= 0.9, "{waited} s waited for backends");
    assert!(added > 0.0 && added <= whole - 0.9, "{added} s added to three requests that took {whole} s");
    assert_eq!(of_pool(&gateway, "request_duration_seconds_count", "route=\"home\",").await, 3.0);
}

#[tokio::test]
async fn requests_that_are_saved_and_requests_that_are_not() {
    let failing = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&failing);
    let sick = Raw::start(move |_, _| {
        let failed = vec![send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")];
        if switch.load(Ordering::Relaxed) { failed } else { vec![ok("well")] }
    })
    .await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let more = "    balance: { policy: round_robin }\n    passive: { base_ejection: 60s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[sick.address, well.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.status, 200);
    }
    let saved = async |by: &str| of_pool(&gateway, "saved_requests_total", &format!("by=\"{by}\",")).await;
    assert_eq!((saved("retry").await, saved("ejection").await), (0.0, 0.0), "nobody was in danger");

    failing.store(true, Ordering::Relaxed);
    let address = sick.address.to_string();
    let mut seen_to_fail = 0.0;
    eventually("it is ejected", async || {
        // A GET is tried again; a POST that a backend has got is not, and its client sees the 503.
        assert_eq!(client.get("/").await.status, 200);
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        seen_to_fail += f64::from(u8::from(client.answer().await.status == 503));
        gateway.standing_of(&address).await == "ejected"
    })
    .await;
    let retried = of_pool(&gateway, "retries_total", "reason=\"bad_status\",").await;
    assert_eq!(saved("retry").await, retried);
    assert_eq!(of_pool(&gateway, "detection_failed_requests_total", "").await, seen_to_fail);
    assert!(retried + seen_to_fail >= 5.0, "{retried} retries, {seen_to_fail} seen to fail");
    assert_eq!(of_pool(&gateway, "ejections_total", "cause=\"consecutive_failures\",").await, 1.0);
    assert_eq!(of_pool(&gateway, "attempts_total", "result=\"bad_status\",").await, retried + seen_to_fail);

    let before = saved("ejection").await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.status, 200);
    }
    eventually("half of four requests would have gone there", async || saved("ejection").await == before + 2.0).await;
}

#[tokio::test]
async fn probes_are_counted_by_what_they_came_to() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let nobody = free_address();
    let more = "    liveness: { tcp: true, period: 200ms, fast_period: 100ms, timeout: 10s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[well.address, nobody], more)).await;
    for (probe, result) in
        [("readiness", "passed"), ("readiness", "refused"), ("liveness", "passed"), ("liveness", "refused")]
    {
        let labels = format!("probe=\"{probe}\",result=\"{result}\",");
        eventually(&labels, async || of_pool(&gateway, "probes_total", &labels).await >= 1.0).await;
    }
    assert!(of_pool(&gateway, "probe_duration_seconds_count", "probe=\"readiness\",").await >= 2.0);
    let since = format!("backend=\"{nobody}\",");
    let at = of_pool(&gateway, "backend_last_transition_timestamp_seconds", &since).await;
    assert!(at > 1.7e9, "{at} is no Unix time of these years");
}

/// Connections to backends that carry requests, and those that wait.
async fn connections(gateway: &Gateway) -> (f64, f64) {
    let of = async |state: &str| of_pool(gateway, "upstream_connections", &format!("state=\"{state}\",")).await;
    (of("active").await, of("idle").await)
}

#[tokio::test]
async fn connections_to_backends_are_active_then_idle_then_gone() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |_, _| vec![Step::Until(held.clone()), ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    idle_timeout: 4s\n")).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(client);
    }
    eventually("all are active", async || connections(&gateway).await == (3.0, 0.0)).await;
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    eventually("all are idle", async || connections(&gateway).await == (0.0, 3.0)).await;
    eventually("they were kept long enough", async || connections(&gateway).await == (0.0, 0.0)).await;
}

#[tokio::test]
async fn a_shared_connection_is_active_while_it_has_streams() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = H2Backend::start(move |call| {
        let held = held.clone();
        async move {
            held.opened().await;
            call.answer("hello");
        }
    })
    .await;
    let yaml = pool_with(&[backend.address], "    protocol: http2\n    idle_timeout: 60s\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(client);
    }
    eventually("one carries both", async || connections(&gateway).await == (1.0, 0.0)).await;
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    eventually("it waits", async || connections(&gateway).await == (0.0, 1.0)).await;
    drop(backend);
    eventually("it has ended", async || connections(&gateway).await == (0.0, 0.0)).await;
}

#[tokio::test]
async fn requests_that_wait_for_room_are_counted() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |_, _| vec![Step::Until(held.clone()), ok("hello")]).await;
    let limits = "    limits: { requests_per_backend: 1, queue: 5, queue_timeout: 60s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], limits)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(client);
    }
    eventually("two wait", async || of_pool(&gateway, "queue_requests", "").await == 2.0).await;
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(of_pool(&gateway, "queue_requests", "").await, 0.0);
}

/// A Prometheus that asks one gateway; ended with its test.
struct Prometheus {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    fn asks(target: SocketAddr) -> Self {
        let (folder, address) = (TempDir::new().unwrap(), free_address());
        let file = folder.path().join("prometheus.yml");
        let yaml = format!(
            "global: {{ scrape_interval: 500ms }}\nscrape_configs:\n- job_name: pulsegate\n  static_configs: [{{ targets: [\"{target}\"] }}]\n"
        );
        std::fs::write(&file, yaml).unwrap();
        let process = Command::new(tool("PROMETHEUS"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=native-histograms")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { address, process, _folder: folder }
    }

    /// The only value that a query comes to.
    async fn value(&self, query: &str) -> Option<f64> {
        let query = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        body["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[tokio::test]
async fn prometheus_takes_native_histograms_and_knows_their_quantiles() {
    let backend = Raw::start(|_, _| vec![Step::Wait(Duration::from_millis(40)), ok("hello")]).await;
    let gateway = PULSEGATE.start(&(pool(&[backend.address]) + "metrics: { native_histograms: true }\n")).await;
    let prometheus = Prometheus::asks(gateway.admin);
    let mut client = Client::connect(gateway.address).await;
    // Without `le`: only a native histogram has a quantile by this query.
    let query = "histogram_quantile(0.9, rate(pulsegate_request_duration_seconds{upstream=\"pool\"}[1m]))";
    let mut quantile = f64::NAN;
    eventually("the quantile of a native histogram is known", async || {
        for _ in 0..5 {
            assert_eq!(client.get("/").await.status, 200);
        }
        quantile = prometheus.value(query).await.unwrap_or(f64::NAN);
        quantile.is_finite()
    })
    .await;
    // 40 ms, to a bucket of 9 % and what a busy machine adds.
    assert!((0.036..0.4).contains(&quantile), "{quantile}");
    assert_eq!(prometheus.value("up").await, Some(1.0));
}
