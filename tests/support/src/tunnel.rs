//! Tunnels over streams of HTTP/2 (RFC 8441), as a socket that any protocol can be spoken over.

use super::eventually;
use super::h2::H2Client;
use bytes::Bytes;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::response::Parts;
use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

/// What a pump takes at once.
const PIECE: usize = 16 * 1024;

/// A socket over both directions of a stream; each ends by itself.
pub fn over(mut coming: RecvStream, mut leaving: SendStream<Bytes>) -> DuplexStream {
    let (ours, theirs) = duplex(4 * PIECE);
    let (mut from, mut to) = split(theirs);
    tokio::spawn(async move {
        while let Some(Ok(piece)) = coming.data().await {
            let _ = coming.flow_control().release_capacity(piece.len());
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    tokio::spawn(async move {
        let mut piece = vec![0; PIECE];
        while let Ok(read) = from.read(&mut piece).await {
            let sent = leaving.send_data(Bytes::copy_from_slice(&piece[..read]), read == 0);
            if read == 0 || sent.is_err() {
                return;
            }
        }
    });
    ours
}

/// A CONNECT for this protocol.
pub fn connect(path: &str, protocol: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(Method::CONNECT).uri(format!("http://a.example{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.extension(Protocol::from(protocol)).body(()).expect("a request")
}

/// Asks for a tunnel once the server has announced them. What it answered, and its directions.
pub async fn ask(client: &mut H2Client, request: Request<()>) -> (Parts, RecvStream, SendStream<Bytes>) {
    eventually("tunnels are announced", async || client.send.is_extended_connect_protocol_enabled()).await;
    let (response, leaving) = client.open(request, false).await;
    let (head, coming) = response.await.expect("an answer").into_parts();
    (head, coming, leaving)
}
