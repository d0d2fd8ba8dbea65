//! Is every answer of our own of one quality, wherever it was made? On both versions of HTTP: of the check of heads, of routes, of guards, of what
//! could not be forwarded, and of the listeners of operators.

use super::{PULSEGATE, pool};
use support::client::{Answer, Client};
use support::h2::{self, H2Client};
use support::raw::{Raw, ok};

/// Request heads that never become requests, with the status and the reason of what they are told.
const REFUSED: &[(&str, u16, &str)] = &[
    ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, "method_not_allowed"),
    ("GET / HTTP/1.1\r\n\r\n", 400, "bad_host"),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "malformed_request"),
    ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "version_not_supported"),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, "ambiguous_length"),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n", 417, "expectation_failed"),
];

/// Requests that are refused behind the check.
const LATER: &[(&str, u16, &str)] = &[
    ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "no_route"),
    ("GET /shut HTTP/1.1\r\nHost: a\r\n\r\n", 403, "ip_denied"),
    ("GET /dead HTTP/1.1\r\nHost: a\r\n\r\n", 502, "backend_failed"),
    ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_path"),
];

fn routes(backend: &Raw) -> String {
    let dead = support::free_address();
    pool(&[backend.address]).replace(
        "routes: [{ upstream: pool }]",
        "routes:\n  - { match: { path: /app }, upstream: pool }\n  - { match: { path: /shut }, upstream: pool, deny: [\"0.0.0.0/0\"] }\n  \
         - { match: { path: /dead }, upstream: dead }\n  - { match: { path: /none }, respond: { status: 204, body: x } }\n  \
         - { match: { path: /same }, respond: { status: 304, body: x } }",
    ) + &format!("  dead: {{ backends: [\"{dead}\"] }}\n")
}

/// What every answer of our own has.
fn is_ours(answer: &Answer, status: u16, reason: &str) {
    let body = answer.text();
    assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()), "{answer:?}");
    assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{answer:?}");
    assert!(answer.header("x-request-id").is_some_and(|id| body.contains(id)), "{answer:?}");
    assert_eq!(answer.header("allow").is_some(), status == 405, "{answer:?}");
    let allowed = answer.header("allow").unwrap_or("GET");
    assert!(allowed.split(", ").any(|method| method == "GET") && !allowed.contains("TRACE"), "{answer:?}");
}

#[tokio::test]
async fn every_refusal_of_http1_is_of_one_quality() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&routes(&backend)).await;
    for (request, status, reason) in REFUSED.iter().chain(LATER) {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        is_ours(&client.answer().await, *status, reason);
    }
    assert!(backend.seen().is_empty());
}

#[tokio::test]
async fn every_refusal_of_http2_is_of_one_quality() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&routes(&backend)).await;
    let mut client = H2Client::connect(gateway.address).await;
    for (method, path, field, status, reason) in [
        ("TRACE", "/app", "x-y", 405, "method_not_allowed"),
        ("GET", "/app", "expect", 417, "expectation_failed"),
        ("GET", "/app", "host", 400, "bad_host"),
        ("GET", "/nowhere", "x-y", 404, "no_route"),
        ("GET", "/shut", "x-y", 403, "ip_denied"),
        ("GET", "/dead", "x-y", 502, "backend_failed"),
    ] {
        let request = http::Request::builder().method(method).uri(format!("http://a.example{path}")).header(field, "z");
        let (response, _) = client.open(request.body(()).unwrap(), true).await;
        let answer = h2::Answer::of(response).await.expect("an answer");
        let fields = answer.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
        is_ours(&Answer { status: answer.status, head: fields.collect(), body: answer.body }, status, reason);
    }
    assert!(backend.seen().is_empty());
}

#[tokio::test]
async fn a_call_that_the_check_of_heads_refuses_is_told_in_words_of_grpc() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (response, _) =
        client.open(h2::post("/a", &[("content-type", "application/grpc"), ("expect", "a miracle")]), true).await;
    let answer = h2::Answer::of(response).await.expect("an answer");
    assert_eq!((answer.status, answer.grpc_status()), (200, Some("13")), "{answer:?}");
}

#[tokio::test]
async fn what_must_have_no_content_has_none() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&routes(&backend)).await;
    // To a HEAD only the length is told, whoever refuses it.
    for (request, status) in [
        ("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        ("HEAD /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        let answer = client.answer_to("HEAD").await;
        let length = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
        assert!(answer.status == status && length.is_some_and(|length| length > 0), "{answer:?}");
        assert_eq!(client.bytes().await, b"", "{request:?}");
    }
    let mut client = Client::connect(gateway.address).await;
    for (path, status) in [("/none", 204), ("/same", 304), ("/none", 204)] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.header("content-length")), (status, None), "{answer:?}");
        assert_eq!(answer.header("content-type"), None, "{answer:?}");
    }
}

#[tokio::test]
async fn a_route_that_answers_by_itself_keeps_to_the_bound_of_bodies() {
    let yaml = "routes:\n  - { match: { path: /hello }, respond: { body: hello } }\n  \
                - { match: { path: /away }, redirect: { location: \"https://b{path}\" } }\n\
                upstreams: {}\n";
    let gateway = PULSEGATE.start_with(yaml, "    limits: { body_bytes: 100B }").await;
    for path in ["/hello", "/away"] {
        let asked = |length: usize| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let mut client = Client::connect(gateway.address).await;
        client.send(asked(100) + &"x".repeat(100)).await;
        let answer = client.answer().await;
        assert!(answer.status < 400 && answer.header("connection") == Some("keep-alive"), "{answer:?}");
        client.send(asked(101) + &"x".repeat(101)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.reason().as_str()), (413, "body_too_large"), "{path}");
        // Of what has no length of its own, and of what is too long to be read to its end, nothing is awaited.
        let chunked = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n");
        for endless in [chunked, asked(1_000_000_000)] {
            let mut client = Client::connect(gateway.address).await;
            client.send(&endless).await;
            let answer = client.answer().await;
            assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
            client.ended().await;
        }
        let mut client = H2Client::connect(gateway.address).await;
        let uri = format!("http://a.example{path}");
        let request = http::Request::builder().method("POST").uri(uri).header("content-length", "101");
        let (response, _body) = client.open(request.body(()).unwrap(), false).await;
        assert_eq!(h2::Answer::of(response).await.expect("an answer").status, 413, "{path}");
    }
}

#[tokio::test]
async fn operators_are_told_likewise() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let health = support::free_address();
    let keys = format!(", health_address: \"{health}\"");
    let gateway = PULSEGATE.spawn_guarded(&pool(&[backend.address]), &keys);
    gateway.ready().await;
    for address in [gateway.admin, health] {
        for (request, status) in
            [("GET /livez", 200), ("GET /readyz", 200), ("DELETE /livez", 405), ("GET /nowhere", 404)]
        {
            let mut client = Client::connect(address).await;
            client.send(format!("{request} HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.header("cache-control")), (status, Some("no-store")), "{answer:?}");
            assert!(answer.header("date").is_some() && answer.header("content-length").is_some(), "{answer:?}");
            assert_eq!(answer.header("allow").is_some(), status == 405, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_method_without_an_end_is_not_called_a_long_target() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let limits = "    limits: { head_bytes: 2KiB }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), limits).await;
    let long = "A".repeat(2500);
    for (request, status, reason) in [
        (format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed_request"),
        (format!("GET / HTTP/1.1{long}\r\nHost: a\r\n\r\n"), 400, "malformed_request"),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "target_too_long"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, "head_too_large"),
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(&request).await;
        is_ours(&client.answer().await, status, reason);
    }
    let mut client = H2Client::connect(gateway.address).await;
    let request = http::Request::builder().method(long.as_str()).uri("http://a.example/").body(()).unwrap();
    let (response, _) = client.open(request, true).await;
    let answer = h2::Answer::of(response).await.expect("an answer");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(backend.seen().is_empty());
}
