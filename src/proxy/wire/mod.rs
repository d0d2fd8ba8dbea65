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
pub use socket::{Socket, Transport};

use bytes::{Buf, Bytes, BytesMut};
use leaving::Leaving;
use std::io;
use std::task::{Context, Poll, Waker, ready};

/// A connection of HTTP/1, a client's or a backend's.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    /// What was read and belongs to nobody yet. It takes no room while there is nothing.
    inbox: BytesMut,
    leaving: Leaving,
    /// How what is offered leaves.
    framer: Framer,
    /// Something that was offered has not left.
    waits: bool,
    ending: Ending,
    alarm: Alarm,
}

/// Our direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    /// It ends behind what waits.
    Asked,
    Ended,
}

/// The other side takes nothing any more, or what was offered is not what its head had promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl Wire {
    pub fn new(socket: Socket) -> Box<Self> {
        Box::new(Self {
            socket,
            inbox: BytesMut::new(),
            leaving: Leaving::default(),
            framer: Framer::Nothing,
            waits: false,
            ending: Ending::Open,
            alarm: Alarm::default(),
        })
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What wakes the task of this connection.
    pub fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    // ---------------------------------------------------------- what comes

    /// What was read and belongs to nobody yet.
    pub fn inbox(&self) -> &[u8] {
        &self.inbox
    }

    /// The first so many bytes of it are somebody's.
    pub fn take(&mut self, bytes: usize) -> Bytes {
        let taken = self.inbox.split_to(bytes.min(self.inbox.len())).freeze();
        self.rest();
        taken
    }

    /// The first so many bytes of it are nobody's any more.
    pub fn skip(&mut self, bytes: usize) {
        self.inbox.advance(bytes.min(self.inbox.len()));
        self.rest();
    }

    /// What is read next is read into room that was used last, by whomever.
    fn rest(&mut self) {
        if self.inbox.is_empty() {
            buffers::give_back(&mut self.inbox);
        }
    }

    /// The room for what is read is full.
    pub fn is_full(&self) -> bool {
        self.inbox.len() >= buffers::SIZE
    }

    /// Reads what there is; 0: the other side has ended its direction.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Most who ask find nothing: for that, nobody needs room.
        ready!(self.socket.poll_readable(cx))?;
        buffers::lend(&mut self.inbox);
        let read = self.socket.poll_read_into(&mut self.inbox, cx);
        self.rest();
        read
    }

    // ---------------------------------------------------------- what leaves

    /// Where a head is written. It leaves with the first bytes behind it, or when it is passed on.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.leaving.out()
    }

    /// What follows that head is framed so.
    pub fn frame(&mut self, framer: Framer) {
        self.framer = framer;
    }

    /// Offers a piece of a body; the socket takes now what it can. `end`: it is the last.
    ///
    /// # Errors
    /// There is nobody to take it, or it is not what was promised.
    pub fn offer(&mut self, piece: Bytes, end: bool) -> Result<(), Refused> {
        let framed = self.framer.frame(piece, end, &mut self.leaving);
        self.pass()?;
        framed.map_err(|_| Refused)
    }

    /// Our direction ends behind what waits; the other one goes on.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn end_direction(&mut self) -> Result<(), Refused> {
        if self.ending == Ending::Open {
            self.ending = Ending::Asked;
        }
        self.pass()
    }

    /// What the socket takes leaves now; the rest waits.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn pass(&mut self) -> Result<(), Refused> {
        match self.poll_leave(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(left) => left.map_err(|_| Refused),
            Poll::Pending => {
                self.waits = true;
                Ok(())
            }
        }
    }

    /// All that was offered has left.
    pub fn is_clear(&self) -> bool {
        !self.waits
    }

    /// Nothing waits to leave, no head either.
    pub fn is_empty(&self) -> bool {
        self.leaving.is_empty()
    }

    /// Ready when something that had waited has left; pending while nothing waits.
    pub fn poll_pass(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_leave(cx) {
            Poll::Ready(Ok(())) if std::mem::take(&mut self.waits) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => {
                self.waits = false;
                Poll::Ready(Err(error))
            }
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.ending {
            Ending::Open => self.poll_flush(cx),
            Ending::Asked => self.poll_end(cx),
            Ending::Ended => Poll::Ready(Ok(())),
        }
    }

    /// Ready when nothing waits to leave.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let written = ready!(match self.leaving.only() {
                Some(bytes) => self.socket.poll_write_bytes(bytes, cx),
                None => self.socket.poll_write_slices(&self.leaving.slices(), cx),
            })?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(written);
        }
        self.socket.poll_flush(cx)
    }

    /// Ready when our direction has ended.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        ready!(self.socket.poll_shutdown(cx))?;
        self.ending = Ending::Ended;
        Poll::Ready(Ok(()))
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
