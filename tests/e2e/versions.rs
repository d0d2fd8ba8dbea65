//! Upgrades go from any version of HTTP to any other: WebSocket over HTTP/1.1 and over a stream of HTTP/2 (RFC 8441), between clients and backends
//! of either; where a backend cannot, its client is told.

use super::PULSEGATE;
use super::{pool, pool_with};
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::PATIENCE;
use support::client::Client;
use support::gateway::Gateway;
use support::h2::{Answer, Call, H2Backend, H2Client, get};
use support::raw::{Raw, ok, send};
use support::raw_h2::{Frames, request};
use support::tunnel::{ask, connect, over};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// SETTINGS_ENABLE_CONNECT_PROTOCOL.
const CONNECT_PROTOCOL: u16 = 8;
const HANDSHAKE: &[(&str, &str)] = &[("sec-websocket-version", "13"), ("origin", "http://a.example")];

/// Says everything back, and says goodbye as WebSocket does.
async fn echo(mut socket: WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() || socket.send(message).await.is_err() {
            break;
        }
    }
    while let Some(Ok(_)) = socket.next().await {}
}

/// A conversation, to its goodbye.
async fn converse(mut socket: WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) {
    let large = "x".repeat(300_000);
    for text in ["hello", large.as_str(), "bye"] {
        socket.send(Message::text(text)).await.expect("the gateway takes it");
        let back = timeout(PATIENCE, socket.next()).await.expect("an echo in time").expect("an echo").expect("an echo");
        assert_eq!(back.to_text().unwrap().len(), text.len());
    }
    socket.close(None).await.expect("a goodbye");
    let last = timeout(PATIENCE, socket.next()).await.expect("a goodbye in time");
    assert!(last.is_none_or(|said| said.is_ok_and(|said| said.is_close())));
}

/// A backend of HTTP/1.1 that speaks WebSocket; and HTTP/2 that does not, where it is asked so.
pub(super) async fn both(calls: Arc<AtomicUsize>) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let calls = calls.clone();
            tokio::spawn(async move {
                let mut first = [0; 3];
                while stream.peek(&mut first).await.unwrap_or(3) < 3 {
                    tokio::task::yield_now().await;
                }
                match &first {
                    b"PRI" => {
                        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                        while let Some(Ok((request, respond))) = connection.accept().await {
                            let (request, body) = request.into_parts();
                            calls.fetch_add(1, Ordering::Relaxed);
                            Call { request, body, respond }.answer("over HTTP/2");
                        }
                    }
                    b"POS" => {
                        let mut request = Vec::new();
                        while !request.ends_with(b"\r\n\r\n{}") {
                            assert!(stream.read_buf(&mut request).await.expect("a request") > 0, "head and body");
                        }
                        let switch = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
                        stream.write_all(switch).await.expect("the gateway reads");
                        let (mut from, mut to) = stream.split();
                        let _ = tokio::io::copy(&mut from, &mut to).await;
                    }
                    _ => {
                        let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
                        echo(socket).await;
                    }
                }
            });
        }
    });
    address
}

/// A backend of HTTP/2 that announces tunnels, and speaks WebSocket in them.
pub(super) async fn announcing() -> H2Backend {
    let mut settings = h2::server::Builder::new();
    settings.enable_connect_protocol();
    H2Backend::with(settings, Duration::ZERO, |mut call: Call| async move {
        let head = &call.request;
        assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("CONNECT", "http://a.example/chat?x"));
        assert_eq!(head.extensions.get::<h2::ext::Protocol>().unwrap().as_str(), "websocket");
        assert!(!head.headers.contains_key("sec-websocket-key"), "{head:?}");
        assert_eq!(head.headers["sec-websocket-version"], "13");
        let leaving = call.head(&[]);
        echo(WebSocketStream::from_raw_socket(over(call.body, leaving), Role::Server, None).await).await;
    })
    .await
}

fn h2_pool(backend: SocketAddr) -> String {
    pool_with(&[backend], "    protocol: http2\n")
}

/// A client of HTTP/2 has a conversation.
pub(super) async fn over_http2(gateway: &Gateway) {
    let mut client = H2Client::connect(gateway.address).await;
    let (head, coming, leaving) = ask(&mut client, connect("/chat?x", "websocket", HANDSHAKE)).await;
    assert_eq!(head.status, StatusCode::OK);
    for name in ["upgrade", "connection", "sec-websocket-accept", "transfer-encoding", "content-length"] {
        assert!(!head.headers.contains_key(name), "{head:?}");
    }
    converse(WebSocketStream::from_raw_socket(over(coming, leaving), Role::Client, None).await).await;
}

/// A client of HTTP/1.1 has one. Its library looks at what was made of its key.
pub(super) async fn over_http1(gateway: &Gateway) {
    let stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    let (socket, _) = tokio_tungstenite::client_async("ws://a.example/chat?x", stream).await.expect("a WebSocket");
    converse(socket).await;
}

#[tokio::test]
async fn a_client_of_http2_speaks_web_socket_with_a_backend_of_http1() {
    let backend = both(Arc::default()).await;
    let gateway = PULSEGATE
        .start(&format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{backend}\"] }}\n"))
        .await;
    over_http2(&gateway).await;
    support::eventually("its record says what the client saw", async || {
        gateway.output().lines().any(|line| line.contains("path=/chat") && line.contains("status=200"))
    })
    .await;
}

#[tokio::test]
async fn each_direction_of_a_tunnel_ends_by_itself_whatever_the_versions() {
    let (told, mut tunnels) = tokio::sync::mpsc::unbounded_channel();
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.expect("a head");
            assert!(String::from_utf8_lossy(&head[..read]).to_lowercase().contains("upgrade: tcp\r\n"));
            let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
            stream.write_all(switch).await.expect("the gateway reads");
            let _ = told.send(stream);
        }
    });
    let gateway = PULSEGATE
        .start(&format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"] }}\n"))
        .await;
    let mut client = H2Client::connect(gateway.address).await;
    for client_first in [true, false] {
        let (head, coming, leaving) = ask(&mut client, connect("/exec", "tcp", &[])).await;
        assert_eq!(head.status, StatusCode::OK);
        let mut near = over(coming, leaving);
        let mut far = tunnels.recv().await.expect("a tunnel");
        let mut ends: [&mut dyn Both; 2] = [&mut near, &mut far];
        if !client_first {
            ends.reverse();
        }
        for _ in 0..2 {
            let [from, to] = &mut ends;
            from.write_all(b"all of it").await.expect("the gateway reads");
            from.shutdown().await.expect("a direction ends");
            let mut all = Vec::new();
            timeout(PATIENCE, to.read_to_end(&mut all)).await.expect("an end in time").expect("a clean end");
            assert_eq!(all, b"all of it", "the client first: {client_first}");
            ends.reverse();
        }
    }
}

/// Either end of a tunnel.
trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

#[tokio::test]
async fn clients_of_both_versions_speak_web_socket_with_a_backend_of_http2_that_announces_it() {
    let backend = announcing().await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address)).await;
    for _ in 0..3 {
        over_http2(&gateway).await;
        over_http1(&gateway).await;
    }
    assert_eq!(backend.connections.load(Ordering::Relaxed), 1, "tunnels are streams as others are");
}

#[tokio::test]
async fn a_backend_of_http2_that_does_not_announce_it_is_asked_over_http1() {
    let calls = Arc::new(AtomicUsize::new(0));
    let backend = both(calls.clone()).await;
    let gateway = PULSEGATE.start(&h2_pool(backend)).await;
    for _ in 0..2 {
        over_http2(&gateway).await;
        over_http1(&gateway).await;
        let mut client = H2Client::connect(gateway.address).await;
        assert_eq!(client.get("/x").await.text(), "over HTTP/2");
    }
    assert!(calls.load(Ordering::Relaxed) >= 2);
    // As `docker exec` asks: a CONNECT has no place for its method and its body.
    let mut client = Client::connect(gateway.address).await;
    let exec = "POST /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}";
    client.send(exec).await;
    assert_eq!(client.answer().await.status, 101);
    client.send("echo").await;
    assert_eq!(client.bytes().await, b"echo");
}

#[tokio::test]
async fn a_backend_that_can_do_neither_is_not_blamed_and_the_client_is_told() {
    let backend = H2Backend::start(|call| async { call.answer("hello") }).await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address)).await;
    for _ in 0..10 {
        let mut client = H2Client::connect(gateway.address).await;
        let (head, coming, _leaving) = ask(&mut client, connect("/chat", "websocket", HANDSHAKE)).await;
        assert_eq!(head.status, StatusCode::BAD_GATEWAY);
        assert!(body(coming).await.contains("\"reason\":\"upgrade_refused\""));
        let mut client = Client::connect(gateway.address).await;
        client.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.reason().as_str()), (502, "upgrade_refused"));
    }
    assert_eq!(gateway.standing_of(&backend.address.to_string()).await, "up");
    let mut client = H2Client::connect(gateway.address).await;
    assert_eq!(client.get("/x").await.text(), "hello");
}

#[tokio::test]
async fn an_answer_that_is_no_switch_is_never_taken_for_a_tunnel() {
    let backend = Raw::start(|head, _| {
        let answer = |status: &str| send(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno"));
        match head {
            head if head.starts_with("GET /open ") => vec![ok("hello")],
            head if head.starts_with("GET /closed ") => vec![answer("401 Unauthorized")],
            head if head.starts_with("GET /late ") => vec![answer("404 Not Found")],
            _ => vec![send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")],
        }
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = H2Client::connect(gateway.address).await;
    for (path, status, says) in [
        ("/open", 502, "upgrade_refused"),
        ("/closed", 401, "no"),
        ("/late", 404, "no"),
        ("/wrong-accept", 502, "bad_backend_answer"),
    ] {
        let (head, coming, _leaving) = ask(&mut client, connect(path, "websocket", HANDSHAKE)).await;
        assert_eq!(head.status, status, "{path}");
        let text = body(coming).await;
        assert!(text.contains(says), "{path}: {text}");
    }
    let seen = backend.seen().remove(0).to_lowercase();
    assert!(seen.starts_with("get /open http/1.1\r\nhost: a.example\r\n"), "{seen}");
    for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13", "sec-websocket-key: "] {
        assert!(seen.contains(&format!("\r\n{line}")), "{seen}");
    }
    assert!(!seen.contains("transfer-encoding") && !seen.contains("content-length"), "{seen}");
    let mut client = H2Client::connect(gateway.address).await;
    let (response, _) = client.open(get("/open"), true).await;
    assert_eq!(Answer::of(response).await.unwrap().text(), "hello");
}

#[tokio::test]
async fn tunnels_are_announced_and_those_to_elsewhere_are_refused() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Frames::connect(gateway.address).await;
    client.open(1, &request("GET", "/x"), true).await;
    assert!(client.outcome(1).await.is_some());
    assert_eq!(client.settings.get(&CONNECT_PROTOCOL), Some(&1));
    let tunnel = |protocol| [request("CONNECT", "/x"), vec![(":protocol", protocol)]].concat();
    for (stream, fields) in [
        (3, vec![(":method", "CONNECT"), (":authority", "elsewhere:443")]),
        (5, tunnel("h2c")),
        (7, tunnel("a b")),
        (9, [tunnel("websocket"), vec![("content-length", "3")]].concat()),
        (11, [request("GET", "/x"), vec![(":protocol", "websocket")]].concat()),
    ] {
        client.open(stream, &fields, false).await;
        let outcome = client.outcome(stream).await.expect("the connection goes on");
        assert!(outcome.is_over() && outcome.status() != Some(200), "{fields:?}: {outcome:?}");
    }
    assert_eq!(backend.seen().len(), 1, "{:?}", backend.seen());
}

async fn body(mut coming: h2::RecvStream) -> String {
    let mut all = Vec::new();
    while let Some(Ok(piece)) = timeout(PATIENCE, coming.data()).await.expect("an end in time") {
        all.extend_from_slice(&piece);
    }
    String::from_utf8_lossy(&all).into_owned()
}
