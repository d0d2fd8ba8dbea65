//! Does a backend behind TLS hear that a connection ends, wherever an exchange was whole? An end without a word could be anybody's, so that strict
//! backends take it for an attack.

use super::PULSEGATE;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use support::PATIENCE;
use support::client::Client;
use support::gateway::Gateway;
use support::tls::self_signed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A backend that answers each connection's request with these bytes, and tells how the connection ended.
async fn backend(answer: &'static str) -> (SocketAddr, UnboundedReceiver<Result<(), ErrorKind>>) {
    let made = self_signed(&["one.test"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(made.der)], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(acceptor.clone(), stream, answer, tell.clone()));
        }
    });
    (address, told)
}

async fn converse(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    answer: &'static str,
    tell: UnboundedSender<Result<(), ErrorKind>>,
) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    let ended = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    let _ = tell.send(ended.map(drop).map_err(|error| error.kind()));
}

async fn asked(address: SocketAddr, request: &str) -> Gateway {
    let config = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{address}\"]\n    tls: {{ sni: one.test, verify: false }}\n"
    );
    let gateway = PULSEGATE.start(&config).await;
    let mut client = Client::connect(gateway.address).await;
    client.send(request).await;
    assert_eq!(client.answer_to(request.split(' ').next().unwrap()).await.status, 200, "{request:?}");
    gateway
}

#[tokio::test]
async fn a_backend_that_keeps_no_connection_hears_its_end() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (request, answer) in [
        (get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        (get, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        (get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more"),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ] {
        let (address, mut told) = backend(answer).await;
        let _gateway = asked(address, request).await;
        assert_eq!(timeout(PATIENCE, told.recv()).await.unwrap(), Some(Ok(())), "{answer:?}");
    }
}
