//! How does a probe reach a backend? A new TCP or Unix connection, with TLS on top where asked.
//!
//! How it is closed is decided here. An HTTP probe closes with a reset (SO_LINGER 0): when it closes, the answer has been read or
//! given up, so nothing can be lost, and ten thousand backends probed every two seconds leave no 300 000 sockets in TIME_WAIT.
//! A TCP probe closes in order: its reset could overtake the application's `accept`, and databases log that as a broken client.

use crate::tls::{ClientConfigs, server_name};
use pulsegate_core::base::identity::Address;
use pulsegate_core::health::reading::ReadingResult;
use pulsegate_core::http::proxy_protocol::{self, Version};
use pulsegate_core::plan::{Protocol, UpstreamTls};
use std::io::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// HTTP/2 in the TLS handshake.
const HTTP2: &[u8] = b"h2";

/// A connection of whatever kind.
pub(super) type Stream = Box<dyn Connection>;

pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Connects; an ordinary close when the stream is dropped.
pub(super) async fn open(address: &Address) -> Result<Stream, ReadingResult> {
    match address {
        Address::Socket(socket) => Ok(Box::new(tcp(address, *socket).await?)),
        Address::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(refused(address, &error)),
        },
    }
}

/// Connects; a reset when the stream is dropped (TCP only).
pub(super) async fn open_to_be_reset(address: &Address) -> Result<Stream, ReadingResult> {
    let Address::Socket(socket) = address else { return open(address).await };
    let stream = tcp(address, *socket).await?;
    // Without them the probe is as true, only the close or the small write less tidy.
    let _ = stream.set_zero_linger();
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

async fn tcp(address: &Address, socket: std::net::SocketAddr) -> Result<TcpStream, ReadingResult> {
    TcpStream::connect(socket).await.map_err(|error| refused(address, &error))
}

/// Says in a PROXY header that nobody stands behind this connection.
pub(super) async fn introduce(stream: &mut Stream, version: Version) -> Result<(), ReadingResult> {
    stream.write_all(&proxy_protocol::local(version)).await.map_err(|error| {
        ReadingResult::ConnectFailed(format!("the connection broke with its PROXY header: {}", words(&error)))
    })
}

/// Shakes hands over `stream`.
pub(super) async fn secure(
    stream: Stream,
    tls: &UpstreamTls,
    protocol: Protocol,
    configs: &ClientConfigs,
) -> Result<Stream, ReadingResult> {
    let config = configs.get(tls, protocol).map_err(ReadingResult::TlsFailed)?.config;
    let name = server_name(tls).map_err(ReadingResult::TlsFailed)?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(secured) if protocol == Protocol::Http2 && secured.get_ref().1.alpn_protocol() != Some(HTTP2) => {
            let words = "the backend did not choose HTTP/2 in the TLS handshake; `protocol: http1` is what it speaks";
            Err(ReadingResult::TlsFailed(words.to_owned()))
        }
        Ok(secured) => Ok(Box::new(secured)),
        Err(error) => Err(ReadingResult::TlsFailed(handshake_words(&tls.sni, &error))),
    }
}

fn refused(address: &Address, error: &Error) -> ReadingResult {
    ReadingResult::ConnectFailed(format!("cannot connect to {address}: {}", words(error)))
}

fn handshake_words(sni: &str, error: &Error) -> String {
    let tls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls_error {
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("the TLS handshake as {sni:?} failed: {error}; does this port speak TLS?")
        }
        _ => format!("the TLS handshake as {sni:?} failed: {}", words(error)),
    }
}

/// The error for people: without "(os error 111)".
pub(super) fn words(error: &Error) -> String {
    let full = error.to_string();
    match full.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => full,
    }
}
