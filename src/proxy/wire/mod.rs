//! How do bytes of HTTP/1 get from and to a socket? One connection with what was read of it and what it is still to be given.
//!
//! Both sides of the relay are built on it. Nothing here waits: what a socket does not take stays here, and whoever polls is woken when it does.

mod alarm;
mod buffers;
mod departure;
mod framer;
mod leaving;
mod socket;

pub use alarm::Alarm;
pub use departure::Departure;
pub use framer::Framer;
pub use leaving::Leaving;
pub use socket::{Socket, Transport};

use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::task::{Context, Poll, Waker, ready};

/// A connection of HTTP/1, a client's or a backend's.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    /// What was read and belongs to nobody yet. It takes no room while there is nothing.
    inbox: BytesMut,
    leaving: Leaving,
    alarm: Alarm,
}

impl Wire {
    pub fn new(socket: Socket) -> Box<Self> {
        Box::new(Self { socket, inbox: BytesMut::new(), leaving: Leaving::default(), alarm: Alarm::default() })
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What was read and belongs to nobody yet.
    pub fn inbox(&self) -> &[u8] {
        &self.inbox
    }

    /// The first so many bytes of it are somebody's.
    pub fn take(&mut self, bytes: usize) -> Bytes {
        self.inbox.split_to(bytes.min(self.inbox.len())).freeze()
    }

    /// The first so many bytes of it are nobody's any more.
    pub fn skip(&mut self, bytes: usize) {
        self.inbox.advance(bytes.min(self.inbox.len()));
    }

    /// The room for what is read is full.
    pub fn is_full(&self) -> bool {
        self.inbox.len() >= buffers::SIZE
    }

    /// Reads what there is; 0: the other side has ended its direction.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        buffers::lend(&mut self.inbox);
        let read = self.socket.poll_read_into(&mut self.inbox, cx);
        if self.inbox.is_empty() {
            buffers::give_back(&mut self.inbox);
        }
        read
    }

    /// What wakes the task of this connection.
    pub fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    /// What leaves next.
    pub fn leaving(&mut self) -> &mut Leaving {
        &mut self.leaving
    }

    /// Nothing waits to leave.
    pub fn is_clear(&self) -> bool {
        self.leaving.is_empty()
    }

    /// Ready when nothing waits to leave.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let written = ready!(self.socket.poll_write_slices(&self.leaving.slices(), cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(written);
        }
        self.socket.poll_flush(cx)
    }

    /// Ends our direction.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        self.socket.poll_shutdown(cx)
    }

    /// The connection ends, and nobody waits for it. In TLS, that is said as far as the socket takes it at once: an end without a word could be
    /// anybody's.
    pub fn say_goodbye(mut self) {
        if self.socket.is_tls() {
            let _ = self.poll_end(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// For whoever speaks another protocol from now on: the socket, and what was read.
    pub fn into_parts(self) -> (Socket, BytesMut) {
        (self.socket, self.inbox)
    }
}
