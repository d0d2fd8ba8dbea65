//! A real gateway is recorded while backends fail, and the record is played again.

use super::PULSEGATE;
use super::pulsegate;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::backend::Backend;
use support::load::{Load, Request};

/// By how much a moment of a replay may differ: a probe period, the jitter of an ejection of 2 s, and the ticks of both.
const TOLERANCE: u64 = 2_000;

fn pool(backends: &[Backend], passive: &str) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 1s, timeout: \
         500ms, success_threshold: 2, failure_threshold: 2 }}\n    passive: {{ base_ejection: 2s{passive} }}\n    slow_start: {{ duration: 1s }}\n",
        addresses.join(", ")
    )
}

/// Records a gateway of three backends, of which one fails requests for a while and another dies and returns.
async fn record(file: &Path) -> Vec<Backend> {
    let mut backends = Vec::new();
    for _ in 0..3 {
        backends.push(Backend::start().await);
    }
    let keys = format!("record: {{ file: {:?} }}\n", file.display().to_string());
    let mut gateway = PULSEGATE.start(&(pool(&backends, "") + &keys)).await;
    let request = Request { method: "GET", host: "test", path: "/work" };
    let load = Load::of(request, gateway.address, 100, Duration::from_secs(14));
    backends[0].tell("failing 100").await;
    gateway.until(&backends[0], "ejected").await;
    backends[0].tell("failing 0").await;
    gateway.until(&backends[0], "up").await;
    backends[1].kill();
    gateway.until_one_of(&backends[1], &["down", "ejected"]).await;
    backends[1].restart().await;
    gateway.until(&backends[1], "up").await;
    load.outcomes().await;
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
    backends
}

/// Plays `record` under these upstreams; as JSON.
fn played(record: &Path, upstreams: &str) -> Value {
    let config = record.with_file_name("replay.yaml");
    fs::write(&config, format!("listeners: [{{ address: \"127.0.0.1:8080\" }}]\n{upstreams}")).unwrap();
    let (record, config) = (record.display().to_string(), config.display().to_string());
    let output = pulsegate(&["replay", &record, "--config", &config, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let text = pulsegate(&["replay", &record, "--config", &config]);
    assert!(text.status.success(), "{text:?}");
    println!("{}", String::from_utf8(text.stdout).unwrap());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// When a backend stopped being eligible and why, and when it was again.
fn outages(told: &Value, way: &str, backend: &Backend) -> Vec<(String, u64, u64)> {
    let eligible = |word: &Value| ["up", "ramping", "degraded", "forced_up"].iter().any(|known| word == known);
    let mut outages: Vec<(String, u64, u64)> = Vec::new();
    for one in told["transitions"][way].as_array().unwrap() {
        let at = one["at_ms"].as_u64().unwrap();
        if one["backend"] != backend.address.to_string() {
            continue;
        }
        match (eligible(&one["from"]), eligible(&one["to"])) {
            (true, false) => outages.push((one["to"].as_str().unwrap().to_owned(), at, u64::MAX)),
            (false, true) => {
                if let Some(last) = outages.last_mut() {
                    last.2 = at;
                }
            }
            _ => {}
        }
    }
    outages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_under_the_same_configuration_comes_to_the_same_and_another_to_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.ndjson");
    let backends = record(&file).await;

    let same = played(&file, &pool(&backends, ""));
    assert_eq!((&same["same_config"], &same["lines_lost"]), (&true.into(), &0.into()), "{same}");
    for backend in &backends {
        let (really, replayed) = (outages(&same, "really", backend), outages(&same, "replayed", backend));
        assert_eq!(really.len(), replayed.len(), "{}: {really:?} and {replayed:?}", backend.address);
        for (real, replay) in really.iter().zip(&replayed) {
            let near = |one: u64, other: u64| one.abs_diff(other) <= TOLERANCE;
            let alike = real.0 == replay.0 && near(real.1, replay.1) && near(real.2, replay.2);
            assert!(alike, "{}: {real:?} and {replay:?}", backend.address);
        }
    }
    let ejections = |told: &Value, way: &str| -> u64 {
        told["backends"].as_array().unwrap().iter().filter_map(|one| one[way]["ejections"].as_u64()).sum()
    };
    assert!(ejections(&same, "really") >= 1 && ejections(&same, "replayed") == ejections(&same, "really"), "{same}");

    // Traffic that may not eject anybody: the failures go on, and nothing of it is hidden.
    let lenient = played(&file, &pool(&backends, ", enabled: false"));
    assert_eq!((&lenient["same_config"], ejections(&lenient, "replayed")), (&false.into(), 0), "{lenient}");
    assert!(lenient["failed"].as_u64().unwrap() >= 5, "{lenient}");
    let blind: u64 = lenient["backends"].as_array().unwrap().iter().filter_map(|one| one["unknown_ms"].as_u64()).sum();
    assert!(blind >= 1_000, "while it was really ejected it would have been in: {lenient}");

    // The first failure ejects: sooner than really, so that failures would have been saved.
    let strict = played(&file, &pool(&backends, ", consecutive_failures: 1"));
    assert!(strict["failures_avoided"].as_u64().unwrap() >= 1, "{strict}");
}

#[test]
fn a_file_that_is_no_record_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.ndjson");
    for (text, words) in [
        ("", "found no beginning of a record"),
        ("hello\n", "found no beginning of a record"),
        (
            "{\"line\":\"begin\",\"at\":0,\"version\":2,\"wall\":\"\",\"program\":\"\",\"continued\":false}\n",
            "found version 2, allowed: 1",
        ),
        (
            "{\"line\":\"begin\",\"at\":0,\"version\":1,\"wall\":\"\",\"program\":\"\",\"continued\":false}\nnoise\n{\"line\":\"later\"}\n",
            "record.ndjson:2: found no line of a record",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let output = pulsegate(&["replay", &file.display().to_string(), "--config", "conf/scenarios/pool.yaml"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(told.contains(words) && told.ends_with(": nothing was replayed\n"), "{text}: {told}");
    }
}
