//! `pulsegate probe`: the same check without a gateway, and the command that it prints asks the same.

use super::PULSEGATE;
use super::pool;
use serde_json::Value;
use std::process::Command;
use support::dns::Dns;
use support::free_address;
use support::raw::{Raw, Step, ok, send};
use tempfile::TempDir;

/// Runs the command over a whole configuration; its exit code, and what it said on stdout and stderr.
fn run(yaml: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("pulsegate.yaml");
    std::fs::write(&file, format!("listeners: [{{ address: \"127.0.0.1:0\" }}]\n{yaml}")).expect("a file");
    let command = PULSEGATE.command().arg("probe").args(arguments).arg("--config").arg(&file).output();
    let output = command.expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn document(yaml: &str, arguments: &[&str]) -> (i32, Value) {
    let (code, said, errors) = run(yaml, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{errors}")))
}

/// The head of a request, in the order of its lines' names.
fn lines(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = head
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| {
            line.split_once(": ")
                .map_or(line.to_owned(), |(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        })
        .collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_line_asks_the_same_and_is_answered_the_same() {
    for (method, status) in [("GET", "200 OK"), ("HEAD", "503 Busy"), ("OPTIONS", "404 Not Found")] {
        let backend = Raw::start_with_ready(move |_, _| {
            vec![send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")), Step::Close]
        })
        .await;
        let readiness = format!(
            "readiness: {{ path: '/health/../it''s?a[0]={{b}}&c=$d', method: {method}, host: app.test, headers: {{ X-Api-Key: 'a \"secret\" of $HOME' }}, "
        );
        let yaml = pool(&[backend.address]).replace("readiness: { path: /ready, ", &readiness);
        let (code, said) = document(&yaml, &["pool", "--show-secrets"]);
        let said = &said[0];
        let number: u64 = status[..3].parse().unwrap();
        assert_eq!((code, &said["status"]), (i32::from(number != 200), &number.into()), "{said:#}");
        assert!(said["steps_ms"]["connect"].is_number() && said["steps_ms"]["first_byte"].is_number(), "{said:#}");
        assert!(said["steps_ms"]["tls"].is_null() && said["steps_ms"]["dns"].is_null(), "{said:#}");

        let line = said["by_hand"].as_str().unwrap_or_default();
        let output = Command::new("sh").arg("-c").arg(line).output().expect("a shell");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line}\n{answer}{:?}", output.stderr);
        let seen = backend.seen();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(lines(&seen[0]), lines(&seen[1]), "{line}");

        let (_, masked, _) = run(&yaml, &["pool"]);
        assert!(masked.contains("x-api-key: ***") && !masked.contains("secret\""), "{masked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_backend_is_asked_and_the_exit_code_says_whether_all_pass() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let silent = Raw::start_with_ready(|_, _| vec![Step::Hang]).await;
    let dead = free_address();
    let yaml = pool(&[well.address, silent.address, dead]).replace("timeout: 10s", "timeout: 3s");
    let (code, said, _) = run(&yaml, &["pool"]);
    assert_eq!(code, 1, "{said}");
    for says in [
        format!("pool {} PASS: it would serve", well.address),
        format!("pool {} FAIL: connected, but no complete answer within 3s", silent.address),
        format!("pool {dead} FAIL: cannot connect to {dead}: Connection refused"),
    ] {
        assert!(said.contains(&says), "nothing of {says:?} in\n{said}");
    }
    let (code, said, _) = run(&yaml, &["pool", &well.address.to_string()]);
    assert!(code == 0 && said.matches("PASS").count() == 1 && !said.contains("FAIL"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_resolved_as_the_gateway_does_and_timed() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let dns = Dns::start(&[[127, 0, 0, 1]]).await;
    let source = format!("{{ dns: \"app.test:{}\", servers: [\"{}\"] }}", well.address.port(), dns.address);
    let yaml = pool(&[]).replace("backends: []", &format!("backends: [{source}]"));
    let (code, said) = document(&yaml, &["pool"]);
    assert_eq!((code, &said[0]["passed"]), (0, &true.into()), "{said:#}");
    assert!(said[0]["steps_ms"]["dns"].is_number(), "{said:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_backend_or_a_configuration_that_cannot_be_used_is_64() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let yaml = pool(&[well.address]);
    let (code, _, said) = run(&yaml, &["pol"]);
    assert!(code == 64 && said.contains("no upstream \"pol\"") && said.contains("\n  pool\n"), "{said}");
    let (code, _, said) = run(&yaml, &["pool", "127.0.0.1:1"]);
    assert!(code == 64 && said.contains(&well.address.to_string()), "{said}");
    let (code, _, said) = run(&yaml.replace("slow_start", "slow_stat"), &["pool"]);
    assert!(code == 64 && said.contains("slow_stat"), "{said}");
    let (code, _, said) = run(&yaml.replace("readiness: {", "x-ignored: {"), &["pool"]);
    assert!(code == 64, "{said}");
}
