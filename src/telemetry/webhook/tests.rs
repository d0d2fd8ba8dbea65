//! Webhooks against real receivers: one that takes, one that fails first, one that hangs, one that is gone, one that speaks TLS.

#![allow(clippy::disallowed_methods, reason = "real receivers take real time")]

use super::sign::Signer;
use super::*;
use crate::clock::Clock;
use crate::telemetry::event::Line;
use crate::telemetry::instruments::{Owners, Registry};
use crate::telemetry::table;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use log::Level;
use pulsegate_core::plan::{HttpTarget, Plan, TokenSource, WebhookKind, WebhookPlan, WebhookUrl};
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::net::TcpListener;

/// Answers with these statuses in turn, the last one for ever, and keeps what it was sent.
#[derive(Clone, Default)]
struct Receiver {
    statuses: Arc<Mutex<Vec<u16>>>,
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    fn answering(statuses: &[u16]) -> Self {
        Self { statuses: Arc::new(Mutex::new(statuses.to_vec())), got: Arc::default() }
    }

    async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().unwrap().clone()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.got.lock().unwrap().push((headers, body));
    let mut statuses = receiver.statuses.lock().unwrap();
    let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
    StatusCode::from_u16(status).unwrap()
}

fn plan(name: &str, address: SocketAddr) -> WebhookPlan {
    WebhookPlan {
        headers: vec![("X-Team".to_owned(), "orders".to_owned())],
        timeout: Duration::from_secs(10),
        attempts: 3,
        ..WebhookPlan::to(name, WebhookKind::Generic, WebhookUrl::Known(target(address, false)))
    }
}

fn target(address: SocketAddr, https: bool) -> HttpTarget {
    HttpTarget { https, host: address.ip().to_string(), port: address.port(), path: "/hook?a=b".to_owned() }
}

fn prepared(plans: Vec<WebhookPlan>) -> Vec<Ready> {
    prepare(&plans.into_iter().map(Arc::new).collect::<Vec<_>>(), &[]).unwrap()
}

fn webhooks(plans: Vec<WebhookPlan>) -> Webhooks {
    let mut registry = Registry::default();
    let notices = registry.counters(&table::WEBHOOK_NOTICES);
    let webhooks = Webhooks { first_pause: Duration::from_millis(10), ..Webhooks::new(notices) };
    let receivers = ["new"].map(|name| plan(name, ([127, 0, 0, 1], 1).into()));
    let receivers = receivers.iter().chain(&plans).cloned().map(Arc::new).collect();
    registry.sweep(Owners::of(&Plan { webhooks: receivers, ..Plan::default() }));
    webhooks.apply(prepared(plans));
    webhooks
}

fn notice(event_id: u64) -> Notice {
    let line = Line {
        level: Level::Error,
        name: "backend.not_alive",
        message: "must be restarted".to_owned(),
        fields: vec![("upstream", "orders".to_owned()), ("event_id", format!("abc-{event_id}"))],
    };
    Notice::new(format!("abc-{event_id}"), &line, ("2026-11-25T01:00:00.000Z", 1_795_568_400))
}

impl Webhooks {
    fn count(&self, name: &str, result: &str) -> u64 {
        self.notices.get([name, result]).get()
    }

    async fn until(&self, name: &str, result: &str, count: u64) {
        let clock = Clock::start();
        let patience = clock.now() + Duration::from_secs(20);
        while self.count(name, result) < count {
            assert!(clock.now() < patience, "{name}: {} of {count} {result}", self.count(name, result));
            tokio::task::yield_now().await;
        }
        assert_eq!(self.count(name, result), count, "{name} {result}");
    }
}

#[tokio::test]
async fn an_event_arrives_whole_and_signed() {
    let receiver = Receiver::answering(&[204]);
    let address = receiver.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let webhooks = webhooks(vec![WebhookPlan { secret: Some(TokenSource::File(file)), ..plan("owner", address) }]);
    webhooks.tell("owner", notice(17));
    webhooks.tell("nobody", notice(18));
    webhooks.until("owner", "delivered", 1).await;

    let (headers, body) = receiver.got().remove(0);
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "event_id": "abc-17", "at": "2026-11-25T01:00:00.000Z", "event": "backend.not_alive", "level": "error",
            "message": "must be restarted", "details": { "upstream": "orders" },
        })
    );
    let signer = Signer::new("0123456789abcdef0123456789abcdef").unwrap();
    let signature = signer.sign("abc-17", 1_795_568_400, &body);
    for (name, value) in [
        ("content-type", "application/json"),
        ("webhook-id", "abc-17"),
        ("webhook-timestamp", "1795568400"),
        ("webhook-signature", &signature),
        ("x-team", "orders"),
        ("host", &address.to_string()),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_and_a_refused_one_is_not() {
    let (recovering, refusing, failing) =
        (Receiver::answering(&[500, 429, 200]), Receiver::answering(&[400]), Receiver::answering(&[503]));
    let webhooks = webhooks(vec![
        plan("recovering", recovering.serve().await),
        plan("refusing", refusing.serve().await),
        plan("failing", failing.serve().await),
    ]);
    for name in ["recovering", "refusing", "failing"] {
        webhooks.tell(name, notice(1));
    }
    webhooks.until("recovering", "delivered", 1).await;
    webhooks.until("refusing", "failed", 1).await;
    webhooks.until("failing", "failed", 1).await;
    assert_eq!([recovering, refusing, failing].map(|receiver| receiver.got().len()), [3, 1, 3]);
}

#[tokio::test]
async fn one_that_hangs_or_is_gone_keeps_nobody_waiting_and_what_does_not_fit_is_counted() {
    const HANGS: Duration = Duration::from_secs(60);
    // Nobody accepts: the kernel does, and no answer comes.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let well = Receiver::answering(&[200]);
    let webhooks = webhooks(vec![
        WebhookPlan { timeout: HANGS, ..plan("hanging", hanging.local_addr().unwrap()) },
        plan("gone", gone),
        plan("well", well.serve().await),
    ]);
    let clock = Clock::start();
    let begun = clock.now();
    for event in 0..1_000 {
        webhooks.tell("hanging", notice(event));
    }
    webhooks.tell("gone", notice(1));
    webhooks.tell("well", notice(2));
    let took = clock.now().since(begun);
    assert!(took < HANGS, "telling waited: {took:?}");
    webhooks.until("well", "delivered", 1).await;
    webhooks.until("gone", "failed", 1).await;
    // The queue, and at most the one that is under way.
    let dropped = webhooks.count("hanging", "dropped");
    assert!((1_000 - QUEUE as u64 - 1..=1_000 - QUEUE as u64).contains(&dropped), "{dropped} dropped");
    assert_eq!(webhooks.count("hanging", "delivered"), 0);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_is_tried_again() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks = webhooks(vec![plan("hanging", hanging.local_addr().unwrap())]);
    webhooks.tell("hanging", notice(1));
    for _ in 0..3 {
        // Each attempt has a connection of its own.
        hanging.accept().await.unwrap();
    }
    webhooks.until("hanging", "failed", 1).await;
}

#[tokio::test]
async fn a_reload_keeps_what_is_the_same_and_forgets_what_is_gone() {
    let receiver = Receiver::answering(&[200]);
    let address = receiver.serve().await;
    let webhooks = webhooks(vec![plan("same", address), plan("gone", address)]);
    let queue = |name: &str| {
        let lanes = webhooks.lanes.load();
        lanes.iter().find(|lane| &*lane.ready.name == name).map(|lane| lane.queue.clone())
    };
    let (same, gone) = (queue("same").unwrap(), queue("gone").unwrap());
    webhooks.tell("gone", notice(1));
    webhooks.apply(prepared(vec![plan("same", address), plan("new", address)]));
    assert!(same.same_channel(&queue("same").unwrap()) && queue("new").is_some() && queue("gone").is_none());
    webhooks.tell("new", notice(2));
    webhooks.until("new", "delivered", 1).await;
    drop(gone);
    assert_eq!(format!("{webhooks:?}"), "[\"same\", \"new\"]");
}

#[test]
fn a_secret_that_cannot_be_used_is_a_sentence() {
    let address = ([127, 0, 0, 1], 1).into();
    let broken =
        WebhookPlan { secret: Some(TokenSource::Env("PULSEGATE_NO_SUCH".to_owned())), ..plan("owner", address) };
    let told = prepare(&[Arc::new(broken)], &[]).unwrap_err();
    assert_eq!(told, ["webhooks.owner.secret: the variable PULSEGATE_NO_SUCH is not set, or is no text"]);
}

#[tokio::test]
async fn over_tls_the_certificate_is_verified() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut heard = [0; 2048];
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            });
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let [ours, other] = ["ours.pem", "other.pem"].map(|name| dir.path().join(name));
    std::fs::write(&ours, cert.pem()).unwrap();
    std::fs::write(&other, rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap().cert.pem()).unwrap();
    let secured = |name: &str, ca| WebhookPlan {
        url: WebhookUrl::Known(target(address, true)),
        ca: Some(ca),
        ..plan(name, address)
    };
    let webhooks = webhooks(vec![secured("trusted", ours), secured("untrusted", other)]);
    for name in ["trusted", "untrusted"] {
        webhooks.tell(name, notice(1));
    }
    webhooks.until("trusted", "delivered", 1).await;
    webhooks.until("untrusted", "failed", 1).await;
}
