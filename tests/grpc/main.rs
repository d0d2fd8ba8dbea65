//! Does gRPC pass, and what do callers see when a backend dies? A real client and real servers (grpcio), all four kinds of calls.
//!
//! `make test-needs` brings the library; without it this fails and says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod health;

use serde_json::Value;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use support::Pulsegate;
use support::gateway::Gateway;
use support::needs::tool;
use support::{eventually, free_address};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

const CALLS: usize = 10_000;
const AT_ONCE: usize = 32;

fn python(script: &str) -> Command {
    let mut command = Command::new(tool("PYTHON"));
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpc").join(script))
        .env("PYTHONPATH", tool("PYTHONPATH"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // A proxy of the machine's environment is not for loopback.
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

struct Server {
    address: SocketAddr,
    process: Child,
}

impl Server {
    async fn start() -> Self {
        let address = free_address();
        let process = python("server.py").arg(address.port().to_string()).spawn().unwrap();
        eventually("the server listens", async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, process }
    }
}

struct Client {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(gateway: &Gateway, calls: usize, more: &[&str]) -> Self {
        let mut command = python("client.py");
        command.args([gateway.address.to_string(), calls.to_string(), AT_ONCE.to_string()]).args(more);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    async fn half(&mut self) {
        assert_eq!(self.said.next_line().await.unwrap().as_deref(), Some("half"));
    }

    async fn outcome(mut self) -> Value {
        let line = self.said.next_line().await.unwrap().expect("the client's last line");
        assert!(self.process.wait().await.unwrap().success());
        serde_json::from_str(&line).unwrap()
    }
}

async fn gateway(servers: &[Server], more: &str) -> Gateway {
    let addresses: Vec<_> = servers.iter().map(|server| format!("\"{}\"", server.address)).collect();
    PULSEGATE.start(&format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    protocol: http2\n    readiness: {{ tcp: true, period: \
         300ms, timeout: 10s }}\n    slow_start: {{ duration: 0s }}\n{more}",
        addresses.join(", ")
    ))
    .await
}

/// The requests whose last attempt was at `backend`, by the gateway's own log.
fn asked(gateway: &Gateway, backend: SocketAddr) -> HashSet<String> {
    let field = |line: &str, name: &str| line.split(' ').find_map(|word| word.strip_prefix(name).map(str::to_owned));
    let output = gateway.output();
    let lines = output.lines().filter(|line| field(line, "backend=") == Some(backend.to_string()));
    lines.filter_map(|line| field(line, "request_id=")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_calls_in_flight_on_a_backend_that_dies_fail_and_are_told_unavailable() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start().await);
    }
    let gateway = gateway(&servers, "").await;
    let mut client = Client::start(&gateway, CALLS, &[]);
    client.half().await;
    servers[0].process.kill().await.unwrap();
    let outcome = client.outcome().await;
    let failed = outcome["failed"].as_array().unwrap();
    println!("{CALLS} calls, a backend killed midway: {} failed", failed.len());
    let on_the_dead = asked(&gateway, servers[0].address);
    for call in failed {
        assert_eq!(call["status"], "UNAVAILABLE", "{call}");
        assert!(on_the_dead.contains(call["id"].as_str().unwrap()), "{call} was not on the backend that died");
    }
    assert!(failed.len() <= AT_ONCE, "more failed than were in flight: {}", failed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_mistakes_do_not_count_against_a_backend() {
    let servers = vec![Server::start().await, Server::start().await];
    let gateway = gateway(&servers, "").await;
    // NOT_FOUND and INVALID_ARGUMENT.
    for status in ["5", "3"] {
        let mut client = Client::start(&gateway, 60, &["fail", status]);
        client.half().await;
        assert_eq!(client.outcome().await["failed"].as_array().unwrap().len(), 60);
    }
    for server in &servers {
        assert_eq!(gateway.standing_of(&server.address.to_string()).await, "up");
    }
}
