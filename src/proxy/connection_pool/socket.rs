//! What does pingora read a backend's answers from? Its connection, whose bytes are looked at on their way in.
//!
//! pingora's parser forgives more than HTTP/1.1 does: it ends lines at bare line feeds, unfolds them, and takes a chunk without a size
//! for the last one. So the core (`http::response_watch`) sees every byte first, and an answer that it refuses ends in an error here; the relay
//! then breaks the exchange off. The invariant: pingora never sees a byte that the watch has not let pass.
//!
//! The same socket carries a connection through all its requests, on the shelf in between.

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use pulsegate_core::http::response_watch::{Malformed, ResponseWatch};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection to a backend.
#[derive(Debug)]
pub struct BackendSocket {
    stream: Stream,
    watch: ResponseWatch,
    /// Our direction ends with the next flush.
    ends: AtomicBool,
}

impl BackendSocket {
    /// A new connection, for its first answer.
    pub fn new(stream: Stream, watch: ResponseWatch) -> Box<Self> {
        Box::new(Self { stream, watch, ends: AtomicBool::new(false) })
    }

    /// One that has rested, for its next answer. `None`: it is none of ours.
    pub fn again(stream: Stream, watch: ResponseWatch) -> Option<Box<Self>> {
        let mut socket = stream.into_any().downcast::<Self>().ok()?;
        socket.watch = watch;
        Some(socket)
    }

    /// Our direction ends with the next flush; the backend's goes on. (pingora lends its stream for looking only.)
    pub fn end_with_next_flush(stream: &Stream) {
        if let Some(socket) = stream.as_any().downcast_ref::<Self>() {
            socket.ends.store(true, Relaxed);
        }
    }

    /// Why the answer on this connection was refused, if it was.
    pub fn flaw(stream: &Stream) -> Option<Malformed> {
        stream.as_any().downcast_ref::<Self>()?.watch.flaw()
    }
}

fn refused(flaw: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, flaw)
}

impl AsyncRead for BackendSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(flaw) = this.watch.flaw() {
            return Poll::Ready(Err(refused(flaw)));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let passed = this.watch.take(buf.filled().get(before..).unwrap_or_default());
        buf.set_filled(before + passed.unwrap_or_default());
        Poll::Ready(passed.map(|_| ()).map_err(refused))
    }
}

impl AsyncWrite for BackendSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let stream = Pin::new(&mut this.stream);
        if this.ends.load(Relaxed) { stream.poll_shutdown(cx) } else { stream.poll_flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for BackendSocket {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(self.stream.as_mut()).await;
    }
}

impl UniqueID for BackendSocket {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

// What follows is pingora's interface for digests and peeking, which nobody here asks.

impl Ssl for BackendSocket {}

impl GetTimingDigest for BackendSocket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for BackendSocket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for BackendSocket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl Peek for BackendSocket {}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const WATCH: ResponseWatch = ResponseWatch::new(false, 1024);
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    async fn pair(said: &[&[u8]]) -> (Box<BackendSocket>, DuplexStream) {
        let (near, mut far) = duplex(4096);
        for bytes in said {
            far.write_all(bytes).await.unwrap();
        }
        (BackendSocket::new(Box::new(near), WATCH), far)
    }

    /// The refusal that the next read ends in.
    async fn refusal(socket: &mut BackendSocket) -> Option<Malformed> {
        let error = socket.read(&mut [0; 256]).await.err()?;
        error.get_ref()?.downcast_ref().copied()
    }

    #[tokio::test]
    async fn the_head_arrives_before_the_flaw_and_nothing_behind_it() {
        let (mut socket, _far) = pair(&[HEAD, b"\r\nhello\r\n0\r\n\r\n"]).await;
        let mut read = Vec::with_capacity(4096);
        assert_eq!(socket.read_buf(&mut read).await.unwrap(), HEAD.len());
        assert_eq!(read, HEAD);
        for _ in 0..2 {
            assert_eq!(refusal(&mut socket).await, Some(Malformed::Body));
        }
    }

    #[tokio::test]
    async fn a_head_that_is_none_is_not_passed_on() {
        let (mut socket, _far) = pair(&[b"HTTP/1.1 200 OK\n\n"]).await;
        assert_eq!(refusal(&mut socket).await, Some(Malformed::Head));
    }

    #[tokio::test]
    async fn a_connection_that_rested_is_watched_anew() {
        let (mut socket, mut far) = pair(&[HEAD, b"5\r\nhello\r\n0\r\n\r\n"]).await;
        let mut read = Vec::with_capacity(4096);
        socket.read_buf(&mut read).await.unwrap();
        let mut socket = BackendSocket::again(socket, WATCH).expect("one of ours");
        far.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n").await.unwrap();
        assert_eq!(refusal(&mut socket).await, Some(Malformed::Head));
        let (near, _far) = duplex(1);
        assert!(BackendSocket::again(Box::new(near), WATCH).is_none());
    }
}
