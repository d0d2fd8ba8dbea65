//! Probes over TLS, with certificates made on the spot.

use super::tools::{self, Checked, Peer, http_check, never, serve};
use pulsegate_core::health::reading::ReadingResult;
use pulsegate_core::plan::{self, UpstreamTls};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::{TempDir, tempdir};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const OK: ReadingResult = ReadingResult::status(200);

/// A TLS server for `orders.test` that answers 200, and its certificate as a CA file.
struct Secured {
    checked: Checked,
    dir: TempDir,
    _tasks: JoinSet<()>,
}

impl Secured {
    fn tls(&self) -> UpstreamTls {
        UpstreamTls {
            sni: "orders.test".to_owned(),
            verify: true,
            ca: Some(self.dir.path().join("ca.pem")),
            identity: None,
        }
    }

    async fn asked_with(mut self, tls: UpstreamTls) -> ReadingResult {
        let mut check = http_check();
        check.tls = Some(tls);
        self.checked = Checked::at(self.checked.address, check);
        self.checked.result().await
    }
}

async fn secured() -> Secured {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["orders.test".to_owned()]).unwrap();
    let dir = tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), cert.pem()).unwrap();
    let acceptor = acceptor(&cert, &signing_key);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = pulsegate_core::base::identity::Address::Socket(listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                tools::head(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    Secured { checked: Checked::at(address, http_check()), dir, _tasks: tasks }
}

fn acceptor(cert: &rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    finished(cert, key, WebPkiClientVerifier::no_client_auth())
}

/// As [`acceptor`], for one that asks for a certificate of these authorities.
fn acceptor_that_asks(cert: &rcgen::Certificate, key: &KeyPair, roots: RootCertStore) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    finished(cert, key, WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap())
}

fn finished(cert: &rcgen::Certificate, key: &KeyPair, clients: Arc<dyn ClientCertVerifier>) -> TlsAcceptor {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn why(result: ReadingResult) -> String {
    match result {
        ReadingResult::TlsFailed(why) => why,
        other => panic!("expected a TLS failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_the_ca_is_believed() {
    let backend = secured().await;
    let tls = backend.tls();
    assert_eq!(backend.asked_with(tls).await, OK);
}

#[tokio::test]
async fn another_name_is_not_believed() {
    let backend = secured().await;
    let tls = UpstreamTls { sni: "payments.test".to_owned(), ..backend.tls() };
    let why = why(backend.asked_with(tls).await);
    assert!(why.contains("payments.test") && why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_not_believed() {
    let backend = secured().await;
    let other = secured().await;
    let tls = UpstreamTls { ca: other.tls().ca, ..backend.tls() };
    let why = why(backend.asked_with(tls).await);
    assert!(why.contains("invalid peer certificate"), "{why}");
}

#[tokio::test]
async fn without_verification_any_certificate_will_do() {
    let backend = secured().await;
    let tls = UpstreamTls { sni: "payments.test".to_owned(), verify: false, ca: None, identity: None };
    assert_eq!(backend.asked_with(tls).await, OK);
}

#[tokio::test]
async fn a_ca_file_that_is_gone_is_named() {
    let backend = secured().await;
    let tls = UpstreamTls { ca: Some(Path::new("/nowhere/ca.pem").to_owned()), ..backend.tls() };
    let why = why(backend.asked_with(tls).await);
    assert!(why.contains("/nowhere/ca.pem"), "{why}");
}

#[tokio::test]
async fn a_port_without_tls_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = pulsegate_core::base::identity::Address::Socket(listener.local_addr().unwrap());
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let mut check = http_check();
    check.tls = Some(UpstreamTls { sni: "orders.test".to_owned(), verify: false, ca: None, identity: None });
    let why = why(Checked::at(address, check).result().await);
    drop(plain.await.unwrap());
    assert!(why.ends_with("does this port speak TLS?"), "{why}");
}

#[tokio::test]
async fn a_handshake_that_hangs_is_no_connection() {
    let silent = serve(async |_peer: Peer| never().await).await;
    let mut check = http_check();
    check.tls = Some(UpstreamTls { sni: "orders.test".to_owned(), verify: false, ca: None, identity: None });
    let mut checked = Checked::with(&silent, check);
    checked.probe.timeout = Duration::from_millis(80);
    assert_eq!(checked.result().await, ReadingResult::TimedOut { connected: false });
}

#[tokio::test]
async fn a_tcp_check_shakes_hands_where_traffic_would() {
    let backend = secured().await;
    let tls = backend.tls();
    let mut checked = backend.checked;
    checked.probe.kind = pulsegate_core::plan::ProbeCheck::Tcp;
    checked.tls = Some(tls.clone());
    assert_eq!(checked.result().await, ReadingResult::Connected);

    checked.tls = Some(UpstreamTls { sni: "payments.test".to_owned(), ..tls });
    assert!(matches!(checked.result().await, ReadingResult::TlsFailed(_)));
}

#[tokio::test]
async fn a_backend_that_misses_our_certificate_is_a_tls_failure_and_is_content_with_it() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["orders.test".to_owned()]).unwrap();
    let dir = tempdir().unwrap();
    let [ca, key] = ["ca.pem", "key.pem"].map(|name| dir.path().join(name));
    std::fs::write(&ca, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    // It trusts a client that shows the same certificate as itself.
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let acceptor = acceptor_that_asks(&cert, &signing_key, roots);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = pulsegate_core::base::identity::Address::Socket(listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut refused = Vec::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // One that was refused is kept open: a reset could overtake the alert.
            match acceptor.accept(stream).into_fallible().await {
                Ok(mut stream) => {
                    tools::head(&mut stream).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                }
                Err((_, stream)) => refused.push(stream),
            }
        }
    });
    let tls = UpstreamTls { sni: "orders.test".to_owned(), verify: true, ca: Some(ca), identity: None };
    let asked = async |tls: UpstreamTls| {
        let mut check = http_check();
        check.tls = Some(tls);
        Checked::at(address.clone(), check).result().await
    };
    let why = why(asked(tls.clone()).await);
    assert!(why.contains("CertificateRequired"), "{why}");
    let pair = plan::KeyPair { certificate: dir.path().join("ca.pem"), key, strict_permissions: false };
    assert_eq!(asked(UpstreamTls { identity: Some(Box::new(pair)), ..tls }).await, OK);
}
