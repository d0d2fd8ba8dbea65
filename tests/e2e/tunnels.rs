//! What leaves HTTP behind: bytes that travel both ways, each direction to its own end.

use super::PULSEGATE;
use super::{pool, pool_with};
use std::net::SocketAddr;
use support::PATIENCE;
use support::client::Client;
use support::gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A backend that switches, and then is the test's.
struct Switching {
    address: SocketAddr,
    tunnels: UnboundedReceiver<(String, TcpStream)>,
    accepting: JoinHandle<()>,
}

impl Switching {
    /// `greeting` leaves with the head of the 101.
    async fn start(greeting: &'static str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (told, tunnels) = unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    if head.starts_with("GET /ready ") {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                        return;
                    }
                    if head.starts_with("POST ") {
                        let mut body = [0; 2];
                        stream.read_exact(&mut body).await.expect("a body");
                        assert_eq!(&body, b"{}");
                    }
                    let asked = head.lines().find(|line| line.to_ascii_lowercase().starts_with("upgrade:"));
                    let asked = asked.unwrap_or("Upgrade: tcp");
                    let switch = format!("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n{asked}\r\n\r\n");
                    stream.write_all(format!("{switch}{greeting}").as_bytes()).await.expect("the gateway reads");
                    let _ = told.send((head, stream));
                });
            }
        });
        Self { address, tunnels, accepting }
    }

    async fn next(&mut self) -> (String, TcpStream) {
        timeout(PATIENCE, self.tunnels.recv()).await.expect("a tunnel in time").expect("a tunnel")
    }
}

impl Drop for Switching {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Not a byte further than the head.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// All that comes to the end of this direction.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end in time").expect("a clean end");
    String::from_utf8_lossy(&all).into_owned()
}

/// As `docker exec -i` asks; `first` is sent with it.
async fn exec(gateway: &Gateway, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    let request = format!(
        "POST /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{{}}{first}"
    );
    stream.write_all(request.as_bytes()).await.expect("the gateway reads");
    let head = timeout(PATIENCE, head(&mut stream)).await.expect("an answer in time");
    assert!(head.starts_with("HTTP/1.1 101 ") && head.to_lowercase().contains("\r\nupgrade: tcp\r\n"), "{head}");
    stream
}

#[tokio::test]
async fn the_end_of_one_direction_is_passed_on_and_the_other_goes_on() {
    let mut backend = Switching::start("").await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    // The client has said all, and hears the rest.
    let mut client = exec(&gateway, "").await;
    let (_, mut far) = backend.next().await;
    client.write_all(b"input").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "input");
    for piece in ["out", "put"] {
        far.write_all(piece.as_bytes()).await.unwrap();
    }
    drop(far);
    assert_eq!(rest(&mut client).await, "output");
    // The backend has said all, and hears the rest.
    let mut client = exec(&gateway, "").await;
    let (_, mut far) = backend.next().await;
    far.write_all(b"output").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, "output");
    for piece in ["in", "put"] {
        client.write_all(piece.as_bytes()).await.unwrap();
    }
    drop(client);
    assert_eq!(rest(&mut far).await, "input");
}

#[tokio::test]
async fn bytes_that_come_with_the_heads_are_passed_on() {
    let mut backend = Switching::start("welcome ").await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = exec(&gateway, "at once ").await;
    let (_, mut far) = backend.next().await;
    client.write_all(b"later").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "at once later");
    far.write_all(b"back").await.unwrap();
    drop(far);
    assert_eq!(rest(&mut client).await, "welcome back");
}

#[tokio::test]
async fn what_is_said_and_ended_before_the_switch_is_passed_on_behind_it() {
    let mut backend = Switching::start("").await;
    let keys = "    half_closed_clients: answer";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), keys).await;
    for request in [
        "POST /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}",
        "GET /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    ] {
        let mut client = TcpStream::connect(gateway.address).await.unwrap();
        client.set_nodelay(true).unwrap();
        for piece in [request, "in", "put"] {
            client.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.unwrap();
        let (_, mut far) = backend.next().await;
        assert_eq!(rest(&mut far).await, "input");
        far.write_all(b"output").await.unwrap();
        drop(far);
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\noutput"), "{answer}");
    }
}

#[tokio::test]
async fn a_large_answer_arrives_whole_behind_the_end_of_the_question() {
    let mut backend = Switching::start("").await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = exec(&gateway, "").await;
    let (_, mut far) = backend.next().await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "");
    let sending = tokio::spawn(async move { far.write_all(&vec![b'x'; 8_000_000]).await });
    assert_eq!(rest(&mut client).await.len(), 8_000_000);
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn half_a_tunnel_ends_with_a_reset_or_its_silence() {
    let mut backend = Switching::start("").await;
    let yaml = pool_with(&[backend.address], "    timeouts: { idle: 1s }\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = exec(&gateway, "").await;
    let (_, mut far) = backend.next().await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "");
    assert_eq!(rest(&mut client).await, "", "nobody says anything any more");

    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = exec(&gateway, "").await;
    let (_, mut far) = backend.next().await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "");
    client.set_zero_linger().unwrap();
    drop(client);
    let address = backend.address.to_string();
    let ended = async || gateway.backend(&address).await["in_flight"] == 0;
    support::eventually("its place is free", ended).await;
}

#[tokio::test]
async fn an_upgrade_is_passed_on_whatever_the_lines_of_connection_look_like() {
    let mut backend = Switching::start("").await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for lines in [
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket",
        "connection: keep-alive\r\nConnection: UPGRADE\r\nupgrade: WebSocket",
        "Connection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: websocket",
        "Upgrade: websocket\r\nConnection: foo ,\tupgrade , bar\r\nConnection: close",
        "Connection: ,,upgrade,\r\nUpgrade: websocket",
        "Connection: \r\nConnection: X-One\r\nX-One: 1\r\nConnection: upgrade\r\nUpgrade: websocket",
    ] {
        let mut client = TcpStream::connect(gateway.address).await.unwrap();
        let request = format!(
            "GET /chat HTTP/1.1\r\nHost: a\r\n{lines}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = timeout(PATIENCE, head(&mut client)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{lines:?}: {answer}");
        let (head, mut far) = backend.next().await;
        let head = head.to_lowercase();
        assert!(head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"), "{head}");
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(rest(&mut far).await, "bye", "{lines:?}");
        far.write_all(b"see you").await.unwrap();
        drop(far);
        assert_eq!(rest(&mut client).await, "see you", "{lines:?}");
    }
}

#[tokio::test]
async fn a_tunnel_in_tls_half_closes_too() {
    let folder = tempfile::TempDir::new().unwrap();
    let made = support::tls::self_signed(&["localhost"], |_| {});
    made.write(folder.path(), "a");
    let keys = format!("    tls: {{ certificate: {0}/a.crt, key: {0}/a.key }}", folder.path().display());
    let mut backend = Switching::start("").await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &keys).await;
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(support::tls::Hello::default().config()));
    let mut client = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").await.unwrap();
    let (_, mut far) = backend.next().await;
    client.write_all(b"input").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut far).await, "input");
    far.write_all(b"output").await.unwrap();
    drop(far);
    let mut all = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut all)).await.unwrap().expect("TLS says goodbye");
    assert!(String::from_utf8_lossy(&all).ends_with("\r\n\r\noutput"), "{}", String::from_utf8_lossy(&all));
}

#[tokio::test]
async fn whoever_asks_for_no_switch_gets_none() {
    let backend = Switching::start("").await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for lines in ["Upgrade: websocket", "Connection: keep-alive\r\nUpgrade: websocket", "Connection: upgrade"] {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 502, "{lines:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_ends_at_the_gateway_needs_one_key() {
    let backend = super::versions::announcing().await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n")).await;
    let good = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for keys in [
        "",
        "Sec-WebSocket-Key:\r\n",
        "Sec-WebSocket-Key: AAAA\r\n",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA,A==\r\n",
        &good.repeat(2),
        good,
    ] {
        let mut client = Client::connect(gateway.address).await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        client.send(format!("GET /chat?x HTTP/1.1\r\nHost: a.example\r\n{upgrade}{keys}\r\n")).await;
        let answer = client.answer().await;
        if keys == good {
            assert_eq!(answer.status, 101, "{answer:?}");
        } else {
            assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{keys:?}");
        }
    }
}
