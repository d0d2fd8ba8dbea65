//! The listener as its clients see it: a real socket, literal reports behind it.

mod access;
mod live;
mod writes;

use super::desk::Desk;
use super::source::Source;
use super::view::samples::{backend, pool};
use super::*;
use crate::clock::Clock;
use crate::control::{Explained, Steered};
use crate::telemetry::Telemetry;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::board::{Refused, Steering, UpstreamReport};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::AdminPlan;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::net::SocketAddr;
use std::sync::Mutex as StdMutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

#[derive(Debug)]
struct Literal {
    reports: StdMutex<Vec<UpstreamReport>>,
    /// What it was told.
    steered: StdMutex<Vec<Steering>>,
    clock: Clock,
}

#[async_trait::async_trait]
impl Source for Literal {
    async fn reports(&self) -> Vec<UpstreamReport> {
        self.reports.lock().unwrap().clone()
    }

    async fn steer(&self, steering: Steering) -> Option<Steered> {
        let known = steering.backend.upstream == "orders".into();
        self.steered.lock().unwrap().push(steering);
        Some(if known {
            Ok(backend(9001, Cause::Drained))
        } else {
            Err(Refused::NoUpstream { known: vec!["orders".into()] })
        })
    }

    async fn explain(&self, _backend: BackendId) -> Option<Explained> {
        Some(Err(Refused::NoBackend { known: Vec::new() }))
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot { generation: 4, plan: Arc::default(), pools: Vec::new(), first_round_done: true })
    }

    fn clock(&self) -> Clock {
        self.clock
    }
}

/// A running listener with everything that a test moves.
struct Running {
    address: SocketAddr,
    source: Arc<Literal>,
    telemetry: Telemetry,
    phase: watch::Sender<Phase>,
    reload: watch::Sender<ReloadState>,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

fn start(causes: &[Cause]) -> Running {
    start_with(causes, Callers::read(&AdminPlan::default()).unwrap())
}

fn start_with(causes: &[Cause], callers: Callers) -> Running {
    let clock = Clock::start();
    let backends = (9001..).zip(causes).map(|(port, cause)| backend(port, *cause)).collect();
    let source = Arc::new(Literal {
        reports: StdMutex::new(vec![pool("orders", backends)]),
        steered: StdMutex::default(),
        clock,
    });
    let (phase, phases) = watch::channel(Phase::Serving);
    let (reload, reloads) = watch::channel(ReloadState::default());
    let (stop, stops) = watch::channel(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let telemetry = Telemetry::new(None, clock, None);
    let desk = Desk {
        source: Arc::clone(&source) as Arc<dyn Source>,
        telemetry: Arc::clone(&telemetry.operators),
        phase: phases,
        reload: reloads,
        reloads: None,
        last_health: Mutex::default(),
        traffic: Arc::default(),
    };
    let task =
        tokio::spawn(serve_desk(listener, desk, (Arc::new(ArcSwap::from_pointee(callers)), Arc::default()), stops));
    Running { address, source, telemetry, phase, reload, stop, task }
}

impl Running {
    /// Sends the bytes and reads to the end of the connection.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }
}

/// Status code and body.
fn parts(answer: &str) -> (u16, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn document(answer: &str) -> (u16, serde_json::Value) {
    let (status, body) = parts(answer);
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn livez_is_ok_whatever_the_phase_and_readyz_follows_it() {
    let running = start(&[]);
    assert_eq!(parts(&running.get("/readyz").await), (200, "ok\n"));
    running.phase.send_replace(Phase::Starting);
    assert_eq!(parts(&running.get("/readyz").await), (503, "starting: the first probe round has not ended\n"));
    running.phase.send_replace(Phase::Leaving);
    assert_eq!(parts(&running.get("/readyz").await), (503, "leaving: a stop was asked for\n"));
    assert_eq!(parts(&running.get("/livez").await), (200, "ok\n"));
}

#[tokio::test]
async fn health_is_503_only_when_nobody_is_eligible() {
    let some = start(&[Cause::Up, Cause::Down]);
    let (status, health) = document(&some.get("/health").await);
    assert_eq!((status, &health["status"]), (200, &"DEGRADED".into()));
    let none = start(&[Cause::Down, Cause::NotReady]);
    let (status, health) = document(&none.get("/health").await);
    assert_eq!((status, &health["status"]), (503, &"DOWN".into()));
    assert_eq!(health["components"]["orders"]["message"], "0 of 2 eligible");
}

#[tokio::test]
async fn health_asks_the_board_once_a_second() {
    let running = start(&[Cause::Up]);
    let first = document(&running.get("/health").await);
    running.source.reports.lock().unwrap().clear();
    assert_eq!(document(&running.get("/health").await), first);
}

#[tokio::test]
async fn upstreams_are_shown_together_and_by_name() {
    let running = start(&[Cause::Up, Cause::Ejected]);
    let (status, all) = document(&running.get("/upstreams").await);
    let (_, one) = document(&running.get("/upstreams/orders").await);
    assert_eq!(status, 200);
    assert_eq!(all["upstreams"][0]["backends"][1]["standing"], "ejected");
    assert_eq!(one["eligible"], 1);
    assert_eq!(one["backends"][0]["address"], "127.0.0.1:9001");
}

#[tokio::test]
async fn unknown_names_and_paths_are_problems_that_name_the_known_ones() {
    let running = start(&[]);
    let answer = running.get("/upstreams/order").await;
    let (status, problem) = document(&answer);
    assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
    assert_eq!((status, &problem["known"]), (404, &serde_json::json!(["orders"])));
    let (status, problem) = document(&running.get("/nothing").await);
    assert_eq!(status, 404);
    assert!(problem["known"].as_array().unwrap().contains(&"/upstreams".into()), "{problem}");
}

#[tokio::test]
async fn pages_answer_get_and_head_and_writes_post() {
    let running = start(&[]);
    for (method, path, allow) in
        [("POST", "/health", "GET,HEAD"), ("GET", "/reload", "POST"), ("PUT", "/reload", "GET, HEAD, POST")]
    {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let answer = running.exchange(&request).await;
        assert_eq!(parts(&answer).0, 405, "{answer}");
        assert!(answer.contains(&format!("allow: {allow}\r\n")), "{answer}");
    }
    let answer = running.exchange("HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(parts(&answer), (200, ""));
}

#[tokio::test]
async fn a_name_that_was_rebound_to_loopback_is_refused_on_every_path() {
    let running = start(&[]);
    for path in ["/", "/metrics", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(document(&running.exchange(&request).await).0, 403, "{path}");
    }
    let absolute = "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(parts(&running.exchange(absolute).await).0, 403);
    assert_eq!(parts(&running.exchange("GET /livez HTTP/1.0\r\n\r\n").await).0, 200);
}

#[tokio::test]
async fn status_shows_phase_generation_and_a_refused_reload() {
    let running = start(&[]);
    let (status, before) = document(&running.get("/status").await);
    assert_eq!((status, &before["phase"], &before["snapshot_generation"]), (200, &"serving".into(), &4.into()));
    assert!(before["last_reload"].is_null());
    running.reload.send_replace(ReloadState {
        at: Some("2026-11-24T08:00:00.000Z".into()),
        error: Some("pulsegate.yaml:3: no such key".into()),
    });
    let (_, after) = document(&running.get("/status").await);
    let expected = serde_json::json!({
        "at": "2026-11-24T08:00:00.000Z", "applied": false, "error": "pulsegate.yaml:3: no such key",
    });
    assert_eq!(after["last_reload"], expected);
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let running = start(&[Cause::Up]);
    let answer = running.get("/metrics").await;
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    assert!(
        answer.contains("pulsegate_backend_eligible{backend=\"127.0.0.1:9001\",upstream=\"orders\"} 1\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_stop_ends_the_listener_and_its_idle_connections() {
    let running = start(&[]);
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 16];
    idle.read_exact(&mut answer).await.unwrap();
    running.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(60), running.task).await.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// On the paused clock of the runtime: the bound is reached without waiting for it.
#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_ends_its_connection() {
    let running = start(&[]);
    for sent in ["", "GET /livez HT"] {
        let mut slow = TcpStream::connect(running.address).await.unwrap();
        slow.write_all(sent.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let end = slow.read_to_end(&mut rest);
        tokio::time::timeout(server::HEAD + Duration::from_secs(5), end).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
}
