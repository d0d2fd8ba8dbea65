//! What does HTTP/2 read from and write to? The client's socket, with the bytes that were read before HTTP/2 was recognised, and with a note
//! of whether anything leaves.
//!
//! h2 hides the socket, so a client that reads nothing any more would be held for ever: what waits for it belongs to no request.

use crate::proxy::downstream::ClientSocket;
use bytes::BytesMut;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// What leaves.
#[derive(Debug, Default)]
pub(super) struct Progress {
    written: AtomicU64,
    /// The client takes nothing at the moment.
    blocked: AtomicBool,
}

impl Progress {
    /// Bytes that have left, while the client takes no more; `None` while it does.
    pub(super) fn blocked_at(&self) -> Option<u64> {
        self.blocked.load(Relaxed).then(|| self.written.load(Relaxed))
    }

    fn note(&self, written: &Poll<std::io::Result<usize>>) {
        self.blocked.store(written.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = written {
            self.written.fetch_add(*bytes as u64, Relaxed);
        }
    }
}

#[derive(Debug)]
pub(super) struct Wire {
    socket: Box<ClientSocket>,
    /// Read already.
    before: BytesMut,
    progress: Arc<Progress>,
    /// Our direction has ended; how long the other one is still read.
    lingers: Option<Linger>,
}

/// What came behind our end is thrown away, within these bounds: closed with unread bytes on it, the connection would end with a
/// reset, which can destroy a goodbye on its way.
#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl Wire {
    pub(super) fn new(socket: Box<ClientSocket>, before: BytesMut, progress: Arc<Progress>) -> Self {
        Self { socket, before, progress, lingers: None }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.before.is_empty() {
            return Pin::new(this.socket.as_mut()).poll_read(cx, buf);
        }
        let piece = this.before.split_to(this.before.len().min(buf.remaining()));
        buf.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(this.socket.as_mut()).poll_write(cx, buf);
        this.progress.note(&written);
        written
    }

    /// What the socket holds back may be what does not leave.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(this.socket.as_mut()).poll_flush(cx);
        this.progress.blocked.store(flushed.is_pending(), Relaxed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.lingers.is_none() {
            ready!(Pin::new(this.socket.as_mut()).poll_shutdown(cx))?;
            this.lingers = Some(Linger { until: Box::pin(sleep(LINGER_TIME)), bytes: LINGER_BYTES });
        }
        let Some(linger) = &mut this.lingers else { return Poll::Ready(Ok(())) };
        linger.poll(&mut this.socket, cx).map(|()| Ok(()))
    }
}

impl Linger {
    fn poll(&mut self, socket: &mut ClientSocket, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.bytes > 0 && self.until.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => self.bytes = self.bytes.saturating_sub(buf.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
