//! Do interim answers (102, 103 and whatever comes) reach the client, and nothing else change by them?

use super::{PULSEGATE, pool_with};
use http::Response;
use std::future::poll_fn;
use std::time::Duration;
use support::PATIENCE;
use support::client::Client;
use support::h2::{self, H2Backend, H2Client};
use support::raw::{Raw, Step, ok, send};
use tokio::time::timeout;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n\
     Content-Length: 9\r\nX-Drain: no\r\nX-Secret: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";

/// The interim answers to a request of HTTP/2, then the final one.
async fn all(client: &mut H2Client, path: &str) -> (Vec<Response<()>>, h2::Answer) {
    let (mut response, _) = client.open(h2::get(path), true).await;
    let mut interims = Vec::new();
    while let Some(interim) = timeout(PATIENCE, poll_fn(|cx| response.poll_informational(cx))).await.expect("in time") {
        interims.push(interim.expect("an interim answer"));
    }
    (interims, h2::Answer::of(response).await.expect("an answer"))
}

#[tokio::test]
async fn they_travel_under_the_rules_of_every_answer() {
    let backend = Raw::start(|_, _| vec![send(PROCESSING), send(HINTS), ok("served")]).await;
    let more = "    drain_header: { name: X-Drain, value: \"yes\" }\n";
    let yaml = pool_with(&[backend.address], more).replace(
        "{ upstream: pool }",
        "{ upstream: pool, response_headers: { remove: [x-secret], set: { X-Frame-Options: DENY } } }",
    );
    // One worker, so that all clients could share one connection.
    let gateway = PULSEGATE.start(&(yaml + "threads: 1\n")).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        let processing = client.get("/").await;
        assert_eq!((processing.status, processing.header("x-frame-options")), (102, Some("DENY")));
        let hints = client.answer().await;
        assert!(hints.head.starts_with("HTTP/1.1 103 Early Hints\r\n"), "{hints:?}");
        assert_eq!(hints.header("link"), Some("</x.css>; rel=preload"));
        assert_eq!(hints.head.matches("Set-Cookie: ").count(), 2, "{hints:?}");
        for gone in ["connection", "x-hop", "keep-alive", "content-length", "x-drain", "x-secret", "x-request-id"] {
            assert_eq!(hints.header(gone), None, "{gone}: {hints:?}");
        }
        let answer = client.answer().await;
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("served", Some("keep-alive")));
    }

    let mut newer = H2Client::connect(gateway.address).await;
    let (interims, answer) = all(&mut newer, "/").await;
    assert_eq!(interims.iter().map(|interim| interim.status().as_u16()).collect::<Vec<_>>(), [102, 103]);
    assert_eq!(interims[1].headers()["link"], "</x.css>; rel=preload");
    assert!(!interims[1].headers().contains_key("content-length") && !interims[1].headers().contains_key("x-hop"));
    assert_eq!(answer.text(), "served");

    let mut older = Client::connect(gateway.address).await;
    older.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(older.answer().await.text(), "served", "HTTP/1.0 knows of none");
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn those_of_backends_of_http2_travel_too() {
    let backend = H2Backend::start(|mut call| async move {
        for status in [102, 103, 104] {
            let interim = Response::builder().status(status).header("link", "</x.css>").body(()).unwrap();
            call.respond.send_informational(interim).unwrap();
        }
        call.answer("served");
    })
    .await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n")).await;
    let mut client = Client::connect(gateway.address).await;
    let first = client.get("/").await;
    let others = [client.answer().await, client.answer().await, client.answer().await];
    assert_eq!((first.status, first.header("link")), (102, Some("</x.css>")));
    assert_eq!(others.each_ref().map(|answer| answer.status), [103, 104, 200]);
    let mut newer = H2Client::connect(gateway.address).await;
    let (interims, answer) = all(&mut newer, "/").await;
    assert_eq!((interims.len(), answer.text().as_str()), (3, "served"));
}

#[tokio::test]
async fn they_are_no_beginning_of_an_answer() {
    let failing = Raw::start(|head, _| match head.split(' ').nth(1) {
        Some("/reset") => vec![send(HINTS), Step::Reset],
        Some("/503") => vec![send(HINTS), send("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")],
        _ => vec![send(HINTS), Step::Hang],
    })
    .await;
    let served = Raw::start(|_, _| vec![ok("served")]).await;
    let more = "    passive: { enabled: false }\n    balance: { policy: round_robin }\n    timeouts: { per_try: 2s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[failing.address, served.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    for path in ["/reset", "/reset", "/503", "/503", "/silent", "/silent"] {
        let mut answer = client.get(path).await;
        while answer.status == 103 {
            answer = client.answer().await;
        }
        assert_eq!(answer.text(), "served", "{path}");
    }
    assert!(failing.seen().len() >= 3, "it was asked too");

    let alone = PULSEGATE.start(&pool_with(&[failing.address], more)).await;
    let mut client = Client::connect(alone.address).await;
    assert_eq!(client.get("/silent").await.status, 103);
    let ours = client.answer().await;
    assert_eq!((ours.status, ours.reason().as_str()), (504, "backend_timeout"));
}

#[tokio::test]
async fn those_of_a_rival_are_nobody_s() {
    let slow = |wait| move |_: &str, _| vec![Step::Wait(wait), send(HINTS), ok("served")];
    let (one, other) = (Raw::start(slow(PATIENCE)).await, Raw::start(slow(Duration::from_millis(50))).await);
    let yaml = pool_with(&[one.address, other.address], "    balance: { policy: round_robin }\n")
        .replace("{ upstream: pool }", "{ upstream: pool, hedge: 100ms }");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    let mut hedged = 0;
    while hedged == 0 {
        let before = one.seen().len();
        let answer = client.get("/").await;
        if one.seen().len() > before {
            hedged += 1;
            assert_eq!((answer.status, answer.text().as_str()), (200, "served"));
        } else {
            assert_eq!((answer.status, client.answer().await.status), (103, 200), "it was asked first");
        }
    }
}

#[tokio::test]
async fn they_come_while_a_body_still_goes_up() {
    let hinting = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = hinting.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = hinting.accept().await.expect("a connection");
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        let mut hinted = false;
        while !seen.ends_with(b"end") {
            let read = stream.read(&mut piece).await.expect("bytes");
            seen.extend_from_slice(&piece[..read]);
            if !std::mem::replace(&mut hinted, true) {
                stream.write_all(HINTS.as_bytes()).await.expect("written");
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.expect("written");
        while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {}
    });
    let yaml = format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"] }}\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nbegin").await;
    assert_eq!(client.answer().await.status, 103);
    client.send("end").await;
    let answer = client.answer().await;
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("done", Some("keep-alive")));
    serving.abort();
}

#[tokio::test]
async fn whoever_ends_behind_an_interim_answer_has_had_the_request() {
    let backend = Raw::start(|head, _| match head.starts_with("GET /dies ") {
        true => vec![send(PROCESSING), Step::Close],
        false => vec![ok("served")],
    })
    .await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    retries: { limit: 0 }\n")).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "served");
    // Over the connection that rests now.
    assert_eq!(client.get("/dies").await.status, 102);
    assert_eq!(client.answer().await.status, 502);
    let asked = backend.seen().iter().filter(|head| head.starts_with("GET /dies ")).count();
    assert_eq!(asked, 1, "a backend that has spoken is not taken for an idle connection that had ended");
}

/// As every answer's.
#[tokio::test]
async fn its_reason_is_what_its_backend_says() {
    let backend = Raw::start(|_, _| vec![send("HTTP/1.1 199 Nearly there\r\n\r\n"), ok("served")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "")).await;
    let mut client = Client::connect(gateway.address).await;
    let interim = client.get("/").await;
    assert_eq!(interim.head, "HTTP/1.1 199 Nearly there");
    assert_eq!(client.answer().await.text(), "served");
}
