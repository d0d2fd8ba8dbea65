//! The bounds of HTTP/1 hold on HTTP/2: heads in bytes and in time, bodies in silence, values as HTTP/1 would have them, and no framing that
//! a request did not have.

use super::{PULSEGATE, pool, pool_with};
use std::time::Duration;
use support::h2::{Answer, H2Client, get};
use support::raw::{Raw, Step, ok};
use support::raw_h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PREFACE, SETTINGS, block, frame, request,
};
use support::{PATIENCE, eventually, pause};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The reason code of a problem document.
fn reason(answer: &Answer) -> String {
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    document["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_the_same_words_as_on_http1() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = H2Client::connect(gateway.address).await;
    let cookies = http::Request::builder().uri("http://a.example/x").header("cookie", "c".repeat(33_000)).body(());
    let long_target = get(&format!("/{}", "t".repeat(33_000)));
    for (request, status, why) in [(cookies.unwrap(), 431, "head_too_large"), (long_target, 414, "target_too_long")] {
        let (response, _) = client.open(request, true).await;
        let answer = Answer::of(response).await.unwrap();
        assert_eq!((answer.status, reason(&answer).as_str()), (status, why), "{answer:?}");
        eventually("it is logged and counted", async || {
            let metrics = gateway.get("/metrics").await.unwrap_or_default();
            let counted = format!("pulsegate_refused_total{{listener=\"test\",reason=\"{why}\"}} 1");
            gateway.output().contains(why) && metrics.contains(&counted)
        })
        .await;
    }
    assert_eq!(client.get("/x").await.text(), "hello", "the connection goes on");
    assert_eq!(backend.seen().len(), 1);
}

#[tokio::test]
async fn many_small_fields_are_held_to_the_bound_that_was_written_and_not_to_the_librarys() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), "    limits: { head_bytes: 2KiB }").await;
    let mut client = H2Client::connect(gateway.address).await;
    let with = |fields: usize| {
        let mut request = get("/x");
        for number in 0..fields {
            let name = http::HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            request.headers_mut().insert(name, http::HeaderValue::from_static("y"));
        }
        request
    };
    // By the measure of HTTP/2, which counts 32 bytes more for each, this is twice the bound and more.
    let (response, _) = client.open(with(150), true).await;
    assert_eq!(Answer::of(response).await.unwrap().status, 200);
    let (response, _) = client.open(with(240), true).await;
    let refused = Answer::of(response).await.unwrap();
    assert_eq!((refused.status, reason(&refused).as_str()), (431, "head_too_large"));
}

#[tokio::test]
async fn white_space_around_a_value_breaks_its_stream_and_no_other() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Frames::connect(gateway.address).await;
    for (stream, value) in (1..).step_by(2).zip([" a", "a ", "\ta", "a\t", " "]) {
        client.open(stream, &[request("GET", "/bad"), vec![("x-spaced", value)]].concat(), true).await;
        let outcome = client.outcome(stream).await.expect("the connection goes on");
        assert_eq!(outcome.reset, Some(PROTOCOL_ERROR), "{value:?}");
    }
    client.open(21, &[request("GET", "/good"), vec![("x-spaced", "a b")]].concat(), true).await;
    assert_eq!(client.outcome(21).await.expect("the connection goes on").data, b"hello");
    assert_eq!(backend.seen().len(), 1, "{:?}", backend.seen());
}

#[tokio::test]
async fn a_body_that_ended_without_a_byte_gives_the_backend_no_framing() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Frames::connect(gateway.address).await;
    for (stream, method) in [(1, "GET"), (3, "POST")] {
        let head = frame(HEADERS, END_HEADERS, stream, &block(&request(method, "/x")));
        let empty = [frame(DATA, 0, stream, &[]), frame(DATA, END_STREAM, stream, &[])].concat();
        client.send(&[head, empty].concat()).await;
        assert_eq!(client.outcome(stream).await.expect("the connection goes on").data, b"hello", "{method}");
        let seen = backend.seen().pop().unwrap().to_lowercase();
        assert!(seen.starts_with(&format!("{} /x http/1.1\r\n", method.to_lowercase())), "{seen}");
        assert!(!seen.contains("transfer-encoding") && !seen.contains("content-length: 5"), "{seen}");
    }
}

#[tokio::test]
async fn a_frame_or_a_header_block_that_does_not_go_on_has_the_deadline_of_a_head() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let limits = "    limits: { head_timeout: 1s, keepalive_timeout: 1h, body_idle_timeout: 1h }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), limits).await;
    let block = block(&request("GET", "/x"));
    for (what, bytes) in [
        ("half a frame's head", vec![0, 0, 5, HEADERS]),
        ("half a block", frame(HEADERS, END_STREAM, 3, &block)[..12].to_vec()),
        ("a block without end", frame(HEADERS, END_STREAM, 3, &block)),
        ("a block that goes on", [frame(HEADERS, END_STREAM, 3, &block), frame(CONTINUATION, 0, 3, &[])].concat()),
    ] {
        let mut client = Frames::connect(gateway.address).await;
        client.open(1, &request("GET", "/x"), true).await;
        assert_eq!(client.outcome(1).await.expect("it is served").data, b"hello");
        client.send(&bytes).await;
        client.ended().await;
        assert_eq!(client.goodbye, Some(ENHANCE_YOUR_CALM), "{what}");
    }
    let metrics = gateway.get("/metrics").await.unwrap();
    let counted = "pulsegate_refused_total{listener=\"test\",reason=\"unfinished_frame\"} 4";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn a_body_that_does_not_go_on_ends_its_connection_as_on_http1_and_costs_no_other_stream() {
    let backend = Raw::start(|head, _| {
        let late = head.starts_with("GET /late ");
        if late { vec![Step::Wait(Duration::from_secs(3)), ok("late")] } else { vec![ok("hello")] }
    })
    .await;
    let limits = "    limits: { body_idle_timeout: 1s, keepalive_timeout: 1h }";
    let more = "    timeouts: { idle: 1h, total: 1h }\n";
    let gateway = PULSEGATE.start_with(&pool_with(&[backend.address], more), limits).await;
    let mut client = Frames::connect(gateway.address).await;
    client.open(1, &request("POST", "/x"), false).await;
    client.send(&frame(DATA, 0, 1, b"body")).await;
    client.open(3, &request("GET", "/late"), true).await;
    // Two kinds of nothing, which are no sign of progress: no bytes at all, and padding alone.
    let nothing = [frame(DATA, 0, 1, &[]), frame(DATA, 8, 1, &[2, 0, 0])].concat();
    eventually("the request is refused", async || {
        client.send(&nothing).await;
        pause(Duration::from_millis(50)).await;
        gateway.output().contains("reason=request_timeout")
    })
    .await;
    client.ended().await;
    assert!(client.of(1).is_over(), "{:?}", client.of(1));
    assert_eq!((client.goodbye, client.of(3).data), (Some(0), b"late".to_vec()));
}

#[tokio::test]
async fn whoever_does_not_confirm_a_goodbye_is_not_waited_for() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let limits = "    limits: { keepalive_requests: 1, keepalive_timeout: 1h }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), limits).await;
    // It answers no PING.
    let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&request("GET", "/x")));
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &head].concat()).await.unwrap();
    let mut said = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the connection ends").unwrap();
    assert!(said.windows(5).any(|five| five == b"hello"), "{said:?}");
}
