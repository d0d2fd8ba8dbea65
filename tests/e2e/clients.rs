//! What a client can do wrong, and what it may do: keep-alive, pipelining, old versions, leaving early.

use super::PULSEGATE;
use super::{pool, pool_with};
use std::time::Duration;
use support::client::Client;
use support::eventually;
use support::raw::{Raw, Step, ok, send};

#[tokio::test]
async fn heads_with_two_meanings_are_refused_and_reach_nobody() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GARBAGE\r\n\r\n",
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        assert_eq!(client.answer().await.status, 400, "{request:?}");
        client.ended().await;
    }
    assert!(backend.seen().is_empty(), "{:?}", backend.seen());
}

#[tokio::test]
async fn equal_lengths_are_one_length() {
    let backend = Raw::start(|request, _| vec![ok(request)]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc").await;
    let seen = client.answer().await.text().to_ascii_lowercase();
    assert_eq!(seen.matches("content-length: 3").count(), 1, "{seen}");
    assert!(seen.ends_with("abc"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Raw::start(|head, _| vec![ok(head.split(' ').nth(1).unwrap_or_default())]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /4 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for expected in ["/1", "/2", "/3", "/4"] {
        assert_eq!(client.answer().await.text(), expected);
    }
}

#[tokio::test]
async fn http_1_0_is_served_without_chunks() {
    let backend =
        Raw::start(|_, _| vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")])
            .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("transfer-encoding"), answer.text().as_str()), (200, None, "hello"));
    client.ended().await;
}

#[tokio::test]
async fn the_smallest_request_is_answered_at_once() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let mut client = Client::connect(gateway.address).await;
    client.send("OPTIONS / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn head_204_and_304_have_no_body_and_keep_the_connection() {
    let backend = Raw::start(|head, _| {
        vec![send(match head.split(' ').nth(1).unwrap_or_default() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        })]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.answer_to("HEAD").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("1000")));
    assert_eq!(client.get("/204").await.status, 204);
    assert_eq!(client.get("/304").await.status, 304);
}

#[tokio::test]
async fn clients_that_leave_blame_nobody() {
    let backend = Raw::start(|head, _| {
        if head.starts_with("GET /slow") {
            vec![Step::Wait(Duration::from_millis(300)), ok("late")]
        } else {
            vec![ok("served")]
        }
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for _ in 0..8 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        drop(client);
        let mut client = Client::connect(gateway.address).await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly a part").await;
        drop(client);
    }
    let address = backend.address.to_string();
    eventually("all have left", async || gateway.backend(&address).await["in_flight"] == 0).await;
    let told = gateway.backend(&address).await;
    assert_eq!(
        (told["standing"].as_str(), told["outcomes"]["failures_in_a_row"].as_u64()),
        (Some("up"), Some(0)),
        "{told}"
    );
}

#[tokio::test]
async fn a_frozen_backend_is_found_even_when_clients_are_impatient() {
    let frozen = Raw::start_with_ready(|head, _| {
        if head.starts_with("GET /ready ") { vec![ok("ready"), Step::Close] } else { vec![Step::Hang] }
    })
    .await;
    let gateway = PULSEGATE.start(&pool_with(&[frozen.address], "    timeouts: { per_try: 30s }\n")).await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        waiting.push(client);
    }
    support::pause(Duration::from_millis(1200)).await;
    drop(waiting);
    let address = frozen.address.to_string();
    eventually("the soft failures show", async || gateway.backend(&address).await["in_flight"] == 0).await;
    assert_eq!(gateway.backend(&address).await["standing"], "up", "soft failures alone eject nobody");
}

#[tokio::test]
async fn one_client_cannot_take_every_place() {
    let listener = "    limits: { connections_per_client: 2 }";
    let gateway = PULSEGATE.start_with("routes: [{ respond: { body: ok } }]\n", listener).await;
    let mut first = Client::connect(gateway.address).await;
    let mut second = Client::connect(gateway.address).await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(second.get("/").await.status, 200);
    Client::connect(gateway.address).await.ended().await;
    drop(first);
    eventually("a place is free again", async || {
        let mut client = Client::connect(gateway.address).await;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.whole_answer().await.is_some()
    })
    .await;
}
