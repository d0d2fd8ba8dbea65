//! One test per misbehaviour of a backend, against a scripted server on loopback.

mod documents;
mod faults;
mod grpc;
mod tls;
pub(super) mod tools;

use super::*;
use pulsegate_core::base::identity::Address;
use pulsegate_core::health::reading::{HttpAnswer, ReadingResult};
use pulsegate_core::http::proxy_protocol::Version;
use std::time::Duration;
use tokio::sync::mpsc;
use tools::{Checked, answering, http_check, never, serve};

#[tokio::test]
async fn a_complete_answer_is_read() {
    let backend = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let reading = Checked::http(&backend).read().await;
    assert_eq!(reading.result, ReadingResult::status(200));
    assert!(reading.took > Duration::ZERO);
}

#[tokio::test]
async fn the_request_says_who_asks_and_for_what() {
    let backend = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    Checked::http(&backend).read().await;
    let head = backend.request().await;
    let expected = format!(
        "GET /ready?deep=1 HTTP/1.1\r\nhost: {}\r\nuser-agent: pulsegate-probe/{}\r\naccept: application/json, \
         application/health+json;q=0.9, text/plain;q=0.8, */*;q=0.1\r\nx-forwarded-proto: http\r\nconnection: close\r\n\r\n",
        backend.address,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(head, expected);
}

#[tokio::test]
async fn every_part_of_the_request_can_be_overridden() {
    let backend = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut check = http_check();
    check.method = "HEAD".to_owned();
    check.host = Some("api.example.com".to_owned());
    let own = [("X-Forwarded-Proto", "https"), ("user-agent", "kube-probe/1.30"), ("X-Key", "a"), ("X-Key", "b")];
    check.headers = own.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Checked::with(&backend, check).read().await;

    let head = backend.request().await;
    assert!(head.starts_with("HEAD /ready?deep=1 HTTP/1.1\r\nhost: api.example.com\r\n"), "{head}");
    assert!(head.contains("x-forwarded-proto: https\r\n") && !head.contains("x-forwarded-proto: http\r\n"), "{head}");
    assert!(head.contains("user-agent: kube-probe/1.30\r\n") && !head.contains("pulsegate-probe"), "{head}");
    assert!(head.contains("x-key: a\r\nx-key: b\r\n"), "{head}");
}

#[tokio::test]
async fn a_check_that_http_cannot_say_is_a_sentence() {
    let backend = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut check = http_check();
    check.headers = vec![("Authorization".to_owned(), "secret\r\nX: y".to_owned())];
    let why = Checked::with(&backend, check).broken().await;
    assert!(why.contains("authorization") && !why.contains("secret"), "{why}");
    for (method, path) in [("GE T", "/"), ("GET", "/a b")] {
        let mut check = http_check();
        (check.method, check.path) = (method.to_owned(), path.to_owned());
        assert!(Checked::with(&backend, check).broken().await.contains("was not sent"));
    }
}

#[tokio::test]
async fn a_probe_begins_with_a_header_as_traffic_does_unless_its_port_is_another() {
    let backend = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut checked = Checked::http(&backend);
    checked.header = Some(Version::V1);
    checked.read().await;
    let head = backend.request().await;
    assert!(head.starts_with("PROXY UNKNOWN\r\nGET /ready?deep=1 HTTP/1.1\r\n"), "{head}");
    checked.probe.port = Some(backend.address.port());
    checked.read().await;
    assert!(backend.request().await.starts_with("GET /ready"));

    let mut checked = Checked::tcp(&backend);
    checked.header = Some(Version::V1);
    assert_eq!(checked.result().await, ReadingResult::Connected);
    assert_eq!(backend.request().await, "PROXY UNKNOWN\r\n");
}

#[tokio::test]
async fn a_redirect_is_reported_not_followed() {
    let backend = answering("HTTP/1.1 302 Found\r\nLocation: https://login.example.com/\r\n\r\n").await;
    let location = Some("https://login.example.com/".to_owned());
    let answer = HttpAnswer { status: 302, location, ..HttpAnswer::default() };
    assert_eq!(Checked::http(&backend).result().await, ReadingResult::Http(answer));
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let backend =
        answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 503 No\r\n\r\n")
            .await;
    assert_eq!(Checked::http(&backend).result().await, ReadingResult::status(503));
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_is_a_status() {
    let backend = answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").await;
    assert_eq!(Checked::http(&backend).result().await, ReadingResult::status(101));
}

#[tokio::test]
async fn answers_without_body_end_with_their_head() {
    for (method, head) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
    ] {
        let backend = serve(async move |mut peer| {
            peer.say(head).await;
            never().await;
        })
        .await;
        let mut check = http_check();
        check.method = method.to_owned();
        let result = Checked::with(&backend, check).result().await;
        assert!(matches!(result, ReadingResult::Http(_)), "{method} {head:?}: {result:?}");
    }
}

#[tokio::test]
async fn a_body_without_length_ends_with_the_connection() {
    let backend = answering("HTTP/1.1 200 OK\r\n\r\nready").await;
    assert_eq!(Checked::http(&backend).result().await, ReadingResult::status(200));
}

#[tokio::test]
async fn a_probe_may_have_a_port_of_its_own() {
    let backend = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let elsewhere = "127.0.0.1:1".parse().unwrap();
    let mut checked = Checked::at(Address::Socket(elsewhere), http_check());
    checked.probe.port = Some(backend.address.port());
    assert_eq!(checked.result().await, ReadingResult::status(200));
}

#[tokio::test]
async fn ipv6_and_unix_sockets_are_reached() {
    let v6 = tools::serve_at("[::1]:0", async |mut peer: tools::Peer| peer.say("HTTP/1.1 200 OK\r\n\r\n").await).await;
    assert_eq!(Checked::http(&v6).result().await, ReadingResult::status(200));

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.sock");
    let head = tools::serve_unix(&path, "HTTP/1.1 200 OK\r\n\r\n");
    let result = Checked::at(Address::Unix(path), http_check()).result().await;
    assert_eq!(result, ReadingResult::status(200));
    assert!(head.await.unwrap().contains("host: localhost\r\n"));
}

#[tokio::test]
async fn a_tcp_check_connects_and_leaves_in_order() {
    let (ended, mut end) = mpsc::unbounded_channel();
    let backend = serve(move |mut peer| {
        let ended = ended.clone();
        async move { ended.send(peer.hear_the_end().await).unwrap() }
    })
    .await;
    assert_eq!(Checked::tcp(&backend).result().await, ReadingResult::Connected);
    assert_eq!(end.recv().await, Some(Ok(0)), "an orderly end, not a reset");
}

#[tokio::test]
async fn a_cancelled_probe_says_nothing() {
    let backend = serve(async |_peer: tools::Peer| never().await).await;
    let ready = answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut runner = ProbeRunner::default();
    for (ticket, server) in [(1, &backend), (2, &ready)] {
        let tell = tell.clone();
        let told = move |ticket, _| tell.send(ticket).unwrap();
        runner.run(Checked::http(server).job(ticket), Clock::start(), told);
    }
    runner.cancel(ProbeTicket(1));
    runner.cancel(ProbeTicket(99));
    assert_eq!(told.recv().await, Some(ProbeTicket(2)));
    runner.forget_finished();
    assert!(runner.running.len() <= 1 && !runner.running.contains_key(&ProbeTicket(1)));
}
