//! One gateway behind another: what the outer one says to its backends, the inner one takes as it takes its clients.

use super::versions::{both, over_http1, over_http2};
use super::{PULSEGATE, pool};
use std::sync::Arc;
use support::h2::H2Client;
use support::raw::{Raw, ok};

/// An inner gateway in TLS, and the configuration of one in front of it.
fn in_front_of(inner: std::net::SocketAddr, folder: &std::path::Path, protocol: &str) -> String {
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{inner}\"]\n    protocol: {protocol}\n    tls: {{ sni: \
         localhost, ca: {}/a.crt }}\n",
        folder.display()
    )
}

#[tokio::test]
async fn web_sockets_pass_through_two_gateways_that_speak_tls_between_them() {
    let folder = tempfile::TempDir::new().unwrap();
    support::tls::self_signed(&["localhost"], |_| {}).write(folder.path(), "a");
    let keys = format!("    tls: {{ certificate: {0}/a.crt, key: {0}/a.key }}", folder.path().display());
    let backend = both(Arc::default()).await;
    let plain = format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{backend}\"] }}\n");
    let inner = PULSEGATE.start_with(&plain, &keys).await;
    for protocol in ["http2", "http1"] {
        let outer = PULSEGATE.start(&in_front_of(inner.address, folder.path(), protocol)).await;
        over_http1(&outer).await;
        over_http2(&outer).await;
    }
}

#[tokio::test]
async fn what_an_inner_gateway_refuses_arrives_with_its_reason() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let inner = PULSEGATE.start(&pool(&[backend.address])).await;
    let outer = PULSEGATE.start(&super::pool_with(&[inner.address], "    protocol: http2\n")).await;
    let mut client = H2Client::connect(outer.address).await;
    assert_eq!(client.get("/x").await.text(), "hello");
    let ask = support::tunnel::connect("/x", "websocket", &[]);
    let (head, mut coming, _leaving) = support::tunnel::ask(&mut client, ask).await;
    let mut text = Vec::new();
    while let Some(Ok(piece)) = coming.data().await {
        text.extend_from_slice(&piece);
    }
    assert_eq!(head.status, 502);
    assert!(String::from_utf8_lossy(&text).contains("\"reason\":\"upgrade_refused\""), "{text:?}");
}
