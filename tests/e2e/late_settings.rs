//! What does it cost when a backend of HTTP/2 says late how many streams it takes, or never? Connections, but no request, and nobody's good
//! name: a connection that is there is no connect that failed.

use super::PULSEGATE;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::client::Client;
use support::frames::{ACK, END_HEADERS, Frames, HEADERS, OK, SETTINGS};
use support::gateway::Gateway;
use support::raw::Gate;
use support::{PATIENCE, eventually, free_address};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// `timeouts.connect` of the gateways here.
const CONNECT: Duration = Duration::from_secs(1);
/// That streams may be CONNECTs with a protocol (RFC 8441).
const TUNNELS: &[u8] = &[0, 8, 0, 0, 0, 1];

/// Answers every stream, but not before it may say its SETTINGS.
struct Late {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    gate: Gate,
    task: JoinHandle<()>,
}

impl Late {
    /// `None`: it has none to say.
    async fn with(settings: Option<&'static [u8]>) -> Self {
        let (address, connections, gate) = (free_address(), Arc::new(AtomicUsize::new(0)), Gate::default());
        let listener = TcpListener::bind(address).await.unwrap();
        let (count, opens) = (connections.clone(), gate.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (count, opens) = (count.clone(), opens.clone());
                tokio::spawn(async move {
                    let mut frames = Frames::serve(stream).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                    opens.opened().await;
                    if let Some(settings) = settings {
                        frames.write(SETTINGS, 0, 0, settings).await?;
                    }
                    loop {
                        let read = frames.read().await?;
                        match read.kind {
                            SETTINGS if read.flags & ACK == 0 => frames.write(SETTINGS, ACK, 0, &[]).await?,
                            HEADERS if settings == Some(TUNNELS) => {
                                frames.write(HEADERS, END_HEADERS, read.stream, OK).await?;
                            }
                            HEADERS => frames.answer(read.stream).await?,
                            _ => {}
                        }
                    }
                    #[allow(unreachable_code, reason = "it names the type of the error")]
                    Ok::<(), std::io::Error>(())
                });
            }
        });
        Self { address, connections, gate, task }
    }

    /// A gateway before it, which asks nobody twice.
    async fn gateway(&self, more: &str) -> Gateway {
        let config = format!(
            "routes: [{{ upstream: pool, retries: {{ limit: 0 }} }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    protocol: http2\n    readiness: {{ \
             tcp: true, period: 300ms }}\n    timeouts: {{ connect: {}ms, per_try: 60s, total: 60s }}\n{more}",
            self.address,
            CONNECT.as_millis()
        );
        PULSEGATE.start(&config).await
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The statuses of so many requests that are made at once.
fn at_once(gateway: &Gateway, requests: usize) -> JoinSet<u16> {
    let mut all = JoinSet::new();
    for _ in 0..requests {
        let address = gateway.address;
        all.spawn(async move { Client::connect(address).await.get("/x").await.status });
    }
    all
}

async fn nobody_is_blamed(gateway: &Gateway, backend: &Late) {
    let seen = gateway.backend(&backend.address.to_string()).await.to_string();
    assert!(seen.contains("\"standing\":\"up\""), "{seen}");
    let output = gateway.output();
    assert!(!output.contains("connect_timeout") && !output.contains("reason="), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_in_vain_for_settings_opens_another_connection() {
    let backend = Late::with(Some(&[])).await;
    let gateway = backend.gateway("").await;
    let all = at_once(&gateway, 6);
    eventually("each has a connection", async || backend.connections() == 6).await;
    backend.gate.open();
    assert_eq!(all.join_all().await, [200; 6]);
    nobody_is_blamed(&gateway, &backend).await;
    // Those that are there are enough from now on.
    assert_eq!(at_once(&gateway, 20).join_all().await, [200; 20]);
    assert_eq!(backend.connections(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_may_be_no_other_connection_late_settings_are_waited_for_in_line() {
    let backend = Late::with(Some(&[])).await;
    let gateway = backend.gateway("    limits: { connections_per_backend: 1 }\n").await;
    let all = at_once(&gateway, 6);
    support::pause(3 * CONNECT).await;
    backend.gate.open();
    assert_eq!(all.join_all().await, [200; 6]);
    assert_eq!(backend.connections(), 1);
    nobody_is_blamed(&gateway, &backend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_never_says_its_settings_is_asked_one_at_a_time_over_each_connection() {
    let backend = Late::with(None).await;
    let gateway = backend.gateway("").await;
    backend.gate.open();
    for _ in 0..3 {
        assert_eq!(at_once(&gateway, 6).join_all().await, [200; 6]);
    }
    nobody_is_blamed(&gateway, &backend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_waits_for_settings_that_are_late() {
    let backend = Late::with(Some(TUNNELS)).await;
    let gateway = backend.gateway("").await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send(
            "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: \
             13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    support::pause(3 * CONNECT).await;
    backend.gate.open();
    let answer = timeout(PATIENCE, client.answer()).await.expect("an answer in time");
    assert_eq!(answer.status, 101, "{}", answer.head);
    nobody_is_blamed(&gateway, &backend).await;
}
