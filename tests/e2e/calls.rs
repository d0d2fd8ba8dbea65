//! What does a gRPC call get, and what is told of it? Its bounds are ours, its trailers are whole or no end at all, and both statuses stand in
//! the log.

use super::{PULSEGATE, pool_with};
use bytes::Bytes;
use http::HeaderMap;
use std::time::Duration;
use support::gateway::Gateway;
use support::h2::{Answer, Call, H2Backend, H2Client, post};
use support::raw::{Raw, Step};
use support::{PATIENCE, eventually};
use tokio::time::timeout;

const CALL: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];
/// As long as a caller can say.
const FOR_EVER: &[(&str, &str)] = &[("content-type", "application/grpc"), ("grpc-timeout", "99999999H")];

fn h2_pool(backend: &H2Backend, more: &str) -> String {
    pool_with(&[backend.address], &format!("    protocol: http2\n{more}"))
}

async fn silent() -> H2Backend {
    H2Backend::start(|call| async move {
        std::future::pending::<()>().await;
        drop(call);
    })
    .await
}

/// An answer with these trailers.
async fn trailing(trailers: &'static [(&'static str, &'static str)]) -> H2Backend {
    H2Backend::start(move |call| async move { end_with(call, trailers) }).await
}

fn end_with(mut call: Call, trailers: &[(&'static str, &'static str)]) {
    let mut out = call.head(&[("content-type", "application/grpc")]);
    out.send_data(Bytes::from_static(b"hello"), false).unwrap();
    let mut fields = HeaderMap::new();
    for (name, value) in trailers {
        fields.append(*name, value.parse().unwrap());
    }
    out.send_trailers(fields).unwrap();
}

/// How a call ends that sends its message, or nothing at all.
async fn call(gateway: &Gateway, path: &str, fields: &[(&str, &str)], message: bool) -> Answer {
    let mut client = H2Client::connect(gateway.address).await;
    let (response, out) = client.open(post(path, fields), message).await;
    let answer = timeout(PATIENCE, Answer::of(response)).await.expect("the call ends").expect("an answer");
    drop(out);
    answer
}

/// The line of the request for `path`.
async fn line(gateway: &Gateway, path: &str) -> String {
    let of = format!("path={path} ");
    eventually("it is logged", async || gateway.output().contains(&of)).await;
    gateway.output().lines().find(|line| line.contains(&of)).unwrap().to_owned()
}

#[tokio::test]
async fn no_deadline_of_a_caller_turns_our_silence_limit_off() {
    let backend = silent().await;
    let gateway = PULSEGATE.start(&h2_pool(&backend, "    timeouts: { idle: 1s, total: 15s }\n")).await;
    let answer = call(&gateway, "/silent", FOR_EVER, true).await;
    assert_eq!((answer.status, answer.grpc_status()), (200, Some("14")), "{answer:?}");
    assert!(line(&gateway, "/silent").await.contains("reason=backend_timeout"));
}

#[tokio::test]
async fn a_callers_deadline_is_no_longer_than_the_total_that_is_written() {
    let backend = H2Backend::start(|mut call| async move {
        let mut out = call.head(&[("content-type", "application/grpc")]);
        while out.send_data(Bytes::from_static(b"more"), false).is_ok() {
            support::pause(Duration::from_millis(50)).await;
        }
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&backend, "    timeouts: { total: 2s }\n")).await;
    let answer = call(&gateway, "/endless", FOR_EVER, true).await;
    assert_eq!(answer.grpc_status(), Some("4"), "{answer:?}");
    let line = line(&gateway, "/endless").await;
    assert!(line.contains("reason=total_timeout") && line.contains("grpc_status=4"), "{line}");
}

#[tokio::test]
async fn a_call_without_its_first_message_is_held_to_the_limit_of_bodies() {
    let backend = silent().await;
    let gateway = PULSEGATE.start_with(&h2_pool(&backend, ""), "    limits: { body_idle_timeout: 1s }").await;
    let answer = call(&gateway, "/mute", FOR_EVER, false).await;
    assert_eq!((answer.status, answer.grpc_status()), (200, Some("1")), "{answer:?}");
    assert!(line(&gateway, "/mute").await.contains("reason=request_timeout"));
}

#[tokio::test]
async fn what_goes_to_a_backend_of_http1_is_no_call() {
    let backend = Raw::start(|_, _| vec![Step::Hang]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    timeouts: { per_try: 1s, total: 15s }\n")).await;
    let answer = call(&gateway, "/x", FOR_EVER, true).await;
    assert_eq!((answer.status, answer.grpc_status()), (200, Some("14")), "told in its caller's words, in time");
    assert!(line(&gateway, "/x").await.contains("reason=backend_timeout"));
}

#[tokio::test]
async fn trailers_arrive_whole_or_the_call_ends_with_an_error() {
    for (size, whole) in [(8 << 10, true), (40 << 10, false), (200 << 10, false), (900 << 10, false)] {
        let backend = H2Backend::start(move |mut call| async move {
            let mut out = call.head(&[("content-type", "application/grpc")]);
            out.send_data(Bytes::from_static(b"hello"), false).unwrap();
            let mut fields = HeaderMap::new();
            fields.insert("grpc-status", "3".parse().unwrap());
            fields.insert("grpc-message", "m".repeat(size).parse().unwrap());
            out.send_trailers(fields).unwrap();
        })
        .await;
        let gateway = PULSEGATE.start(&h2_pool(&backend, "")).await;
        let answer = call(&gateway, "/x", CALL, true).await;
        let trailers = answer.trailers.as_ref().expect("trailers");
        let line = line(&gateway, "/x").await;
        if whole {
            assert_eq!(answer.grpc_status(), Some("3"), "{size}");
            assert_eq!(trailers["grpc-message"].len(), size);
            assert!(!line.contains("reason="), "{line}");
        } else {
            assert_eq!(answer.grpc_status(), Some("13"), "{size}: {trailers:?}");
            assert!(line.contains("reason=response_head_bytes_exceeded "), "{line}");
        }
    }
}

#[tokio::test]
async fn trailers_obey_the_rules_of_header_fields() {
    let backend = H2Backend::start(|mut call| async move {
        while call.body.data().await.is_some() {}
        let got = call.body.trailers().await.unwrap().unwrap_or_default();
        let mut names: Vec<&str> = got.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let names = names.join(",");
        let mut out = call.head(&[]);
        out.send_data(Bytes::from(names), false).unwrap();
        let mut fields = HeaderMap::new();
        for name in ["x-good", "content-length", "host", "trailer", "te", "set-cookie", "x-secret", "x-ours", "x-drain"]
        {
            fields.insert(name, if name == "te" { "trailers" } else { "0" }.parse().unwrap());
        }
        out.send_trailers(fields).unwrap();
    })
    .await;
    let config = format!(
        "routes: [{{ upstream: pool, response_headers: {{ remove: [x-secret], set: {{ x-ours: ours }} }} }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    protocol: http2\n    drain_header: {{ name: x-drain, value: \"1\" }}\n    readiness: {{ path: /ready, period: 300ms }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start(&config).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (response, mut out) = client.open(post("/x", &[]), false).await;
    out.send_data(Bytes::from_static(b"hello"), false).unwrap();
    let mut fields = HeaderMap::new();
    for name in [
        "x-good",
        "content-length",
        "host",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-real-ip",
        "x-request-id",
        "trailer",
        "authorization",
    ] {
        fields.insert(name, "0".parse().unwrap());
    }
    out.send_trailers(fields).unwrap();
    let answer = timeout(PATIENCE, Answer::of(response)).await.unwrap().unwrap();
    assert_eq!(answer.text(), "x-good", "what reached the backend");
    let mut names: Vec<String> = answer.trailers.unwrap().keys().map(ToString::to_string).collect();
    names.sort_unstable();
    assert_eq!(names, ["x-good"], "what reached the client");
}

#[tokio::test]
async fn both_statuses_of_a_call_are_told_and_its_outcome_is_counted() {
    let backend = trailing(&[("grpc-status", "13"), ("grpc-message", "broken")]).await;
    let gateway = PULSEGATE.start(&h2_pool(&backend, "")).await;
    assert_eq!(call(&gateway, "/theirs", CALL, true).await.grpc_status(), Some("13"));
    let theirs = line(&gateway, "/theirs").await;
    assert!(theirs.contains(" status=200 ") && theirs.contains(" grpc_status=13 "), "{theirs}");
    backend.kill();
    eventually("it is down", async || gateway.standing_of(&backend.address.to_string()).await == "down").await;
    assert_eq!(call(&gateway, "/ours", CALL, true).await.grpc_status(), Some("14"));
    let ours = line(&gateway, "/ours").await;
    assert!(ours.contains(" status=200 ") && ours.contains(" grpc_status=14 "), "{ours}");
    assert!(ours.contains("reason=none_eligible"), "{ours}");
    let metrics = gateway.get("/metrics").await.unwrap();
    let counted = |class: &str| {
        let line =
            metrics.lines().find(|line| line.starts_with(&format!("pulsegate_requests_total{{code_class=\"{class}\"")));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |count| count.parse::<f64>().unwrap())
    };
    assert_eq!((counted("2xx"), counted("5xx")), (0.0, 2.0), "{metrics}");
}

#[tokio::test]
async fn our_own_deadlines_have_names_of_their_own() {
    let backend = H2Backend::start(|mut call| async move {
        match call.request.uri.path() {
            "/begins" => {
                let mut out = call.head(&[]);
                out.send_data(Bytes::from_static(b"some"), false).unwrap();
                std::future::pending::<()>().await;
            }
            "/drips" => {
                let mut out = call.head(&[]);
                while out.send_data(Bytes::from_static(b"more"), false).is_ok() {
                    support::pause(Duration::from_millis(50)).await;
                }
            }
            _ => std::future::pending::<()>().await,
        }
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&backend, "    timeouts: { idle: 1s, per_try: none, total: 3s }\n")).await;
    let mut client = H2Client::connect(gateway.address).await;
    for path in ["/begins", "/drips", "/never"] {
        let (response, _) = client.open(support::h2::get(path), true).await;
        drop(timeout(PATIENCE, Answer::of(response)).await.expect("it ends"));
    }
    for (path, reason, end) in [
        ("/begins", "idle_timeout", "idle_timeout"),
        ("/drips", "total_timeout", "total_timeout"),
        ("/never", "total_timeout", "total_timeout"),
    ] {
        let line = line(&gateway, path).await;
        assert!(line.contains(&format!("reason={reason} ")), "{line}");
        assert!(line.contains(&format!("/{end}/")) && !line.contains("client_left"), "{line}");
    }
}
