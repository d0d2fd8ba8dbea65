//! How does a connection to a backend become TLS? By the configuration that probes use, so that probe and traffic cannot disagree.
//!
//! pingora's own TLS client reads the system's roots at start and panics at an odd one, makes a configuration anew for each connection
//! with a CA of its own, and verifies nothing where the name is empty. Here a configuration is made once per set of files
//! (`crate::tls`), and the handshake costs the handshake.

use crate::tls::{ClientConfigs, server_name};
use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use pulsegate_core::plan::{Protocol, UpstreamTls};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why there is no secured connection.
pub enum Insecure {
    /// A file or a name of ours; a sentence for the log.
    Ours(String),
    Handshake,
}

/// Shakes hands over `stream`.
pub async fn secure(
    stream: Stream,
    tls: &UpstreamTls,
    protocol: Protocol,
    clients: &ClientConfigs,
) -> Result<Stream, Insecure> {
    let client = clients.get(tls, protocol).map_err(Insecure::Ours)?;
    let name = server_name(tls).map_err(Insecure::Ours)?;
    match TlsConnector::from(client.config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(Secured(Box::new(stream)))),
        Err(error) => {
            log::debug!("the TLS handshake as {:?} failed: {error}", tls.sni);
            Err(Insecure::Handshake)
        }
    }
}

/// A connection as pingora's sessions take it.
#[derive(Debug)]
struct Secured(Box<TlsStream<Stream>>);

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for Secured {
    /// A backend that is already gone is no error here: there is nobody left to tell.
    async fn shutdown(&mut self) {
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Secured {
    fn id(&self) -> UniqueIDType {
        self.0.get_ref().0.id()
    }
}

impl Ssl for Secured {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match self.0.get_ref().1.alpn_protocol() {
            Some(b"h2") => Some(ALPN::H2),
            Some(b"http/1.1") => Some(ALPN::H1),
            _ => None,
        }
    }
}

// What follows is pingora's interface for digests and peeking, which nobody here asks for.

impl GetTimingDigest for Secured {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Secured {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Secured {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl Peek for Secured {}
