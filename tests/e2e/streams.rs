//! What flows: chunks both ways, large bodies, early bytes, early answers, tunnels, TLS, Unix sockets.

use super::PULSEGATE;
use super::{pool, pool_with};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use support::client::Client;
use support::raw::{Raw, Step, ok, send};
use support::{PATIENCE, free_address};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn chunks_travel_both_ways() {
    let backend = Raw::start(|request, _| {
        let body = request.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default().to_owned();
        vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), send(body)]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..3 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
        client.send("6\r\n world\r\n0\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "hello world");
    }
}

/// What is in chunks, however many they became on their way.
fn data(chunked: &str) -> String {
    let (mut data, mut rest) = (String::new(), chunked);
    while let Some((size, behind)) = rest.split_once("\r\n") {
        let (chunk, after) = behind.split_at(usize::from_str_radix(size, 16).expect("a size"));
        data.push_str(chunk);
        rest = after.strip_prefix("\r\n").expect("the end of a chunk");
    }
    data
}

#[tokio::test]
async fn a_chunk_size_that_arrives_in_pieces_does_not_end_the_body() {
    let backend = Raw::start(|request, _| vec![ok(request.split_once("\r\n\r\n").unwrap_or_default().1)]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.stream.set_nodelay(true).expect("a socket option");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let body = "1\r\na\r\n2d;x=y\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n\r\n0\r\n\r\n";
    for piece in body.as_bytes().chunks(1) {
        client.send(piece).await;
        support::pause(Duration::from_millis(2)).await;
    }
    let seen = client.answer().await.text();
    assert_eq!(data(&seen), "aGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n", "{seen:?}");
    assert_eq!(backend.seen().len(), 1, "{:?}", backend.seen());
}

#[tokio::test]
async fn the_first_byte_arrives_before_the_backend_has_finished() {
    for head in ["Transfer-Encoding: chunked", "Content-Length: 10"] {
        let chunked = head.starts_with('T');
        let backend = Raw::start(move |_, _| {
            let first = if chunked { "5\r\nfirst\r\n" } else { "first" };
            vec![
                send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n")),
                Step::Wait(Duration::from_millis(50)),
                send(first),
                Step::Hang,
            ]
        })
        .await;
        let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("first") {
            seen.extend(client.bytes().await);
        }
    }
}

#[tokio::test]
async fn a_head_without_a_body_yet_is_not_held_back() {
    let backend = Raw::start(|_, _| {
        vec![send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 5\r\n\r\n"), Step::Hang]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&client.bytes().await).starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_long_poll_is_not_cut_by_the_timer_of_a_try() {
    let backend = Raw::start(|head, _| match head.starts_with("GET /poll ") {
        true => vec![Step::Wait(Duration::from_millis(900)), ok("at last")],
        false => vec![Step::Hang],
    })
    .await;
    let more = "    timeouts: { per_try: 300ms }\n    retries: { limit: 0 }\n";
    let yaml = pool_with(&[backend.address], more)
        .replace("routes: [{", "routes: [{ match: { path: /poll }, upstream: pool, timeouts: { per_try: none } }, {");
    let gateway = PULSEGATE.start(&yaml).await;
    for (path, status) in [("/poll", 200), ("/x", 504)] {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_large_body_travels_both_ways_unharmed() {
    let backend = axum::Router::new()
        .route("/ready", axum::routing::get(|| async { "" }))
        .fallback(axum::routing::any(|body: axum::body::Body| async { body }));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(socket, backend).await });
    let gateway = PULSEGATE.start(&pool(&[address])).await;
    let body: Vec<u8> = (0..8_000_000u32).map(|n| (n % 251) as u8).collect();
    let client: hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request =
        http::Request::post(format!("http://{}/", gateway.address)).body(bytes::Bytes::from(body.clone()).into());
    let answer = client.request(request.expect("a request")).await.expect("an answer");
    let back = http_body_util::BodyExt::collect(answer.into_body()).await.expect("a whole body").to_bytes();
    assert!(back == body, "{} bytes came back", back.len());
    serving.abort();
}

#[tokio::test]
async fn an_early_answer_is_passed_on_and_the_rest_of_the_upload_is_never_a_request() {
    let backend = Raw::start_with_ready(|_, _| vec![ok("ready"), Step::Close]).await;
    let early = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = early.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = early.accept().await {
            let mut head = [0; 512];
            let _ = stream.read(&mut head).await;
            let _ =
                stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        }
    });
    let yaml = format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"] }}\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text().as_str()), (413, "no"));
    client.ended().await;
    assert!(backend.seen().is_empty());
    serving.abort();
}

#[tokio::test]
async fn a_connection_with_half_a_request_on_it_is_not_used_again() {
    // Answers 200 and keeps the connection as soon as it sees a head, whatever body is still to come.
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            tokio::spawn(async move {
                let mut seen = [0; 4096];
                while let Ok(read) = stream.read(&mut seen).await {
                    let text = String::from_utf8_lossy(&seen[..read]).into_owned();
                    if read == 0 {
                        return;
                    }
                    let verdict = if text.starts_with("POST ") || text.starts_with("GET ") { "head" } else { "amid" };
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{verdict}");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let yaml = format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"] }}\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await;
    let early = client.answer().await;
    assert_eq!((early.text().as_str(), early.header("connection")), ("head", Some("close")));
    for _ in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        assert_eq!(client.get("/").await.text(), "head", "a request was written into another's body");
    }
    serving.abort();
}

#[tokio::test]
async fn expect_100_continue_is_answered_before_the_body_comes() {
    let backend = Raw::start(|request, _| vec![ok(request.rsplit("\r\n\r\n").next().unwrap_or_default())]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer().await.text(), "hello");
}

#[tokio::test]
async fn web_sockets_pass_through() {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            tokio::spawn(async move {
                let Ok(mut echo) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(message)) = echo.next().await {
                    if message.is_close() || echo.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"], timeouts: {{ per_try: 4s }} }}\n"
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let (mut client, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/chat", gateway.address)).await.expect("a WebSocket");
    for text in ["hello", "again", "still"] {
        client.send(Message::text(text)).await.expect("sent");
        assert_eq!(client.next().await.expect("an echo").expect("an echo").into_text().expect("text").as_str(), text);
        // Two of them are longer than the per-try timer, which has no say in a tunnel.
        support::pause(Duration::from_millis(2200)).await;
    }
    client.close(None).await.expect("closed");
    serving.abort();
}

#[tokio::test]
async fn tls_on_both_sides() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["backend.test".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");

    // A gateway is the TLS backend of another: both sides of ours are tried at once.
    let tls = format!("    tls: {{ certificate: {}, key: {} }}", certificate.display(), key.display());
    let inner = PULSEGATE.start_with("routes: [{ respond: { body: from within } }]\n", &tls).await;
    let yaml = |ca: &str| {
        format!(
            "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    tls: {{ sni: backend.test{ca} }}\n    readiness: {{ \
             path: /, period: 300ms, timeout: 10s }}\n",
            inner.address
        )
    };
    let gateway = PULSEGATE.start(&yaml(&format!(", ca: {}", certificate.display()))).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "from within");

    let distrustful = PULSEGATE.start(&yaml("")).await;
    assert_eq!(Client::connect(distrustful.address).await.get("/").await.status, 503, "an unknown CA is not believed");
}

#[tokio::test]
async fn a_backend_may_listen_on_a_unix_socket() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("backend.sock");
    let socket = tokio::net::UnixListener::bind(&path).expect("a socket");
    let app = axum::Router::new().fallback(|| async { "over a file" });
    let serving = tokio::spawn(async move { axum::serve(socket, app).await });
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"unix:{}\"]\n    readiness: {{ path: /ready }}\n",
        path.display()
    );
    let gateway = PULSEGATE.start(&yaml).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "over a file");
    serving.abort();
}

#[tokio::test]
async fn a_slow_upload_blames_nobody() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    timeouts: { per_try: 2s }\n")).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n").await;
    for byte in ["a", "b", "c", "d", "e", "f"] {
        support::pause(Duration::from_millis(500)).await;
        client.send(byte).await;
    }
    assert_eq!(client.answer().await.text(), "served");
}

#[tokio::test]
async fn a_reader_that_is_slow_for_ever_is_cut_at_the_total_timeout() {
    let endless = Raw::start(|_, _| {
        let chunk = send("4000\r\n".to_owned() + &"x".repeat(0x4000) + "\r\n");
        let head = send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        std::iter::once(head).chain(std::iter::repeat_n(chunk, 4000)).collect()
    })
    .await;
    let gateway = PULSEGATE.start(&pool_with(&[endless.address], "    timeouts: { total: 1s }\n")).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // A little at a time: there is always something to write, and always something to read.
    let reading = async {
        let mut seen = [0; 1024];
        while client.stream.read(&mut seen).await.is_ok_and(|read| read > 0) {
            if gateway.backend(&endless.address.to_string()).await["in_flight"] == 0 {
                return;
            }
        }
    };
    assert!(timeout(PATIENCE, reading).await.is_ok(), "it is served for ever");
}

#[tokio::test]
async fn a_stream_with_nothing_to_say_blames_nobody() {
    let quiet = Raw::start(|_, _| {
        vec![send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: hello\n\n"), Step::Hang]
    })
    .await;
    let gateway =
        PULSEGATE.start(&pool_with(&[quiet.address, free_address()], "    timeouts: { idle: 100ms }\n")).await;
    for _ in 0..8 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.ended().await;
    }
    let backend = gateway.backend(&quiet.address.to_string()).await;
    assert_eq!(
        (backend["standing"].as_str(), backend["outcomes"]["window"]["failures"].as_u64()),
        (Some("up"), Some(0)),
        "{backend}"
    );
}
