//! Who asked for what, and what came of it? The access log of the running gateway: its forms, its secrets, its file, and what happens where
//! nobody takes its lines.

use super::PULSEGATE;
use super::{pool, pool_with};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::raw::{Gate, Raw, Step, ok, send};

/// Waits until the file has so many lines, and gives them.
async fn lines(path: &Path, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    eventually(&format!("{count} lines in {}", path.display()), async || read().len() >= count).await;
    read()
}

fn logging(access: &str) -> String {
    format!("logging: {{ level: info, access: {{ {access} }} }}\n")
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(-1.0)
}

#[tokio::test]
async fn a_request_that_was_tried_twice_tells_of_both_attempts() {
    let bad = Raw::start(|_, _| vec![send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")]).await;
    let good = Raw::start(|_, _| vec![ok("good")]).await;
    let more = "    passive: { consecutive_failures: 0 }\n    balance: { policy: random }\n";
    let yaml = pool_with(&[bad.address, good.address], more) + &logging("format: json, file: access.log");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    // In turns, a retry would take the good one's turn, and all might begin with the bad one.
    for _ in 0..12 {
        assert_eq!(client.get("/x?token=t0p").await.text(), "good");
    }
    let lines = lines(&gateway.folder().join("access.log"), 12).await;
    let told: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let twice = told.iter().find(|line| line["attempts"] == 2).expect("one began with the bad one");
    let (first, second) = (&twice["tries"][0], &twice["tries"][1]);
    assert_eq!((&first["backend"], &first["status"]), (&bad.address.to_string().into(), &503.into()), "{twice}");
    assert_eq!((&second["backend"], &second["status"]), (&good.address.to_string().into(), &200.into()), "{twice}");
    let total = twice["took_ms"].as_f64().unwrap();
    let tried = [first, second].map(|one| one["took_ms"].as_f64().unwrap()).iter().sum::<f64>();
    assert!(tried > 0.0 && tried <= total, "{twice}");
    assert!(twice["head_ms"].as_f64().unwrap() <= total, "{twice}");
    let once = told.iter().find(|line| line["attempts"] == 1).expect("one began with the good one");
    assert_eq!((&once["tries"], &once["upstream"]), (&Value::Null, &"pool".into()), "{once}");
    assert!(lines.iter().all(|line| !line.contains("t0p")));
}

#[tokio::test]
async fn a_wait_for_room_is_told() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |_, _| vec![Step::Until(held.clone()), ok("done")]).await;
    let limits = "    limits: { requests_per_backend: 1, queue: 10, queue_timeout: 60s }\n";
    let yaml = pool_with(&[backend.address], limits) + &logging("format: json, file: access.log");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        clients.push(client);
    }
    let waiting = r#"pulsegate_queue_requests{upstream="pool"}"#;
    eventually("two wait", async || metric(&gateway, waiting).await == 2.0).await;
    support::pause(Duration::from_millis(300)).await;
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    let lines = lines(&gateway.folder().join("access.log"), 3).await;
    let waits: Vec<f64> =
        lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["queue_ms"].as_f64()).collect();
    assert!(waits.len() == 2 && waits.iter().all(|wait| *wait >= 300.0), "{waits:?}");
}

#[tokio::test]
async fn a_template_says_what_it_is_asked_to_and_keeps_secrets() {
    let template = r#"template: '{client} "{method} {path}{query} {protocol}" {status} {header:authorization} {header:user-agent} {upstream}', file: access.log"#;
    let gateway = PULSEGATE.start(&format!("routes: [{{ respond: {{ body: ok }} }}]\n{}", logging(template))).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("GET /a?x=1&access_token=t0p HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t0p\r\nUser-Agent: me\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 200);
    let lines = lines(&gateway.folder().join("access.log"), 1).await;
    assert_eq!(lines, [r#"127.0.0.1 "GET /a?x=1&access_token=REDACTED HTTP/1.1" 200 REDACTED me -"#]);
}

#[tokio::test]
async fn successes_are_sampled_and_failures_are_not() {
    let routes = "routes: [{ respond: { body: ok } }, { match: { path: /bad }, respond: { status: 500 } }]\n";
    let gateway = PULSEGATE.start(&format!("{routes}{}", logging("sample: 0%, file: access.log"))).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..20 {
        assert_eq!(client.get("/good").await.status, 200);
    }
    assert_eq!(client.get("/bad").await.status, 500);
    let lines = lines(&gateway.folder().join("access.log"), 1).await;
    assert!(lines.len() == 1 && lines[0].contains("status=500"), "{lines:?}");
}

#[tokio::test]
async fn files_are_rotated_by_size_and_begun_anew_when_somebody_takes_them() {
    let access = logging("format: common, file: access.log, max_size: 1KiB, keep: 2");
    let gateway = PULSEGATE.start(&format!("routes: [{{ respond: {{ body: ok }} }}]\n{access}")).await;
    let folder = gateway.folder();
    let mut client = Client::connect(gateway.address).await;
    eventually("three files", async || {
        assert_eq!(client.get("/some/path/of/a/certain/length").await.status, 200);
        folder.join("access.log.2").exists()
    })
    .await;
    assert!(!folder.join("access.log.3").exists());
    for name in ["access.log", "access.log.1", "access.log.2"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.len() <= 2048, "{name}: {} bytes", text.len());
        assert!(text.lines().all(|line| line.ends_with(" 200 2")), "no half lines: {text}");
    }
    fs::rename(folder.join("access.log"), folder.join("taken")).unwrap();
    assert_eq!(client.get("/after").await.status, 200);
    eventually("a new file", async || {
        fs::read_to_string(folder.join("access.log")).is_ok_and(|text| text.contains("GET /after "))
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_is_said_once() {
    let access = logging("file: /dev/full");
    let gateway = PULSEGATE.start(&format!("routes: [{{ respond: {{ body: ok }} }}]\n{access}")).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..50 {
        assert_eq!(client.get("/x").await.status, 200);
    }
    eventually("all lines are counted as dropped", async || {
        metric(&gateway, "pulsegate_access_log_dropped_total").await >= 50.0
    })
    .await;
    assert_eq!(metric(&gateway, "pulsegate_access_log_lines_total").await, 0.0);
    assert_eq!(metric(&gateway, "pulsegate_access_log_waiting_bytes").await, 0.0);
    gateway.says("the access log cannot be written").await;
    assert_eq!(gateway.output().matches("the access log cannot be written").count(), 1);
}

/// A pipe that nobody empties: the writer is stuck in its write.
#[tokio::test]
async fn a_reader_that_sleeps_costs_lines_and_no_memory() {
    let folder = tempfile::TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let _sleeper = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&pipe).unwrap();
    let access = logging(&format!("file: {}, headers: [x-a, x-b, x-c, x-d]", pipe.display()));
    let gateway = PULSEGATE.start(&format!("routes: [{{ respond: {{ body: ok }} }}]\n{access}")).await;
    let long = "x".repeat(1024);
    let request =
        format!("GET /x HTTP/1.1\r\nHost: a\r\nX-A: {long}\r\nX-B: {long}\r\nX-C: {long}\r\nX-D: {long}\r\n\r\n");
    let mut client = Client::connect(gateway.address).await;
    let mut sent = 0;
    eventually("lines are dropped", async || {
        for _ in 0..500 {
            client.send(&request).await;
            assert_eq!(client.answer().await.status, 200);
            sent += 1;
        }
        metric(&gateway, "pulsegate_access_log_dropped_total").await > 0.0
    })
    .await;
    let waiting = metric(&gateway, "pulsegate_access_log_waiting_bytes").await;
    assert!(waiting <= f64::from(16 << 20) + 8192.0, "{waiting} bytes wait after {sent} requests");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_keeps_it_from_starting() {
    let access = logging("file: nowhere/access.log");
    let mut gateway = PULSEGATE.spawn(&format!("routes: [{{ respond: {{ body: ok }} }}]\n{access}"), "");
    assert!(!gateway.ended().await.success());
    let said = gateway.output();
    assert!(said.contains("logging.access.file ") && said.contains("nowhere/access.log"), "{said}");
}

#[tokio::test]
async fn a_reload_changes_logs_and_refuses_a_file_that_it_cannot_open() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/one").await.status, 200);
    eventually("a line on stdout", async || gateway.output().contains("path=/one ")).await;

    let new = |access: &str| {
        format!("routes: [{{ respond: {{ body: ok }} }}]\nlogging: {{ level: debug, format: json, {access} }}\n")
    };
    gateway.reload(&new("access: { file: nowhere/x.log }")).await;
    let status = gateway.json("/status").await["last_reload"].clone();
    assert!(status["error"].as_str().unwrap_or_default().starts_with("logging.access.file "), "{status}");
    assert_eq!(gateway.json("/logging").await["level"], "info", "all or nothing");

    gateway.reload(&new("access: { file: access.log }")).await;
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
    let logging = gateway.json("/logging").await;
    assert_eq!((&logging["level"], &logging["format"]), (&"debug".into(), &"json".into()), "{logging}");
    assert_eq!(client.get("/two").await.status, 200);
    let told: Value = serde_json::from_str(&lines(&gateway.folder().join("access.log"), 1).await[0]).unwrap();
    assert_eq!(told["path"], "/two");
    assert!(!gateway.output().contains("/two"), "stdout has no more of them");
    eventually("events are objects now", async || gateway.output().contains(r#""message":"reload: the new"#)).await;
}

#[tokio::test]
async fn an_operator_changes_the_level_and_takes_it_back() {
    let backend = Raw::start(|_, _| vec![ok("x")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    assert_eq!(gateway.json("/logging").await["by"], "configuration");
    let answer = gateway.post("/logging", r#"{ "level": "debug" }"#).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""by": "order""#), "{answer}");
    assert_eq!(gateway.json("/logging").await["level"], "debug");
    gateway.says("action=logging").await;

    let answer = gateway.post("/logging", r#"{ "level": "loud" }"#).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("off, error, warn, info, debug, trace"), "{answer}");
    let answer = gateway.post("/logging", "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("the body is not understood"), "{answer}");
    assert_eq!(gateway.json("/logging").await["level"], "debug", "nothing was changed");

    gateway.post("/logging", r#"{ "level": "configured" }"#).await.unwrap();
    let logging = gateway.json("/logging").await;
    assert_eq!((&logging["level"], &logging["by"]), (&"info".into(), &"configuration".into()));
}
