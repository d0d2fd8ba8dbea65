//! What does pingora read from and write to? A client's connection, plain or TLS.
//!
//! pingora's own stream has no public way to get a buffer when it is built outside its listeners, and its TLS acceptor fixes
//! versions and certificate. So this is ours: a response head is held back until its body's first bytes and leaves with them in
//! one segment; nothing else is buffered. The invariant: a head never waits while nobody writes. Reading, flushing and
//! shutting down release it.
//!
//! Whether the client is still there shows here too, behind whatever it has sent that nobody has read (a request of a pipeline, a body that
//! its backend does not take).
//!
//! A chunked body is watched on its way in (`core/src/http/chunks.rs`): pingora's parser, which forgives more, never sees a chunk
//! that has two meanings.

use crate::tls::{ClientCertificate, HTTP2};
use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use pulsegate_core::http::chunks::Chunks;
use pulsegate_core::traffic::request::ClientEnd;
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A head that waits for its body is at most this long; longer writes pass through.
const HELD_BACK: usize = 4096;

/// A client's connection.
#[derive(Debug)]
pub struct ClientSocket {
    stream: Transport,
    /// The first write after a flush (a response head), held back until the next write, flush or read.
    held: BytesMut,
    /// The next write is the first after a flush.
    fresh: bool,
    /// The chunked body that is coming in.
    watched: Option<Chunks>,
    /// Nothing is held back until the next request.
    prompt: AtomicBool,
    /// Our direction ends with the next flush.
    ends: AtomicBool,
    /// A client that ends its direction takes nothing any more.
    left_by_end: AtomicBool,
    /// Bytes that were read.
    read: u64,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl ClientSocket {
    pub fn plain(stream: TcpStream) -> Self {
        Self::over(Transport::Plain(stream))
    }

    pub fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::over(Transport::Tls(Box::new(stream)))
    }

    fn over(stream: Transport) -> Self {
        let [prompt, ends, left_by_end] = [false; 3].map(AtomicBool::new);
        Self { stream, held: BytesMut::new(), fresh: true, watched: None, prompt, ends, left_by_end, read: 0 }
    }

    /// The connection that a session of pingora's has.
    pub(super) fn of(stream: &Stream) -> Option<&Self> {
        stream.as_any().downcast_ref()
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Transport::Tls(_))
    }

    /// HTTP/2 was agreed on in the TLS handshake.
    pub fn speaks_http2(&self) -> bool {
        match &self.stream {
            Transport::Plain(_) => false,
            Transport::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(HTTP2),
        }
    }

    /// Who the client is by its certificate, which the handshake verified; `None` where it showed none.
    pub fn client_certificate(&self) -> Option<ClientCertificate> {
        let Transport::Tls(stream) = &self.stream else { return None };
        ClientCertificate::new(stream.get_ref().1.peer_certificates()?.first()?)
    }

    /// Ends the connection with a reset: what the kernel has not sent yet is thrown away.
    pub fn reset(self) {
        let stream = match &self.stream {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        let _ = stream.set_zero_linger();
    }

    /// Waits until the client ends its direction, or both.
    pub(super) async fn ended(&self) -> ClientEnd {
        // The system says that a direction has ended to whoever waits for urgent bytes, and nothing of other bytes.
        loop {
            match self.tcp().ready(Interest::PRIORITY | Interest::ERROR).await {
                Ok(ready) if ready.is_error() => return ClientEnd::Reset,
                Ok(ready) if ready.is_read_closed() => return ClientEnd::Finished,
                Ok(_) => {}
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// Waits until the client takes nothing any more.
    pub(super) async fn reset_by_client(&self) {
        loop {
            match self.tcp().ready(Interest::ERROR).await {
                Ok(ready) if ready.is_error() => return,
                Ok(_) => {}
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Bytes that were read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Does a client that ends its direction leave, too, while it does not take what it is given?
    pub(super) fn believe_its_end(&self, is_departure: bool) {
        self.left_by_end.store(is_departure, Relaxed);
    }

    /// Such a client has left. While it has sent bytes that nobody has read, it shows only when it takes something.
    fn has_left(&self, cx: &mut Context<'_>) -> bool {
        // The end wakes us.
        self.left_by_end.load(Relaxed) && {
            let _ = self.tcp().poll_read_ready(cx);
            pin!(self.ended()).poll(cx).is_ready()
        }
    }

    /// Heads of this request's answer leave at once.
    pub(super) fn hold_nothing_back(&self) {
        self.prompt.store(true, Relaxed);
    }

    /// Our direction ends with the next flush; the client's goes on. (pingora lends its stream for looking only.)
    pub(super) fn end_with_next_flush(&self) {
        self.ends.store(true, Relaxed);
    }

    /// Another request begins. Watches the body that follows, or nothing.
    pub fn watch(&mut self, body: Option<Chunks>) {
        *self.prompt.get_mut() = false;
        self.watched = body.filter(|body| !body.done());
    }

    /// After a malformed body nothing is watched any more: what still comes is only thrown away.
    fn judge(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(body) = &mut self.watched else { return Ok(()) };
        let verdict = body.take(bytes);
        if verdict.is_err() || body.done() {
            self.watched = None;
        }
        verdict.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        }
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.fresh) && buf.len() <= HELD_BACK && !self.prompt.load(Relaxed) {
            self.held.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        if self.held.is_empty() {
            return self.stream.poll_write_vectored(cx, &[IoSlice::new(buf)]);
        }
        // Head and body in one system call, and so in one segment where they fit.
        let written = ready!(self.stream.poll_write_vectored(cx, &[IoSlice::new(&self.held), IoSlice::new(buf)]))?;
        let of_held = written.min(self.held.len());
        self.held.advance(of_held);
        if written > of_held {
            return Poll::Ready(Ok(written - of_held));
        }
        ready!(self.poll_release(cx))?;
        self.stream.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// Writes what is held back. An error shows again at the next write.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(self.stream.poll_write_vectored(cx, &[IoSlice::new(&self.held)]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Transport {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => {
                // What TLS has not yet put on the wire would wait for ever otherwise.
                if let Poll::Ready(Err(error)) = Pin::new(stream.as_mut()).poll_flush(cx) {
                    return Poll::Ready(Err(error));
                }
                Pin::new(stream.as_mut()).poll_read(cx, buf)
            }
        }
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for ClientSocket {
    /// Whoever waits for the client has nothing more to say at the moment, so a head that was held back goes out first.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(Err(error)) = this.poll_release(cx) {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        ready!(this.stream.poll_read(cx, buf))?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        this.read += bytes.len() as u64;
        Poll::Ready(this.judge(bytes))
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.poll_put(cx, buf);
        if written.is_pending() && this.has_left(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_release(cx))?;
        this.fresh = true;
        if this.ends.load(Relaxed) { this.stream.poll_shutdown(cx) } else { this.stream.poll_flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_release(cx))?;
        this.stream.poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for ClientSocket {
    /// A client that is already gone is no error here: there is nobody left to tell.
    async fn shutdown(&mut self) {
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientSocket {
    fn id(&self) -> UniqueIDType {
        self.tcp().as_raw_fd()
    }
}

// What follows is pingora's interface for digests and peeking. Pulsegate keeps these facts itself (`ConnectionFacts`).

impl Ssl for ClientSocket {}

impl GetTimingDigest for ClientSocket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientSocket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for ClientSocket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

impl Peek for ClientSocket {}
