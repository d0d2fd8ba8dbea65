//! The PROXY protocol: who the client is when a proxy in front says so, and what a backend is told.

use super::PULSEGATE;
use super::{pool, pool_with};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::h2::H2Client;
use support::raw::{Raw, ok};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const FROM_HERE: &str = "    proxy_protocol: { from: [127.0.0.0/8] }";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x09\xd4\x31\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A backend that answers with the head it was asked with.
async fn mirror() -> Raw {
    Raw::start(|request, _| vec![ok(request)]).await
}

async fn introduced(address: SocketAddr, header: &[u8]) -> Client {
    let mut client = Client::connect(address).await;
    client.send(header).await;
    client
}

fn field<'t>(head: &'t str, name: &str) -> &'t str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

/// Who the client is, as the backend learns it.
async fn named(client: &mut Client) -> (String, String) {
    let seen = client.get("/").await.text();
    (field(&seen, "X-Forwarded-For").to_owned(), field(&seen, "X-Real-IP").to_owned())
}

async fn counted(gateway: &Gateway, reason: &str) {
    let line = format!("pulsegate_refused_total{{listener=\"test\",reason=\"{reason}\"}}");
    let counted = async || gateway.get("/metrics").await.unwrap_or_default().contains(&line);
    eventually(&format!("{reason} is counted"), counted).await;
}

#[tokio::test]
async fn the_client_in_the_header_is_the_client_for_the_whole_connection() {
    let backend = mirror().await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), FROM_HERE).await;
    for (header, expected) in [
        (V1, "192.0.2.7"),
        (V2, "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::9 1 2\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (LOCAL, "127.0.0.1"),
    ] {
        let mut client = introduced(gateway.address, header).await;
        for _ in 0..2 {
            assert_eq!(named(&mut client).await, (expected.to_owned(), expected.to_owned()), "{header:?}");
        }
    }
    eventually("the log names it", async || gateway.output().contains("client=192.0.2.7 ")).await;
}

#[tokio::test]
async fn a_header_may_come_in_any_pieces() {
    let backend = mirror().await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), FROM_HERE).await;
    for header in [V1, V2] {
        let mut client = Client::connect(gateway.address).await;
        client.stream.set_nodelay(true).unwrap();
        for byte in [header, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat() {
            client.send([byte]).await;
            tokio::task::yield_now().await;
        }
        let seen = client.answer().await.text();
        assert_eq!(field(&seen, "X-Real-IP"), "192.0.2.7", "{header:?}: {seen}");
        // And with the request in the same segment.
        let mut client = introduced(gateway.address, &[header, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat()).await;
        assert_eq!(field(&client.answer().await.text(), "X-Real-IP"), "192.0.2.7", "{header:?}");
    }
}

#[tokio::test]
async fn http2_follows_a_header_too() {
    let backend = mirror().await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), FROM_HERE).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(V2).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    let mut client = H2Client { send, connection: tokio::spawn(connection) };
    for _ in 0..2 {
        let seen = client.get("/").await.text();
        assert_eq!(field(&seen, "X-Forwarded-For"), "192.0.2.7", "{seen}");
    }
}

#[tokio::test]
async fn a_peer_that_must_introduce_its_client_and_does_not_is_refused_in_silence() {
    let backend = mirror().await;
    let listener = format!("{FROM_HERE}\n    limits: {{ head_timeout: 2s }}");
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &listener).await;
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "proxy_header_missing"),
        (b"PROXY TCP4 192.0.2.7\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "proxy_header_malformed"),
        (b"PROXY TCP4 192.", "proxy_header_timeout"),
        (b"", "proxy_header_timeout"),
    ] {
        let mut client = introduced(gateway.address, bytes).await;
        assert!(client.whole_answer().await.is_none(), "{bytes:?}");
        counted(&gateway, reason).await;
    }
    assert_eq!(backend.seen(), [""; 0]);
}

#[tokio::test]
async fn nobody_else_may_say_who_the_client_is() {
    let backend = mirror().await;
    let listener = "    proxy_protocol: { from: [192.0.2.0/24] }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), listener).await;
    for header in [V1, V2] {
        let mut client = introduced(gateway.address, header).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 400, "{header:?}");
    }
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(named(&mut client).await.1, "127.0.0.1", "an ordinary client is served");
}

#[tokio::test]
async fn limits_are_the_clients_and_not_those_of_the_proxy_in_front() {
    let listener = format!("{FROM_HERE}\n    limits: {{ connections_per_client: 1 }}");
    let gateway = PULSEGATE.start_with("routes: [{ respond: { body: ok } }]\n", &listener).await;
    let mut first = introduced(gateway.address, V1).await;
    assert_eq!(first.get("/").await.status, 200);
    introduced(gateway.address, V2).await.ended().await;
    counted(&gateway, "too_many_connections_of_client").await;

    let mut open = Vec::new();
    let other = &b"PROXY TCP4 192.0.2.8 198.51.100.9 54321 443\r\n"[..];
    for header in [other, LOCAL, LOCAL] {
        let mut client = introduced(gateway.address, header).await;
        assert_eq!(client.get("/").await.status, 200, "{header:?}");
        open.push(client);
    }
    drop(first);
    eventually("its place is free again", async || {
        let mut again = Client::connect(gateway.address).await;
        let request = [V1, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        again.stream.write_all(&request).await.is_ok() && again.whole_answer().await.is_some()
    })
    .await;
}

#[tokio::test]
async fn trusted_proxies_is_about_the_client_in_the_header() {
    let backend = mirror().await;
    let listener = format!("{FROM_HERE}\n    trusted_proxies: [192.0.2.7]");
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &listener).await;
    for (header, expected) in [(V1, "203.0.113.5"), (b"PROXY TCP4 192.0.2.8 192.0.2.9 1 2\r\n", "192.0.2.8")] {
        let mut client = introduced(gateway.address, header).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n").await;
        assert_eq!(field(&client.answer().await.text(), "X-Real-IP"), expected);
    }
}

// ------------------------------------------------------------- to backends

/// A request, and with which header its connection (by number) began.
#[derive(Clone, Debug)]
struct Told {
    connection: usize,
    header: Vec<u8>,
    request: String,
}

/// A backend that expects a header on every connection.
struct Receiver {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
    /// Connections that are open.
    open: Arc<Mutex<usize>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (told, open) = <(Arc<Mutex<Vec<Told>>>, Arc<Mutex<usize>>)>::default();
        let (log, count) = (told.clone(), open.clone());
        let accepting = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = socket.accept().await else { return };
                let (log, count) = (log.clone(), count.clone());
                *count.lock().unwrap() += 1;
                tokio::spawn(async move {
                    let _ = receive(stream, connection, &log).await;
                    *count.lock().unwrap() -= 1;
                });
            }
        });
        Self { address, told, open, accepting }
    }

    fn requests(&self, probes: bool) -> Vec<Told> {
        let is_probe = |told: &&Told| told.request.starts_with("GET /ready ");
        self.told.lock().unwrap().iter().filter(|told| is_probe(told) == probes).cloned().collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn receive(mut stream: TcpStream, connection: usize, log: &Mutex<Vec<Told>>) -> std::io::Result<()> {
    let mut header = vec![0; 6];
    stream.read_exact(&mut header).await?;
    if header == b"PROXY " {
        while !header.ends_with(b"\r\n") {
            header.push(stream.read_u8().await?);
        }
    } else {
        header.resize(16, 0);
        stream.read_exact(&mut header[6..]).await?;
        let length = u16::from_be_bytes([header[14], header[15]]);
        header.resize(16 + usize::from(length), 0);
        stream.read_exact(&mut header[16..]).await?;
    }
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        log.lock().unwrap().push(Told { connection, header: header.clone(), request });
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
    }
}

/// What a client that came from `source` to `destination` is introduced with.
fn expected(version: &str, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let octets = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => v4.ip().octets(),
        SocketAddr::V6(_) => panic!("this test is about IPv4"),
    };
    let (from, to) = (source.port(), destination.port());
    match version {
        "v1" => format!("PROXY TCP4 {} {} {from} {to}\r\n", source.ip(), destination.ip()).into_bytes(),
        _ => [&V2[..16], &octets(source), &octets(destination), &from.to_be_bytes(), &to.to_be_bytes()].concat(),
    }
}

#[tokio::test]
async fn a_backend_is_told_whose_connection_it_gets_and_no_two_clients_share_one() {
    for version in ["v1", "v2"] {
        let backend = Receiver::start().await;
        let more = format!("    send_proxy_protocol: {version}\n");
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], &more)).await;
        let (mut one, mut other) = (Client::connect(gateway.address).await, Client::connect(gateway.address).await);
        let sources = [&one, &other].map(|client| client.stream.local_addr().unwrap());
        for _ in 0..3 {
            assert_eq!(one.get("/one").await.status, 200);
            assert_eq!(other.get("/other").await.status, 200);
        }
        let told = backend.requests(false);
        assert_eq!(told.len(), 6);
        for (path, source) in ["GET /one ", "GET /other "].into_iter().zip(sources) {
            let mut of_client = told.iter().filter(|told| told.request.starts_with(path));
            let first = of_client.next().unwrap();
            assert_eq!(first.header, expected(version, source, gateway.address), "{version}");
            assert!(of_client.all(|told| told.connection == first.connection), "{version}: its own is used again");
        }
        let used: std::collections::BTreeSet<_> = told.iter().map(|told| told.connection).collect();
        assert_eq!(used.len(), 2, "{version}");

        let local = if version == "v1" { &b"PROXY UNKNOWN\r\n"[..] } else { LOCAL };
        let probes = backend.requests(true);
        assert!(!probes.is_empty() && probes.iter().all(|probe| probe.header == local), "{version}: {probes:?}");

        drop((one, other));
        eventually("they end with their clients", async || *backend.open.lock().unwrap() == 0).await;
    }
}

#[tokio::test]
async fn headers_go_before_tls_on_both_sides_and_hand_on_whom_they_name() {
    let backend = mirror().await;
    let folder = tempfile::TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["backend.test".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.display(), key.display());
    let tls = format!("    tls: {{ certificate: {certificate}, key: {key} }}\n{FROM_HERE}");
    // Probes cross two gateways and TLS here, and this is not about their time.
    let patient = |backend: SocketAddr, more: &str| {
        format!(
            "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{backend}\"]\n    readiness: {{ path: /ready, period: \
             10s, timeout: 10s }}\n    slow_start: {{ duration: 0s }}\n{more}"
        )
    };
    let inner = PULSEGATE.start_with(&patient(backend.address, ""), &tls).await;
    for version in ["v1", "v2"] {
        let more = format!("    tls: {{ sni: backend.test, ca: {certificate} }}\n    send_proxy_protocol: {version}\n");
        let outer = PULSEGATE.start_with(&patient(inner.address, &more), FROM_HERE).await;
        let mut client = introduced(outer.address, V2).await;
        for _ in 0..2 {
            assert_eq!(named(&mut client).await.0, "192.0.2.7", "{version}");
        }
        // Nothing of a header is left over for a client that comes without one.
        let mut client = introduced(outer.address, LOCAL).await;
        assert_eq!(named(&mut client).await.0, "127.0.0.1", "{version}");
    }
}
