//! gRPC health checks against servers that answer in every way, over h2c and TLS. The real server is in `tests/grpc`.

use super::tools::{self, Checked, answering};
use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::{GrpcSaid, Reading, ReadingResult};
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{Fact, GrpcCheck, Recognition, UpstreamTls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a server answers to every call.
#[derive(Clone, Debug)]
struct Script {
    status: u16,
    head: &'static [(&'static str, &'static str)],
    /// `None`: the head ends the stream.
    body: Option<Vec<u8>>,
    trailers: &'static [(&'static str, &'static str)],
}

const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("x-instance", "a7")];
const OK: &[(&str, &str)] = &[("grpc-status", "0")];

impl Script {
    fn message(body: &[u8]) -> Self {
        Self { status: 200, head: GRPC, body: Some(body.to_vec()), trailers: OK }
    }

    fn alone(status: u16, head: &'static [(&'static str, &'static str)]) -> Self {
        Self { status, head, body: None, trailers: &[] }
    }
}

/// A call as the server heard it: its head and its body.
type Heard = Arc<Mutex<Vec<(Request<()>, Vec<u8>)>>>;

struct Server {
    address: SocketAddr,
    heard: Heard,
    _tasks: JoinSet<()>,
}

async fn serve(script: Script, tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Heard::default());
    let (mut tasks, note) = (JoinSet::new(), heard.clone());
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match &tls {
                None => converse(stream, &script, &note).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, &script, &note).await,
                    Err(_) => continue,
                },
            }
        }
    });
    Server { address, heard, _tasks: tasks }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, script: &Script, heard: &Heard) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, reply))) = connection.accept().await {
        let (head, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        // The body is read and the answer sent while the connection is driven below.
        let answer = async {
            while let Some(Ok(chunk)) = body.data().await {
                bytes.extend_from_slice(&chunk);
            }
            heard.lock().unwrap().push((Request::from_parts(head, ()), bytes));
            play(script, reply);
        };
        tokio::select! {
            () = answer => {}
            _ = std::future::poll_fn(|context| connection.poll_closed(context)) => return,
        }
    }
}

fn play(script: &Script, mut reply: SendResponse<Bytes>) {
    let mut response = Response::builder().status(script.status);
    for (name, value) in script.head {
        response = response.header(*name, *value);
    }
    let mut stream = reply.send_response(response.body(()).unwrap(), script.body.is_none()).unwrap();
    if let Some(body) = &script.body {
        let over = script.trailers.is_empty();
        stream.send_data(Bytes::from(body.clone()), over).unwrap();
        if !over {
            let fields = script.trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            stream.send_trailers(fields.collect::<HeaderMap>()).unwrap();
        }
    }
}

fn check() -> GrpcCheck {
    GrpcCheck { service: "orders.v1".to_owned(), ..GrpcCheck::default() }
}

async fn asked(script: Script) -> (ReadingResult, String) {
    let server = serve(script, None).await;
    let mut checked = Checked::grpc(server.address, check());
    checked.probe.recognition.instance = Some(Fact::Header("x-instance".to_owned()));
    let reading = checked.read().await;
    let told = match judge(&reading, &checked.probe) {
        Verdict::Fail { why, .. } => why.to_string(),
        _ => "passed".to_owned(),
    };
    (reading.result, told)
}

#[tokio::test]
async fn every_answer_is_told_by_what_it_is() {
    let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let trailers = |script: Script, trailers| Script { trailers, ..script };
    for (script, expected) in [
        (Script::message(serving), "passed"),
        (Script::message(&[0, 0, 0, 0, 2, 8, 2]), "answered NOT_SERVING for service \"orders.v1\""),
        (Script::message(&[0, 0, 0, 0, 0]), "answered UNKNOWN"),
        (Script::alone(200, &[("content-type", "application/grpc"), ("grpc-status", "5")]), "answered NOT_FOUND"),
        (
            Script::alone(
                200,
                &[("content-type", "application/grpc"), ("grpc-status", "12"), ("grpc-message", "no%20such%0amethod")],
            ),
            "answered UNIMPLEMENTED (\"no such\\nmethod\")",
        ),
        (trailers(Script::message(b""), &[("grpc-status", "14")]), "answered UNAVAILABLE"),
        (Script::message(b""), "answered grpc-status 0 without a message"),
        (Script::alone(200, &[("content-type", "application/grpc"), ("grpc-status", "0")]), "without a message"),
        (Script::message(&[1, 0, 0, 0, 2, 8, 1]), "compressed, which was not asked for"),
        (Script::message(b"<html>no</html>"), "no gRPC message"),
        (Script::message(&[0; 5000]), "beyond 4096 bytes"),
        (trailers(Script::message(serving), &[]), "without a grpc-status"),
        (trailers(Script::message(serving), &[("grpc-status", "fine")]), "grpc-status is no number"),
        (Script::alone(200, &[("content-type", "application/json")]), "is not application/grpc"),
        (Script::alone(200, &[("content-type", "application/grpc-web")]), "is not application/grpc"),
        (Script::alone(200, &[]), "without a content type"),
        (Script::alone(200, GRPC), "without a grpc-status"),
        (Script::alone(503, &[("content-type", "text/html")]), "answered HTTP 503"),
        (Script::alone(404, &[]), "answered HTTP 404"),
    ] {
        let (_, told) = asked(script.clone()).await;
        assert!(told.contains(expected), "{script:?}: {told}");
    }
}

#[tokio::test]
async fn the_call_says_who_asks_for_what_and_how_long_it_waits() {
    let server = serve(Script::message(&[0, 0, 0, 0, 2, 8, 1]), None).await;
    let mut checked = Checked::grpc(server.address, check());
    checked.probe.recognition = Recognition { identity: None, instance: Some(Fact::Header("x-instance".to_owned())) };
    let ReadingResult::Grpc(answer) = checked.result().await else { panic!("no answer of gRPC") };
    assert_eq!(answer.said, GrpcSaid::Health(1));
    assert_eq!(answer.sighting.instance.as_deref(), Some("a7"));

    let heard = server.heard.lock().unwrap();
    let (request, body) = heard.first().unwrap();
    assert_eq!(body, &pulsegate_core::health::grpc_health::request("orders.v1"));
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().to_string(), format!("http://{}/grpc.health.v1.Health/Check", server.address));
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "5000m")] {
        assert_eq!(request.headers()[name], value);
    }
    assert!(request.headers()["user-agent"].to_str().unwrap().starts_with("pulsegate-probe/"));
}

#[tokio::test]
async fn metadata_and_authority_are_sent_and_what_cannot_be_sent_is_told() {
    let server = serve(Script::message(&[0, 0, 0, 0, 2, 8, 1]), None).await;
    let headers = vec![("Authorization".to_owned(), "Bearer x".to_owned())];
    let good = GrpcCheck { authority: Some("orders.internal:9000".to_owned()), headers, ..check() };
    Checked::grpc(server.address, good).read().await;
    let first =
        server.heard.lock().unwrap().first().map(|(request, _)| (request.uri().clone(), request.headers().clone()));
    let (uri, headers) = first.unwrap();
    assert_eq!(
        (uri.authority().unwrap().as_str(), &headers["authorization"]),
        ("orders.internal:9000", &"Bearer x".parse().unwrap())
    );

    let bad = GrpcCheck { authority: Some("not an authority".to_owned()), ..check() };
    assert!(Checked::grpc(server.address, bad).broken().await.contains("was not sent"));
}

#[tokio::test]
async fn a_server_that_speaks_no_http2_or_never_answers_has_a_cause() {
    let http1 = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let why = Checked::grpc(http1.address, check()).broken().await;
    assert!(why.contains("does this port speak HTTP/2?") || why.contains("over HTTP/2 failed"), "{why}");

    let silent = tools::serve(async |_peer| tools::never().await).await;
    let mut checked = Checked::grpc(silent.address, check());
    checked.probe.timeout = Duration::from_secs(1);
    assert_eq!(checked.result().await, ReadingResult::TimedOut { connected: true });
}

#[tokio::test]
async fn over_tls_with_alpn() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["orders.test".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, cert.pem()).unwrap();
    let tls = UpstreamTls { sni: "orders.test".to_owned(), verify: true, ca: Some(ca), identity: None };
    for (alpn, spoken) in [("h2", true), ("http/1.1", false)] {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], signing_key.serialize_der().try_into().unwrap())
            .unwrap();
        config.alpn_protocols = vec![alpn.into()];
        let server = serve(Script::message(&[0, 0, 0, 0, 2, 8, 1]), Some(TlsAcceptor::from(Arc::new(config)))).await;
        let checked = Checked::grpc(server.address, GrpcCheck { tls: Some(tls.clone()), ..check() });
        let reading: Reading = checked.read().await;
        match reading.result {
            ReadingResult::Grpc(answer) => assert_eq!((answer.said, spoken), (GrpcSaid::Health(1), true)),
            ReadingResult::TlsFailed(why) => assert!(!spoken, "{why}"),
            other => panic!("{alpn}: {other:?}"),
        }
        if spoken {
            assert_eq!(server.heard.lock().unwrap()[0].0.uri().scheme_str(), Some("https"));
        }
    }
}
