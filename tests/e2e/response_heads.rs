//! Is a head that is larger than we take blamed on nobody but ourselves, unless one backend alone sends such?

use super::{PULSEGATE, pool_with};
use http::{HeaderMap, HeaderName, Response};
use std::net::SocketAddr;
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::h2::{Call, H2Backend};
use support::raw::{Raw, Step, ok, send};

/// A whole answer with so many fields of so many bytes.
fn large(fields: usize, bytes: usize) -> Step {
    let fields: String = (0..fields).map(|number| format!("X-{number}: {}\r\n", "y".repeat(bytes))).collect();
    send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"))
}

async fn large_stream(mut call: Call) {
    let mut head = Response::new(());
    *head.headers_mut() = fields(34);
    call.respond.send_response(head, false).unwrap().send_data("ok".into(), true).unwrap();
}

/// So many kilobytes.
fn fields(number: usize) -> HeaderMap {
    let name = |number| format!("x-{number}").parse::<HeaderName>().unwrap();
    (0..number).map(|number| (name(number), "y".repeat(1000).parse().unwrap())).collect()
}

/// What thirty requests of each of both methods come to: the statuses with their reasons, each once.
async fn asked(gateway: &Gateway) -> Vec<(u16, String)> {
    let mut client = Client::connect(gateway.address).await;
    let mut heard = Vec::new();
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"] {
        for _ in 0..30 {
            client.send(request).await;
            let answer = client.answer().await;
            heard.push((answer.status, answer.reason()));
            // Where the answer was faster than the body that is on its way, the connection ends with it.
            if answer.header("connection") == Some("close") {
                client = Client::connect(gateway.address).await;
            }
        }
    }
    heard.dedup();
    heard
}

fn exceeded() -> Vec<(u16, String)> {
    vec![(502, "response_head_bytes_exceeded".to_owned())]
}

/// All of them serve, after so many failures in a row that any other kind would have ejected them.
async fn all_serve(gateway: &Gateway, backends: &[SocketAddr]) {
    for backend in backends {
        let standing = gateway.standing_of(&backend.to_string()).await;
        assert_eq!(standing, "up");
    }
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_asked_for_once_and_ejects_nobody() {
    for step in [large(34, 1000), large(1, 34_000), large(300, 1)] {
        let script = move |_: &str, _| vec![step.clone()];
        let backends = [Raw::start(script.clone()).await, Raw::start(script.clone()).await, Raw::start(script).await];
        let addresses = backends.each_ref().map(|backend| backend.address);
        let gateway = PULSEGATE.start(&pool_with(&addresses, "")).await;
        assert_eq!(asked(&gateway).await, exceeded());
        assert_eq!(backends.iter().map(|backend| backend.seen().len()).sum::<usize>(), 60, "nobody else was asked");
        all_serve(&gateway, &addresses).await;
    }
}

#[tokio::test]
async fn the_same_holds_for_streams() {
    let backends = [H2Backend::start(large_stream).await, H2Backend::start(large_stream).await];
    let addresses = backends.each_ref().map(|backend| backend.address);
    let gateway = PULSEGATE.start(&pool_with(&addresses, "    protocol: http2\n")).await;
    assert_eq!(asked(&gateway).await, exceeded());
    all_serve(&gateway, &addresses).await;
    let more = "    protocol: http2\n    limits: { response_head_bytes: 40KiB }\n";
    let gateway = PULSEGATE.start(&pool_with(&addresses, more)).await;
    assert_eq!(asked(&gateway).await, [(200, String::new())]);
}

#[tokio::test]
async fn the_limit_is_the_upstream_s() {
    let backend = Raw::start(|_, _| vec![large(34, 1000)]).await;
    for (key, heard) in [("64KiB", vec![(200, String::new())]), ("2KiB", exceeded())] {
        let more = format!("    limits: {{ response_head_bytes: {key} }}\n");
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], &more)).await;
        assert_eq!(asked(&gateway).await, heard, "{key}");
    }
}

#[tokio::test]
async fn a_probe_keeps_to_the_same_limit() {
    let backend = Raw::start_with_ready(|_, _| vec![large(34, 1000)]).await;
    for (key, standing) in [("64KiB", "up"), ("32KiB", "down")] {
        let more = format!("    limits: {{ response_head_bytes: {key} }}\n");
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], &more)).await;
        eventually(standing, async || gateway.standing_of(&backend.address.to_string()).await == standing).await;
    }
}

#[tokio::test]
async fn a_backend_that_alone_sends_such_heads_goes() {
    let sick = Raw::start(|_, _| vec![large(34, 1000)]).await;
    let (one, other) = (Raw::start(|_, _| vec![ok("ok")]).await, Raw::start(|_, _| vec![ok("ok")]).await);
    let more = "    balance: { policy: round_robin }\n";
    let gateway = PULSEGATE.start(&pool_with(&[sick.address, one.address, other.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    eventually("its ejection", async || {
        client.get("/").await;
        gateway.standing_of(&sick.address.to_string()).await == "ejected"
    })
    .await;
}

/// It waits for us to speak its language, and we for the end of a head: nobody would say anything any more.
#[tokio::test]
async fn who_speaks_another_protocol_is_told_by_its_first_bytes() {
    for words in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail ESMTP\r\n",
        "\0\0\x12\x04\0\0\0\0\0",
        "HTTP/2",
        "http/1.1 200 OK\r\n",
        "\r\n",
    ] {
        let backend = Raw::start(move |_, _| vec![send(words), Step::Hang]).await;
        let more = "    timeouts: { per_try: none, idle: 10m, total: none }\n";
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], more)).await;
        let answer = Client::connect(gateway.address).await.get("/").await;
        assert_eq!((answer.status, answer.reason().as_str()), (502, "bad_backend_answer"), "{words:?}");
    }
}
