//! Which way did a request go? Traces of the running gateway, as a real OTLP receiver reads them (the official messages, over HTTP and
//! gRPC), and what happens where nobody receives them.

use super::PULSEGATE;
use super::pool_with;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::needs::tool;
use support::raw::{Raw, ok, send};
use support::tls::Authority;
use support::{eventually, free_address};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// The client may decide what is recorded.
const TRUSTING: &str = "    trusted_proxies: [127.0.0.1]";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector, in Python.
struct Collector {
    address: SocketAddr,
    file: PathBuf,
    _folder: TempDir,
    _process: Child,
}

impl Collector {
    async fn start(protocol: &str, refusals: usize) -> Self {
        Self::start_with(protocol, refusals, &[]).await
    }

    /// `secured`: its certificate and key, for TLS.
    async fn start_with(protocol: &str, refusals: usize, secured: &[PathBuf]) -> Self {
        let folder = TempDir::new().unwrap();
        let (address, file) = (free_address(), folder.path().join("spans"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/collector.py");
        let process = Command::new(tool("PYTHON"))
            .arg(script)
            .args([protocol, &address.port().to_string()])
            .arg(&file)
            .args(["refuse", &refusals.to_string()])
            .args(secured)
            .env("PYTHONPATH", tool("PYTHONPATH"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("the collector listens", async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, file, _folder: folder, _process: process }
    }

    fn spans(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn received(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} spans at the collector"), async || self.spans().len() >= count).await;
        self.spans()
    }

    fn yaml(&self, protocol: &str, more: &str) -> String {
        tracing(self.address, protocol, more)
    }
}

fn tracing(address: SocketAddr, protocol: &str, more: &str) -> String {
    format!(
        "tracing: {{ otlp: {{ endpoint: \"http://{address}\", protocol: {protocol}, headers: {{ x-key: t0p }} }}{more} }}\n"
    )
}

/// One that fails and one that answers, asked in turn.
async fn pair() -> (Raw, Raw, String) {
    let bad = Raw::start(|_, _| vec![send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")]).await;
    let good = Raw::start(|_, _| vec![ok("good")]).await;
    let more = "    passive: { consecutive_failures: 0 }\n    balance: { policy: round_robin }\n";
    let yaml = pool_with(&[bad.address, good.address], more);
    (bad, good, yaml)
}

async fn get(gateway: &Gateway, path: &str, headers: &str) -> String {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{headers}\r\n")).await;
    client.answer().await.text()
}

/// What the backend was told in this header, of requests for `path`.
fn told(backend: &Raw, path: &str, name: &str) -> Vec<String> {
    let requests = backend.seen().into_iter().filter(|seen| seen.starts_with(&format!("GET {path} ")));
    let field = |line: &str| {
        line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    requests.flat_map(|seen| seen.lines().filter_map(field).collect::<Vec<_>>()).collect()
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(-1.0)
}

async fn two_attempts_are_seen(protocol: &str) {
    let collector = Collector::start(protocol, 1).await;
    let (bad, good, yaml) = pair().await;
    let gateway = PULSEGATE.start_with(&(yaml + &collector.yaml(protocol, ", ratio: 0%")), TRUSTING).await;
    // Asked in turn: at least one of two requests begins with the bad one. The first export is refused for the moment.
    for path in ["/0?token=t0p", "/1?token=t0p"] {
        let headers = format!("traceparent: {PARENT}\r\ntracestate: a=1,b=2\r\n");
        assert_eq!(get(&gateway, path, &headers).await, "good");
    }
    let spans = collector.received(5).await;
    assert!(spans.iter().all(|span| span["trace"] == TRACE && span["resource"]["service.name"] == "pulsegate"));
    assert!(spans.iter().all(|span| span["metadata"].to_string().contains(r#""x-key":"t0p""#)));
    let server = spans.iter().find(|span| span["attributes"]["pulsegate.attempts"] == 2).expect("a request");
    let first = spans.iter().find(|span| span["parent"] == server["span"] && span["status"] == 2);
    let first = first.expect("a failed attempt");
    let path = format!("{}?token=t0p", server["attributes"]["url.path"].as_str().unwrap());
    let second =
        spans.iter().find(|span| span["parent"] == server["span"] && span["span"] != first["span"]).expect("the other");

    assert_eq!((&server["kind"], &server["parent"]), (&2.into(), &"b7ad6b7169203331".into()));
    assert_eq!(server["attributes"]["http.response.status_code"], 200);
    assert_eq!(server["attributes"]["url.query"], "token=REDACTED");
    assert_eq!(first["attributes"]["pulsegate.backend"], bad.address.to_string());
    assert_eq!(first["attributes"]["http.response.status_code"], 503);
    assert_eq!((&second["kind"], &second["status"]), (&3.into(), &0.into()));
    assert_eq!(second["attributes"]["pulsegate.backend"], good.address.to_string());
    assert_eq!(second["attributes"]["http.request.resend_count"], 1);
    let at = |span: &Value, key: &str| span[key].as_u64().unwrap();
    assert!(at(server, "start") <= at(first, "start") && at(first, "end") <= at(second, "start"));
    assert!(at(second, "end") <= at(server, "end"));

    // Each backend was told the span of its own attempt.
    let name = |span: &Value| format!("00-{TRACE}-{}-01", span["span"].as_str().unwrap());
    assert_eq!(told(&bad, &path, "traceparent"), [name(first)]);
    assert!(told(&good, &path, "traceparent").contains(&name(second)));
    assert_eq!(told(&good, &path, "tracestate"), ["a=1,b=2"]);
    let count = spans.len() as f64;
    eventually("they are counted", async || metric(&gateway, "pulsegate_trace_spans_exported_total").await >= count)
        .await;
    gateway.says("attempts=2").await;
    let line = gateway.output().lines().find(|line| line.contains("attempts=2")).map(str::to_owned).unwrap_or_default();
    assert!(line.contains(&format!("trace_id={TRACE}")), "{line}");
}

#[tokio::test]
async fn a_trace_through_two_attempts_shows_both_over_http() {
    two_attempts_are_seen("http").await;
}

#[tokio::test]
async fn a_trace_through_two_attempts_shows_both_over_grpc() {
    two_attempts_are_seen("grpc").await;
}

#[tokio::test]
async fn a_trace_that_is_not_recorded_goes_on_as_it_came_and_one_without_a_parent_begins_anew() {
    let collector = Collector::start("http", 0).await;
    let backend = Raw::start(|_, _| vec![ok("x")]).await;
    let yaml = pool_with(&[backend.address], "") + &collector.yaml("http", ", ratio: 0%");
    let gateway = PULSEGATE.start_with(&yaml, TRUSTING).await;
    let unsampled = PARENT.replace("-01", "-00");
    for (path, headers) in [
        ("/unsampled", format!("traceparent: {unsampled}\r\ntracestate: a=1\r\n")),
        ("/none", "tracestate: a=1\r\n".to_owned()),
        ("/upper", format!("traceparent: {}\r\ntracestate: a=1\r\n", PARENT.to_uppercase())),
        ("/twice", format!("traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\n")),
        ("/recorded", format!("traceparent: {PARENT}\r\n")),
    ] {
        get(&gateway, path, &headers).await;
    }
    assert_eq!(told(&backend, "/unsampled", "traceparent"), [unsampled]);
    assert_eq!(told(&backend, "/unsampled", "tracestate"), ["a=1"]);
    for path in ["/none", "/upper", "/twice"] {
        let told_parent = told(&backend, path, "traceparent");
        let [new] = told_parent.as_slice() else { panic!("{path}: {told_parent:?}") };
        assert!(new.len() == 55 && new.starts_with("00-") && new.ends_with("-02"), "{path}: {new}");
        assert!(!new.to_lowercase().contains(TRACE), "{path}: {new}");
        assert_eq!(told(&backend, path, "tracestate"), [""; 0], "{path}");
    }
    let spans = collector.received(2).await;
    assert!(spans.len() == 2 && spans.iter().all(|span| span["trace"] == TRACE), "{spans:#?}");
}

#[tokio::test]
async fn without_tracing_both_headers_pass_as_they_came() {
    let backend = Raw::start(|_, _| vec![ok("x")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "")).await;
    get(&gateway, "/x", "traceparent: nonsense\r\ntracestate: a=1\r\n").await;
    assert_eq!(told(&backend, "/x", "traceparent"), ["nonsense"]);
    assert_eq!(told(&backend, "/x", "tracestate"), ["a=1"]);
    get(&gateway, "/none", "").await;
    assert_eq!(told(&backend, "/none", "traceparent"), [""; 0]);
}

#[tokio::test]
async fn the_last_spans_leave_with_the_process_and_a_reload_begins_and_ends_it() {
    let collector = Collector::start("http", 0).await;
    let plain = "routes: [{ name: hello, respond: { body: ok } }]\n";
    let mut gateway = PULSEGATE.start(plain).await;
    assert_eq!(get(&gateway, "/before", "").await, "ok");
    gateway.reload(&(plain.to_owned() + &collector.yaml("http", ", ratio: 100%, service: edge"))).await;
    assert_eq!(get(&gateway, "/traced", "").await, "ok");
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
    let spans = collector.spans();
    assert!(spans.len() == 1 && spans[0]["name"] == "GET hello", "{spans:#?}");
    assert_eq!((&spans[0]["resource"]["service.name"], &spans[0]["parent"]), (&"edge".into(), &"".into()));
}

#[tokio::test]
async fn probes_are_traced_only_when_asked_and_the_backend_is_told() {
    let collector = Collector::start("http", 0).await;
    let backend = Raw::start(|_, _| vec![send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    readiness: {{ path: /health, fast_period: 100ms }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start(&(yaml.clone() + &collector.yaml("http", ", ratio: 100%"))).await;
    eventually("it is probed", async || backend.seen().iter().any(|seen| seen.starts_with("GET /health "))).await;
    assert_eq!(told(&backend, "/health", "traceparent"), [""; 0], "nobody asked");
    gateway.reload(&(yaml + &collector.yaml("http", ", ratio: 0%, probes: 100%"))).await;
    let spans = collector.received(1).await;
    let span = spans.iter().find(|span| span["name"] == "probe readiness").expect("a probe");
    for (key, expected) in [
        ("pulsegate.verdict", "status".into()),
        ("pulsegate.probe", "readiness".into()),
        ("pulsegate.backend", backend.address.to_string().into()),
        ("http.response.status_code", 503.into()),
        ("url.path", "/health".into()),
        ("error.type", Value::from("status")),
    ] {
        assert_eq!(span["attributes"][key], expected, "{key}");
    }
    assert_eq!((&span["kind"], &span["parent"], &span["status"]), (&3.into(), &"".into(), &2.into()));
    let ours = format!("00-{}-{}-03", span["trace"].as_str().unwrap(), span["span"].as_str().unwrap());
    assert!(told(&backend, "/health", "traceparent").contains(&ours), "{ours}");
}

async fn over_tls(protocol: &str) {
    let folder = TempDir::new().unwrap();
    let authority = Authority::generate();
    authority.signs(&["127.0.0.1"]).write(folder.path(), "collector");
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    let secured = ["collector.crt", "collector.key"].map(|name| folder.path().join(name));
    let collector = Collector::start_with(protocol, 0, &secured).await;
    let plain = "routes: [{ name: hello, respond: { body: ok } }]\n";
    let ca = folder.path().join("ca.pem");
    let yaml = format!(
        "tracing: {{ otlp: {{ endpoint: \"https://{}\", protocol: {protocol}, ca: {ca:?} }}, ratio: 100% }}\n",
        collector.address
    );
    let gateway = PULSEGATE.start(&(plain.to_owned() + &yaml)).await;
    assert_eq!(get(&gateway, "/x", "").await, "ok");
    assert_eq!(collector.received(1).await[0]["name"], "GET hello", "{}", gateway.output());
}

#[tokio::test]
async fn a_collector_may_speak_tls_over_http() {
    over_tls("http").await;
}

#[tokio::test]
async fn a_collector_may_speak_tls_over_grpc() {
    over_tls("grpc").await;
}

/// Asks a gateway that traces, and in turn one that does not: what the usual request takes at either.
#[allow(clippy::disallowed_methods, reason = "what the machine costs both is measured by the real clock")]
async fn usual(gateway: &Gateway, count: usize) -> [Duration; 2] {
    let plain = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let mut clients = [Client::connect(gateway.address).await, Client::connect(plain.address).await];
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..count {
        for (client, took) in clients.iter_mut().zip(&mut took) {
            let begun = Instant::now();
            assert_eq!(client.get("/x").await.status, 200);
            took.push(begun.elapsed());
        }
    }
    took.map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2]
    })
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_spans_and_is_said_once() {
    let yaml = "routes: [{ respond: { body: ok } }]\n".to_owned() + &tracing(free_address(), "grpc", ", ratio: 100%");
    let gateway = PULSEGATE.start(&yaml).await;
    let [traced, plain] = usual(&gateway, 300).await;
    assert!(traced < plain * 10, "{traced:?}, and {plain:?} where nothing is traced");
    let lost = r#"pulsegate_trace_spans_dropped_total{reason="not_exported"}"#;
    eventually("all spans are counted as dropped", async || metric(&gateway, lost).await >= 300.0).await;
    assert_eq!(metric(&gateway, "pulsegate_trace_spans_waiting").await, 0.0);
    gateway.says("the trace collector takes no spans").await;
    assert_eq!(gateway.output().matches("the trace collector takes no spans").count(), 1);
    assert!(!gateway.output().contains("t0p"), "the key is not told");
}

#[tokio::test]
async fn a_collector_that_hangs_holds_nobody_up_and_the_process_leaves() {
    let hung = StdListener::bind("127.0.0.1:0").unwrap();
    let yaml = "routes: [{ respond: { body: ok } }]\n".to_owned()
        + &tracing(hung.local_addr().unwrap(), "http", ", ratio: 100%");
    let mut gateway = PULSEGATE.start(&yaml).await;
    let [traced, plain] = usual(&gateway, 4000).await;
    assert!(traced < plain * 10, "{traced:?}, and {plain:?} where nothing is traced");
    let full = r#"pulsegate_trace_spans_dropped_total{reason="queue_full"}"#;
    assert!(metric(&gateway, full).await > 0.0, "beyond the queue they are dropped");
    assert!(metric(&gateway, "pulsegate_trace_spans_waiting").await <= 2048.0);
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
}
