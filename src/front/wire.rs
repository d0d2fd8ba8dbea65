//! What does HTTP/2 read from and write to? The client's socket, with the bytes that were read before HTTP/2 was recognised, and with a note
//! of what h2 does not tell: whether anything leaves, whether what has begun to come goes on, and which streams h2 breaks by itself.
//!
//! h2 hides the socket, so a client that reads nothing any more, or that leaves a frame unfinished, would be held for ever: what waits for
//! it belongs to no request.

use crate::clock::Clock;
use crate::proxy::wire::Socket;
use bytes::BytesMut;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::http2::frames::{Frames, Pace};
use pulsegate_core::plan::ListenerLimits;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, sleep_until};

const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// How a connection moves, as far as its task must know. The task itself reads and writes: whoever notes something wakes it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    written: AtomicU64,
    /// The client takes nothing at the moment.
    blocked: AtomicBool,
    /// What has begun to come did not go on in its time.
    late: AtomicBool,
    /// Streams that were broken and that nobody has counted.
    broken: AtomicU32,
}

/// What a connection's task must act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The client began something and did not go on with it.
    Late,
    /// So many streams were broken.
    Broken(u32),
}

impl Progress {
    /// Bytes that have left, while the client takes no more; `None` while it does.
    pub(super) fn blocked_at(&self) -> Option<u64> {
        self.blocked.load(Relaxed).then(|| self.written.load(Relaxed))
    }

    /// Ready when there is something to act on; told once.
    pub(super) async fn news(&self) -> News {
        std::future::poll_fn(|_| {
            if self.late.swap(false, Relaxed) {
                return Poll::Ready(News::Late);
            }
            match self.broken.swap(0, Relaxed) {
                0 => Poll::Pending,
                broken => Poll::Ready(News::Broken(broken)),
            }
        })
        .await
    }

    fn note(&self, written: &Poll<std::io::Result<usize>>) {
        self.blocked.store(written.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = written {
            self.written.fetch_add(*bytes as u64, Relaxed);
        }
    }
}

/// What comes, and the time that it has.
#[derive(Debug)]
struct Watch {
    pace: Pace,
    clock: Clock,
    /// Rings when what has begun should be whole; made when it is needed first.
    timer: Option<Pin<Box<Sleep>>>,
    /// It was said.
    told: bool,
}

impl Watch {
    fn take(&mut self, bytes: &[u8]) -> u32 {
        self.pace.take(bytes, self.clock.now())
    }

    /// Nothing more is there at the moment. True, once: it should have been.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.pace.deadline();
        if deadline == Timestamp::NEVER || self.told {
            return false;
        }
        let at = self.clock.instant(deadline);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        self.told = timer.as_mut().poll(cx).is_ready();
        self.told
    }
}

#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    /// Read already.
    before: BytesMut,
    coming: Watch,
    leaving: Frames,
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
    pub(super) fn new(
        socket: Socket,
        before: BytesMut,
        progress: Arc<Progress>,
        limits: &ListenerLimits,
        clock: Clock,
    ) -> Self {
        let pace = Pace::new(limits.head_timeout, limits.body_idle_timeout);
        let coming = Watch { pace, clock, timer: None, told: false };
        Self { socket, before, coming, leaving: Frames::of_server(), progress, lingers: None }
    }

    fn note_came(&mut self, bytes: &[u8], cx: &Context<'_>) {
        let broken = self.coming.take(bytes);
        self.note_broken(broken, cx);
    }

    fn note_left(&mut self, bytes: &[u8], cx: &Context<'_>) {
        let broken = self.leaving.take(bytes).broken;
        self.note_broken(broken, cx);
    }

    fn note_broken(&self, broken: u32, cx: &Context<'_>) {
        if broken > 0 {
            self.progress.broken.fetch_add(broken, Relaxed);
            cx.waker().wake_by_ref();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if !this.before.is_empty() {
            let piece = this.before.split_to(this.before.len().min(buf.remaining()));
            this.note_came(&piece, cx);
            buf.put_slice(&piece);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        if read.is_pending() {
            if this.coming.is_late(cx) {
                this.progress.late.store(true, Relaxed);
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        this.note_came(buf.filled().get(before..).unwrap_or_default(), cx);
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.progress.note(&written);
        if let Poll::Ready(Ok(bytes)) = written {
            this.note_left(buf.get(..bytes).unwrap_or_default(), cx);
        }
        written
    }

    /// What the socket holds back may be what does not leave.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.socket).poll_flush(cx);
        this.progress.blocked.store(flushed.is_pending(), Relaxed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.lingers.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.lingers = Some(Linger { until: Box::pin(sleep(LINGER_TIME)), bytes: LINGER_BYTES });
        }
        let Some(linger) = &mut this.lingers else { return Poll::Ready(Ok(())) };
        linger.poll(&mut this.socket, cx).map(|()| Ok(()))
    }
}

impl Linger {
    fn poll(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<()> {
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
