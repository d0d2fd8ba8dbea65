//! Are gRPC servers asked by their own health protocol? The library's real health service, and a server that has none.

use super::PULSEGATE;
use super::{Server, python};
use std::net::SocketAddr;
use std::process::Stdio;
use support::eventually;
use support::free_address;
use support::gateway::Gateway;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};

struct Healthy {
    address: SocketAddr,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Healthy {
    async fn start() -> Self {
        let address = free_address();
        let mut command = python("health.py");
        command.arg(address.port().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        eventually("the server listens", async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, orders, answers: BufReader::new(answers).lines(), _process: process }
    }

    async fn set(&mut self, service: &str, status: &str) {
        self.orders.write_all(format!("{service} {status}\n").as_bytes()).await.unwrap();
        assert_eq!(self.answers.next_line().await.unwrap().as_deref(), Some("set"));
    }
}

/// A gateway before one backend, whose readiness is `orders.v1`.
async fn gateway(backend: SocketAddr) -> Gateway {
    PULSEGATE.start(&format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{backend}\"]\n    protocol: http2\n    readiness: {{ grpc: \
         {{ service: orders.v1 }}, period: 300ms, fast_period: 100ms, timeout: 10s, failure_threshold: 1, success_threshold: 1 }}\n    \
         slow_start: {{ duration: 0s }}\n"
    ))
    .await
}

async fn stands(gateway: &Gateway, backend: SocketAddr, standing: &str, why: &str) {
    let backend = backend.to_string();
    eventually(&format!("{backend} is {standing}: {why}"), async || {
        let shown = gateway.backend(&backend).await;
        shown["standing"] == standing && shown["why"].as_str().unwrap().contains(why)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_follows_what_its_health_service_says() {
    let mut server = Healthy::start().await;
    let gateway = gateway(server.address).await;
    stands(&gateway, server.address, "down", "the server has no service \"orders.v1\"; check readiness.grpc.service")
        .await;
    server.set("orders.v1", "NOT_SERVING").await;
    stands(&gateway, server.address, "not_ready", "answered NOT_SERVING").await;
    server.set("orders.v1", "SERVING").await;
    stands(&gateway, server.address, "up", "its probes pass").await;
    server.set("orders.v1", "UNKNOWN").await;
    stands(&gateway, server.address, "down", "was never told its status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_health_service_is_told_so() {
    let server = Server::start().await;
    let gateway = gateway(server.address).await;
    stands(&gateway, server.address, "down", "the server does not implement grpc.health.v1").await;
}
