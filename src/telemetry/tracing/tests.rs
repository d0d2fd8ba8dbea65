//! What a request looks like in a trace.

use super::otlp::{Code, Kind, Value};
use super::*;
use crate::telemetry::{Tries, Try};
use http::{HeaderMap, HeaderValue};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::Hidden;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::net::TcpListener;

fn attribute(span: &Span, key: &str) -> Option<Value> {
    span.attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value
}

fn text(span: &Span, key: &str) -> String {
    match attribute(span, key) {
        Some(Value::Text(text)) => text,
        other => format!("{other:?}"),
    }
}

fn one(port: u16, end: AttemptEnd, span: u64) -> Try {
    let backend = Address::Socket(([127, 0, 0, 1], port).into());
    let (began, took) = (Timestamp::from_secs(1), Duration::from_millis(2));
    Try { url: Some(format!("http://{backend}/x")), backend, end, began, took, span }
}

fn trace(parent: Option<u64>) -> Trace {
    Trace { told: TraceParent { trace: 7, span: 12, sampled: true, random: true }, own: 10, parent }
}

fn record<'a>(tries: &'a Tries, headers: &'a HeaderMap) -> RequestRecord<'a> {
    RequestRecord {
        request_id: b"r-1",
        client: "10.0.0.7".parse().unwrap(),
        listener: "public",
        method: "GET",
        host: "api.example.com",
        path: "/x",
        query: "?a=1&token=t0p",
        headers: Some(headers),
        protocol: "HTTP/1.1",
        route: Some("orders"),
        upstream: Some("pool"),
        backend: None,
        status: 200,
        reason: None,
        attempts: 2,
        tries,
        retry_stopped: None,
        bytes_in: 0,
        bytes_out: 1,
        tls: true,
        began: Timestamp::from_secs(1),
        took: Duration::from_millis(5),
        head_took: None,
        queued: Duration::ZERO,
        stalled: Duration::ZERO,
        grpc_status: None,
        upstream_took: None,
        overhead: None,
        trace_id: Some(7),
        trace: None,
    }
}

fn spans_of(trace: &Trace, record: &RequestRecord<'_>) -> Vec<Span> {
    spans::of(trace, record, &Redacted::default().query, Clock::start())
}

#[test]
fn a_request_and_each_of_its_attempts_has_a_span() {
    let mut tries = Tries::default();
    tries.push(one(9001, AttemptEnd::ConnectFailed { timed_out: false }, 11));
    tries.push(one(9002, AttemptEnd::Response { status: 200 }, 12));
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("curl"));
    headers.insert("authorization", HeaderValue::from_static("Bearer t0p"));
    let spans = spans_of(&trace(Some(5)), &record(&tries, &headers));
    let [server, first, second] = spans.as_slice() else { panic!("{spans:?}") };

    assert!(spans.iter().all(|span| span.trace_id == 7_u128.to_be_bytes()));
    assert_eq!((server.kind, server.name.as_str()), (i32::from(Kind::Server), "GET orders"));
    assert_eq!(
        (&server.span_id[..], &server.parent_span_id[..]),
        (&10_u64.to_be_bytes()[..], &5_u64.to_be_bytes()[..])
    );
    assert_eq!((server.end - server.start, server.status.clone()), (5_000_000, None));
    for (key, expected) in [
        ("http.request.method", "GET"),
        ("url.scheme", "https"),
        ("url.path", "/x"),
        ("url.query", "a=1&token=REDACTED"),
        ("server.address", "api.example.com"),
        ("client.address", "10.0.0.7"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "curl"),
        ("pulsegate.upstream", "pool"),
    ] {
        assert_eq!(text(server, key), expected, "{key}");
    }
    assert_eq!(attribute(server, "http.response.status_code"), Some(Value::Number(200)));
    assert!(!format!("{spans:?}").contains("t0p"), "no secrets");

    assert_eq!((first.kind, &first.parent_span_id), (i32::from(Kind::Client), &server.span_id));
    assert_eq!(first.status.as_ref().map(|status| status.code), Some(i32::from(Code::Error)));
    assert_eq!(
        (text(first, "error.type"), text(first, "pulsegate.backend")),
        ("connect_failed".into(), "127.0.0.1:9001".into())
    );
    assert_eq!(attribute(first, "http.request.resend_count"), None);
    assert_eq!((second.status.clone(), &second.span_id[..]), (None, &12_u64.to_be_bytes()[..]));
    assert_eq!(attribute(second, "http.request.resend_count"), Some(Value::Number(1)));
    assert_eq!(text(second, "url.full"), "http://127.0.0.1:9002/x");
    assert_eq!(attribute(second, "server.port"), Some(Value::Number(9002)));
}

#[test]
fn an_answer_of_our_own_is_an_error_with_its_reason() {
    let (tries, headers) = (Tries::default(), HeaderMap::new());
    let own = RequestRecord {
        status: 503,
        reason: Some("none_eligible"),
        attempts: 0,
        method: "BREW",
        route: None,
        ..record(&tries, &headers)
    };
    let spans = spans_of(&trace(None), &own);
    assert_eq!((spans.len(), spans[0].name.as_str(), spans[0].parent_span_id.len()), (1, "HTTP", 0));
    assert_eq!(text(&spans[0], "error.type"), "none_eligible");
    assert_eq!(text(&spans[0], "http.request.method"), "_OTHER");
    assert_eq!(text(&spans[0], "http.request.method_original"), "BREW");
    let gone = RequestRecord { status: 499, reason: Some("client_left"), ..own };
    assert_eq!(spans_of(&trace(None), &gone)[0].status, None, "a client that left is no error of ours");
}

#[test]
fn a_backends_5xx_is_its_spans_error() {
    let mut tries = Tries::default();
    tries.push(one(9001, AttemptEnd::Response { status: 503 }, 11));
    tries.push(one(9001, AttemptEnd::GrpcStatus(14), 12));
    let headers = HeaderMap::new();
    let spans = spans_of(&trace(None), &record(&tries, &headers));
    assert_eq!((text(&spans[1], "error.type"), text(&spans[2], "error.type")), ("503".into(), "grpc_status".into()));
    assert_eq!(attribute(&spans[2], "rpc.grpc.status_code"), Some(Value::Number(14)));
}

/// A collector that accepts and never answers: what waits is bounded, the rest is counted, and nobody waits.
#[tokio::test]
async fn a_collector_that_hangs_costs_spans_and_never_a_wait() {
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = OtlpPlan {
        headers: vec![("x-key".into(), Hidden("t0p".into()))],
        timeout: Duration::from_secs(60),
        ..OtlpPlan::to(&format!("http://{}/v1/traces", hung.local_addr().unwrap()))
    };
    let plan = TracingPlan { ratio: 1.0, ..TracingPlan::to(otlp) };
    let health = Health::default();
    let tracer = Tracer::start(&plan, Clock::start(), health.clone()).unwrap();
    let (tries, headers) = (Tries::default(), HeaderMap::new());
    let record = RequestRecord { attempts: 0, ..record(&tries, &headers) };
    for round in 0..3 {
        for _ in 0..QUEUE {
            tracer.record(&trace(None), &record);
        }
        tokio::task::yield_now().await;
        let waiting = health.waiting.get();
        assert!(waiting <= QUEUE as i64, "{waiting} wait in round {round}");
    }
    let lost = health.dropped.queue_full.get();
    assert!(lost >= QUEUE as u64, "{lost} dropped");
}
