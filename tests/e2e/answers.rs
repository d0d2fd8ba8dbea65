//! What Pulsegate answers by itself: problem documents that leak nothing and keep the connection usable.

use super::PULSEGATE;
use super::{pool, pool_with};
use std::time::Duration;
use support::client::Client;
use support::raw::{Raw, Step, ok};

#[tokio::test]
async fn a_404_is_a_problem_document_and_the_connection_goes_on() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let yaml = pool(&[backend.address]).replace("{ upstream: pool }", "{ match: { path: /a }, upstream: pool }");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
    assert_eq!(answer.reason(), "no_route");
    assert!(answer.header("x-request-id").is_some_and(|id| answer.text().contains(id)));
    assert_eq!(client.get("/a").await.text(), "served", "the body of the refused request was not read as a request");
    assert!(backend.seen().iter().all(|request| !request.contains("smuggled")));
}

#[tokio::test]
async fn nobody_eligible_is_a_503_with_retry_after_and_without_addresses() {
    let backend =
        Raw::start_with_ready(|_, _| vec![support::raw::send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.reason().as_str()), (503, "none_eligible"));
        let wait: u64 = answer.header("retry-after").and_then(|value| value.parse().ok()).expect("whole seconds");
        assert!((1..=300).contains(&wait));
        assert!(!answer.text().contains("127.0.0.1"));
    }
}

#[tokio::test]
async fn a_dead_pool_is_a_502_and_a_silent_one_a_504() {
    let address = support::free_address();
    let yaml = format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"] }}\n");
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.reason(), "backend_failed");

    let silent = Raw::start(|_, _| vec![Step::Hang]).await;
    let more = "    timeouts: { per_try: 300ms }\n    retries: { limit: 0 }\n";
    let gateway = PULSEGATE.start(&pool_with(&[silent.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.reason().as_str()), (504, "backend_timeout"));
}

#[tokio::test]
async fn bodies_and_heads_beyond_the_limits_are_refused() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let limits = "    limits: { head_bytes: 2KiB, head_timeout: 2s, body_bytes: 1KiB, body_idle_timeout: 2s }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), limits).await;
    let ask = async |request: String| {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        let answer = client.answer().await;
        client.ended().await;
        (answer.status, answer.reason())
    };
    let large = "x".repeat(4096);
    assert_eq!(
        ask(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n")).await,
        (431, "head_too_large".to_owned())
    );
    assert_eq!(ask(format!("GET /{large} HTTP/1.1\r\nHost: a\r\n\r\n")).await, (414, "target_too_long".to_owned()));
    assert_eq!(
        ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n".to_owned()).await,
        (413, "body_too_large".to_owned())
    );
    let chunked =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n{large}\r\n0\r\n\r\n");
    assert_eq!(ask(chunked).await, (413, "body_too_large".to_owned()));
    assert_eq!(ask("GET / HTTP/1.1\r\nHost:".to_owned()).await, (408, "request_timeout".to_owned()));
    assert_eq!(
        ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".to_owned()).await,
        (408, "request_timeout".to_owned())
    );
    assert!(backend.seen().is_empty() || backend.seen().iter().all(|request| !request.contains("xxxx")));
}

#[tokio::test]
async fn requests_wait_while_a_whole_pool_is_unchecked() {
    let backend = Raw::start_with_ready(|head, _| {
        if head.starts_with("GET /ready ") {
            vec![Step::Wait(Duration::from_millis(700)), ok("ready"), Step::Close]
        } else {
            vec![ok("served")]
        }
    })
    .await;
    let yaml = pool(&[backend.address]).replace("period: 300ms", "period: 10s");
    let gateway = PULSEGATE.spawn(&format!("{yaml}start: {{ wait: 30s }}\n"), "");
    let mut client = loop {
        if let Ok(stream) = tokio::net::TcpStream::connect(gateway.address).await {
            drop(stream);
            break Client::connect(gateway.address).await;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(client.get("/").await.text(), "served");
}
