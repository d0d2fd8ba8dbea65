//! The admin listener in front of a real board: what the probes said is what operators, load balancers and Prometheus read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops here, and one is of panics")]

use arc_swap::ArcSwap;
use pulsegate::admin::{AdminState, Callers, Phase, ReloadState, serve};
use pulsegate::clock::Clock;
use pulsegate::control::{Handle, Prober, spawn};
use pulsegate::telemetry::Telemetry;
use pulsegate_core::base::identity::Address;
use pulsegate_core::board::{Handover, Input, ProbeJob, ProbeTicket};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:8080 }]
routes: [{ name: orders, upstream: orders }]
upstreams:
  orders:
    backends: [127.0.0.1:9001, 127.0.0.1:9002]
    readiness: { path: /ready, period: 1h }
";

/// Answers every probe at once: 200 on port 9001, 503 elsewhere.
struct Scripted;

impl Prober for Scripted {
    fn start(&mut self, job: ProbeJob, handle: &Handle) {
        let fit = matches!(&job.backend.address, Address::Socket(address) if address.port() == 9001);
        let result = ReadingResult::status(if fit { 200 } else { 503 });
        let reading = Reading::new(result, Duration::from_millis(3));
        handle.send(Input::ProbeDone { ticket: job.ticket, reading });
    }

    fn cancel(&mut self, _ticket: ProbeTicket) {}
}

struct Gateway {
    address: SocketAddr,
    handle: Handle,
    _phase: watch::Sender<Phase>,
    _reload: watch::Sender<ReloadState>,
    _stop: watch::Sender<bool>,
}

async fn start() -> Gateway {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pulsegate.yaml");
    std::fs::write(&file, CONFIG).unwrap();
    let plan = Arc::new(pulsegate::config::load(&file).unwrap().plan);

    let clock = Clock::start();
    let telemetry = Telemetry::new(plan.logging.access.as_ref(), clock, None);
    telemetry.life.begin(&plan, Vec::new());
    let handle =
        spawn(&Runtime::current(), Handover::default(), plan.clone(), 7, clock, Scripted, telemetry.board.clone());
    let (phase, phases) = watch::channel(Phase::Serving);
    let (reload, reloads) = watch::channel(ReloadState::default());
    let (stop, stops) = watch::channel(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let state = AdminState {
        handle: handle.clone(),
        telemetry: telemetry.operators.clone(),
        phase: phases,
        reload: reloads,
        callers: Arc::new(ArcSwap::from_pointee(Callers::read(&plan.admin).unwrap())),
        secure: Arc::default(),
        reloads: None,
    };
    tokio::spawn(serve(listener, state, stops));
    Gateway { address, handle, _phase: phase, _reload: reload, _stop: stop }
}

impl Gateway {
    async fn first_round(&self) {
        let mut generation = self.handle.generation();
        let round = async {
            while !self.handle.snapshot().first_round_done {
                generation.changed().await.unwrap();
            }
        };
        timeout(Duration::from_secs(60), round).await.unwrap();
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn document(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

#[tokio::test]
async fn operators_read_what_the_probes_said() {
    let gateway = start().await;
    gateway.first_round().await;

    let health = gateway.document("/health").await;
    assert_eq!(health["status"], "DEGRADED", "{health:#}");
    let pool = &health["components"]["orders"];
    assert_eq!(pool["message"], "1 of 2 eligible");
    assert_eq!(pool["components"]["127.0.0.1:9001"]["status"], "UP");
    assert_eq!(pool["components"]["127.0.0.1:9002"]["status"], "DOWN");

    let orders = gateway.document("/upstreams/orders").await;
    let out = &orders["backends"][1];
    assert_eq!(out["address"], "127.0.0.1:9002", "{orders:#}");
    assert_eq!(out["standing"], "not_ready");
    assert_eq!(out["last_probe"]["code"], 503);
    assert!(out["why"].as_str().unwrap().contains("503"), "{out:#}");
    assert_eq!(out["history"][0]["details"]["to"], "not_ready", "{out:#}");
}

#[tokio::test]
async fn metrics_agree_with_the_pages() {
    let gateway = start().await;
    gateway.first_round().await;
    let text = gateway.get("/metrics").await;
    for line in [
        r#"pulsegate_backend_eligible{backend="127.0.0.1:9001",upstream="orders"} 1"#,
        r#"pulsegate_backend_standing{backend="127.0.0.1:9002",standing="not_ready",upstream="orders"} 1"#,
        r#"pulsegate_transitions_total{to="not_ready",upstream="orders"} 1"#,
        "pulsegate_first_probe_round_done 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line}\nin\n{text}");
    }
}

#[tokio::test]
async fn a_standing_is_explained_as_text_and_as_a_document() {
    let gateway = start().await;
    gateway.first_round().await;
    let path = "/upstreams/orders/backends/127.0.0.1%3A9002/explain";
    let document = gateway.document(path).await;
    assert_eq!(
        (&document["rule"]["name"], &document["backend"]["standing"]),
        (&"readiness".into(), &"not_ready".into())
    );
    assert!(document["backend"]["earliest_return"].is_object(), "{document:#}");
    assert!(document["to_return"][0].as_str().unwrap().starts_with("2 passing probes in a row"), "{document:#}");
    assert_eq!(
        (&document["probes"][0]["code"], &document["pool"]["eligible"]),
        (&503.into(), &1.into()),
        "{document:#}"
    );
    let id = document["backend"]["history"][0]["event_id"].as_str().unwrap();
    assert!(id.len() > 7 && id.contains('-'), "{id}");

    let answer = gateway.get(&format!("{path}?format=text")).await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("content-type: text/plain"), "{head}");
    assert!(text.starts_with("orders 127.0.0.1:9002 is not_ready: no traffic, for "), "{text}");
    assert!(text.contains("\nWhy       its probes fail: answered 503\n") && text.contains(id), "{text}");
    assert!(text.lines().count() <= 40 && text.lines().all(|line| line.chars().count() <= 100), "{text}");
    println!("{text}");

    let answer = gateway.get("/upstreams/orders/backends/127.0.0.1%3A9009/explain").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("127.0.0.1:9002"), "{answer}");
    let answer = gateway.get(&format!("{path}?format=xml")).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("format=text"), "{answer}");
}

/// Set for the child of the test below.
const CHILD: &str = "PULSEGATE_TEST_PANICS";

#[tokio::test]
async fn a_panic_is_counted_told_and_ends_nothing_else() {
    let name = "a_panic_is_counted_told_and_ends_nothing_else";
    if std::env::var_os(CHILD).is_some() {
        return panics().await;
    }
    // In a process of its own: the logger and what is done at a panic are those of a process.
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").env_remove("RUST_LOG");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let told: Vec<&str> = said.lines().filter(|line| line.contains("event=process.panic")).collect();
    let [of_task, of_thread] = told[..] else { panic!("two lines, in:\n{said}") };
    for (line, words) in [(of_task, "a mistake of a task"), (of_thread, "a mistake of a thread")] {
        assert!(line.contains(words) && line.contains("tests/admin.rs:"), "{line}");
    }
    assert!(of_thread.contains("thread=odd"), "{of_thread}");
    assert!(!said.contains("panicked at"), "nobody else writes to stderr:\n{said}");
}

/// In the child: a gateway's admin listener, a task that panics, and a thread that does.
async fn panics() {
    let plan = pulsegate::config::load_text(CONFIG, std::path::Path::new("/")).unwrap().plan;
    assert!(pulsegate::telemetry::init_logging(&plan.logging, Clock::start()));
    let gateway = start().await;
    gateway.first_round().await;
    for (seen, panics) in [(0, false), (1, true)] {
        if panics {
            tokio::spawn(async { panic!("a mistake of a task") }).await.unwrap_err();
        }
        let metrics = gateway.get("/metrics").await;
        assert!(metrics.contains(&format!("\npulsegate_panics_total {seen}\n")), "{metrics}");
    }
    let odd = std::thread::Builder::new().name("odd".into()).spawn(|| panic!("a mistake of a {}", "thread")).unwrap();
    assert!(odd.join().is_err());
    let metrics = gateway.get("/metrics").await;
    assert!(metrics.contains("\npulsegate_panics_total 2\n"), "{metrics}");
    assert!(gateway.get("/livez").await.starts_with("HTTP/1.1 200"));
    pulsegate::telemetry::flush_logging();
}
