//! Who has only said all that they had to say? Clients that end their direction and wait, as the listener has it.

use super::PULSEGATE;
use super::departures::{until_in_flight, until_left};
use super::pool_with;
use std::sync::Arc;
use std::time::Duration;
use support::PATIENCE;
use support::client::Client;
use support::raw::{Raw, Step, ok};
use support::tls::{Hello, self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn a_client_that_has_said_all_gets_its_answer_where_the_listener_says_so() {
    let backend = Raw::start(|head, _| {
        let body = head.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        vec![Step::Wait(Duration::from_millis(300)), ok(&format!("{} bytes", body.len()))]
    })
    .await;
    let limits = "    limits: { requests_per_backend: 1, queue: 10, queue_timeout: 30s }\n";
    let yaml = pool_with(&[backend.address], limits);
    let gateway = PULSEGATE.start_with(&yaml, "    half_closed_clients: answer").await;
    let mut all = Vec::new();
    let large = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n{}", "x".repeat(50_000));
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "0 bytes"),
        ("GET / HTTP/1.0\r\n\r\n", "0 bytes"),
        (&large, "50000 bytes"),
    ] {
        // The second waits for the first in the queue.
        for _ in 0..2 {
            let mut client = Client::connect(gateway.address).await;
            client.send(request).await;
            client.stream.shutdown().await.unwrap();
            all.push((client, expected));
        }
    }
    for (client, expected) in &mut all {
        assert_eq!(client.answer().await.text(), *expected);
        client.ended().await;
    }
    // Two requests before the end are two answers.
    let mut client = Client::connect(gateway.address).await;
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.stream.shutdown().await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.answer().await.text(), "0 bytes");
    }
    client.ended().await;

    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.stream.shutdown().await.unwrap();
    assert!(client.whole_answer().await.is_none(), "by default it has left");
    until_left(&gateway, "/").await;
}

#[tokio::test]
async fn half_a_body_is_never_whole_and_whoever_waits_for_an_answer_is_told() {
    let backend = Raw::start(|_, _| vec![ok("done")]).await;
    let yaml = pool_with(&[backend.address], "");
    let gateway = PULSEGATE.start_with(&yaml, "    half_closed_clients: answer").await;
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        client.stream.shutdown().await.unwrap();
        assert_eq!(client.answer().await.status, 400, "{request:?}");
        client.ended().await;
    }
    assert!(backend.seen().is_empty(), "{:?}", backend.seen());
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
    client.stream.shutdown().await.unwrap();
    assert!(client.whole_answer().await.is_none());
    until_left(&gateway, "/half").await;
}

#[tokio::test]
async fn the_goodbye_of_tls_is_such_an_end_too() {
    let folder = tempfile::TempDir::new().unwrap();
    self_signed(&["localhost"], |_| {}).write(folder.path(), "a");
    let tls = format!("    tls: {{ certificate: {0}/a.crt, key: {0}/a.key }}\n", folder.path().display());
    let connector = TlsConnector::from(Arc::new(Hello::default().config()));
    let ask = async |gateway: std::net::SocketAddr, requests: usize| {
        let stream = TcpStream::connect(gateway).await.unwrap();
        let mut client = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let request = "GET /said HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(request.repeat(requests).as_bytes()).await.unwrap();
        client
    };
    let backend = Raw::start(|_, _| vec![Step::Hang]).await;
    let gateway = PULSEGATE.start_with(&pool_with(&[backend.address], ""), &tls).await;
    for requests in [1, 2] {
        let mut client = ask(gateway.address, requests).await;
        until_in_flight(&gateway, &backend.address.to_string(), 1).await;
        client.shutdown().await.unwrap();
        until_in_flight(&gateway, &backend.address.to_string(), 0).await;
    }
    until_left(&gateway, "/said").await;

    let backend = Raw::start(|_, _| vec![Step::Wait(Duration::from_millis(300)), ok("done")]).await;
    let keys = format!("{tls}    half_closed_clients: answer");
    let gateway = PULSEGATE.start_with(&pool_with(&[backend.address], ""), &keys).await;
    let mut client = ask(gateway.address, 2).await;
    client.shutdown().await.unwrap();
    let mut all = String::new();
    timeout(PATIENCE, client.read_to_string(&mut all)).await.unwrap().unwrap();
    assert_eq!(all.matches("done").count(), 2, "{all}");
}
