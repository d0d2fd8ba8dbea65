//! Whose is a connection over which somebody has authenticated himself? NTLM and Negotiate make the connection the user's, so it must be
//! nobody else's.

use super::PULSEGATE;
use super::pool_with;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::client::{Answer, Client};
use support::eventually;
use support::gateway::Gateway;
use support::h2::{self, H2Backend, H2Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A backend that knows who is at the other end of a connection once they have shaken hands.
struct Knowing {
    address: SocketAddr,
    /// Connections that carried a request, probes left out, and those of them that are open.
    used: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Knowing {
    /// `scheme`: what it offers.
    async fn start(scheme: &'static str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (used, open): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let counts = (Arc::clone(&used), Arc::clone(&open));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let (used, open) = counts.clone();
                tokio::spawn(async move {
                    let mut counted = None;
                    serve(stream, scheme, address, &mut || {
                        counted.get_or_insert_with(|| {
                            open.fetch_add(1, SeqCst);
                            used.fetch_add(1, SeqCst)
                        });
                    })
                    .await;
                    if counted.is_some() {
                        open.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        Self { address, used, open, accepting }
    }
}

impl Drop for Knowing {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, scheme: &str, address: SocketAddr, count: &mut impl FnMut()) {
    let mut user = String::new();
    while let Some(head) = head(&mut stream).await {
        let said = head.lines().find_map(|line| line.to_lowercase().strip_prefix("authorization: ").map(str::to_owned));
        let said = said.unwrap_or_default();
        if head.starts_with("GET /ready ") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            continue;
        }
        count();
        if let Some((_, name)) = said.split_once("proof-of-") {
            name.clone_into(&mut user);
        }
        let offer = match said.contains("hello") {
            true => format!("WWW-Authenticate: {scheme} challenge\r\n"),
            false => {
                format!("WWW-Authenticate: Basic realm=\"a, b\"\r\nwww-authenticate: Digest realm=\"x\", {scheme}\r\n")
            }
        };
        let (status, offer) = if user.is_empty() { ("401 Unauthorized", offer) } else { ("200 OK", String::new()) };
        let body = format!("{user}@{address}");
        let answer = format!("HTTP/1.1 {status}\r\n{offer}Content-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

async fn ask(client: &mut Client, credentials: &str) -> Answer {
    let field = if credentials.is_empty() { String::new() } else { format!("Authorization: {credentials}\r\n") };
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n")).await;
    client.answer().await
}

/// Shakes hands as `name`; what the backend that knows them calls them.
async fn login(client: &mut Client, scheme: &str, name: &str) -> String {
    assert_eq!(ask(client, "").await.status, 401);
    assert_eq!(ask(client, &format!("{scheme} hello")).await.status, 401);
    let answer = ask(client, &format!("{scheme} proof-of-{name}")).await;
    assert_eq!(answer.status, 200, "the hands were shaken over one connection");
    answer.text()
}

/// A connection waits for whoever comes next.
async fn rests(gateway: &Gateway) {
    let series = "pulsegate_upstream_connections{state=\"idle\",upstream=\"pool\"} 1";
    let metrics = async || gateway.get("/metrics").await.unwrap_or_default();
    eventually("a connection rests", async || metrics().await.lines().any(|line| line == series)).await;
}

const TURNS: &str = "    balance: { policy: round_robin }\n";

#[tokio::test]
async fn whoever_comes_next_is_not_served_as_the_one_before() {
    for scheme in ["NTLM", "negotiate"] {
        let backend = Knowing::start(scheme).await;
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], "")).await;
        let mut alice = Client::connect(gateway.address).await;
        assert!(login(&mut alice, scheme, "alice").await.starts_with("alice@"));
        let mut nobody = Client::connect(gateway.address).await;
        for _ in 0..3 {
            assert_eq!(ask(&mut nobody, "").await.status, 401, "{scheme}");
        }
        let mut bob = Client::connect(gateway.address).await;
        assert!(login(&mut bob, scheme, "bob").await.starts_with("bob@"));
        for _ in 0..3 {
            assert!(ask(&mut alice, "").await.text().starts_with("alice@"), "{scheme}");
            assert!(ask(&mut bob, "").await.text().starts_with("bob@"), "{scheme}");
        }
        // One each: those who were asked for credentials have had theirs since.
        assert_eq!(backend.used.load(SeqCst), 3, "{scheme}");
        drop((alice, bob, nobody));
        eventually("they end with their clients", async || backend.open.load(SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn a_client_that_is_known_stays_with_its_backend_past_the_balancer() {
    let (one, two) = (Knowing::start("NTLM").await, Knowing::start("NTLM").await);
    let gateway = PULSEGATE.start(&pool_with(&[one.address, two.address], TURNS)).await;
    let mut alice = Client::connect(gateway.address).await;
    let known = login(&mut alice, "NTLM", "alice").await;
    for _ in 0..6 {
        let answer = ask(&mut alice, "").await;
        assert_eq!((answer.status, answer.text()), (200, known.clone()));
    }
    // Others take turns meanwhile.
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..6 {
        seen.insert(ask(&mut Client::connect(gateway.address).await, "").await.text());
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    // While that backend may get traffic.
    let address = known.trim_start_matches("alice@");
    assert_eq!(gateway.command(&["drain", "pool", address]).0, 0);
    eventually("it is drained", async || gateway.standing_of(address).await == "drained").await;
    let answer = ask(&mut alice, "").await;
    assert_eq!(answer.status, 401, "the other does not know her");
    assert!(!answer.text().ends_with(address), "{}", answer.text());
}

#[tokio::test]
async fn a_connection_that_carries_many_users_owns_none() {
    let backend = Knowing::start("NTLM").await;
    let yaml = pool_with(&[backend.address], "");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = H2Client::connect(gateway.address).await;
    for number in 1..=3 {
        let mut request = h2::get("/");
        request.headers_mut().insert("authorization", "NTLM proof-of-alice".parse().unwrap());
        let (response, _) = client.open(request, true).await;
        assert_eq!(h2::Answer::of(response).await.unwrap().status, 200);
        assert_eq!(client.get("/").await.status, 401, "each stream may be somebody else's");
        assert_eq!(backend.used.load(SeqCst), 2 * number);
        eventually("they end with the exchange", async || backend.open.load(SeqCst) == 0).await;
    }

    let backend = Knowing::start("NTLM").await;
    let yaml = pool_with(&[backend.address], "");
    let gateway = PULSEGATE.start_with(&yaml, "    trusted_proxies: [127.0.0.1]").await;
    let mut proxy = Client::connect(gateway.address).await;
    for _ in 0..3 {
        assert_eq!(ask(&mut proxy, "NTLM proof-of-alice").await.status, 200);
        assert_eq!(ask(&mut proxy, "").await.status, 401, "each request may be somebody else's");
        eventually("they end with the exchange", async || backend.open.load(SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn a_shared_connection_that_carried_a_proof_takes_nobody_else() {
    let backend = H2Backend::start(|mut call| async move {
        let response = http::Response::builder().status(401).header("www-authenticate", "Negotiate").body(()).unwrap();
        call.respond.send_response(response, true).unwrap();
    })
    .await;
    for (keys, expected) in [("", 3), ("    connection_auth: share\n", 4)] {
        let more = format!("    protocol: http2\n{keys}");
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], &more)).await;
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..3 {
            assert_eq!(ask(&mut client, "").await.status, 401);
        }
        assert_eq!(backend.connections.load(SeqCst), expected, "so far: three, and one for all");
    }
}

#[tokio::test]
async fn backends_that_authenticate_requests_share_their_connections() {
    let backend = Knowing::start("Negotiate").await;
    let yaml = pool_with(&[backend.address], "    connection_auth: share\n");
    let gateway = PULSEGATE.start(&yaml).await;
    for _ in 0..4 {
        assert_eq!(ask(&mut Client::connect(gateway.address).await, "Negotiate hello").await.status, 401);
        rests(&gateway).await;
    }
    assert_eq!(backend.used.load(SeqCst), 1);
}

#[tokio::test]
async fn other_schemes_share_as_ever() {
    let backend = Knowing::start("Bearer").await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "")).await;
    for _ in 0..4 {
        assert_eq!(ask(&mut Client::connect(gateway.address).await, "Bearer NTLM").await.status, 401);
        rests(&gateway).await;
    }
    assert_eq!(backend.used.load(SeqCst), 1);
}
