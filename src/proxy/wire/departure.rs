//! Is the other side still there, while nothing of it is read? Where reading tells (as it does nearly always), nobody asks here. Where there is no room
//! for what it sends, or it has ended its direction and only a reset would say that it takes nothing any more, a second handle of the socket is
//! watched: the system tells whoever waits for urgent bytes that a direction has ended, and nothing of other bytes.

use super::{Socket, Transport};
use pulsegate_core::traffic::request::ClientEnd;
use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::TcpStream;

type Watched = Pin<Box<dyn Future<Output = ClientEnd> + Send + Sync>>;

/// The watch over one connection, made when it is needed first.
#[derive(Default)]
pub struct Departure {
    /// The end of its direction, or of both.
    end: Option<Watched>,
    /// The end of both.
    reset: Option<Watched>,
}

impl fmt::Debug for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departure").finish_non_exhaustive()
    }
}

impl Departure {
    /// Ready when the other side has ended its direction, or both.
    pub fn poll_end(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<ClientEnd> {
        self.end.get_or_insert_with(|| Box::pin(ended(second(socket), true))).as_mut().poll(cx)
    }

    /// Ready when the other side takes nothing any more.
    pub fn poll_reset(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<()> {
        self.reset.get_or_insert_with(|| Box::pin(ended(second(socket), false))).as_mut().poll(cx).map(drop)
    }
}

/// `None`: the system has no room for another handle, and nothing is told.
fn second(socket: &Socket) -> Option<TcpStream> {
    let Transport::Tcp(stream) = socket.transport() else { return None };
    let handle = stream.as_fd().try_clone_to_owned().ok()?;
    TcpStream::from_std(std::net::TcpStream::from(handle)).ok()
}

async fn ended(handle: Option<TcpStream>, by_end: bool) -> ClientEnd {
    let Some(handle) = handle else { return pending().await };
    let interest = if by_end { Interest::PRIORITY | Interest::ERROR } else { Interest::ERROR };
    loop {
        match handle.ready(interest).await {
            Ok(ready) if ready.is_error() => return ClientEnd::Reset,
            Ok(ready) if by_end && ready.is_read_closed() => return ClientEnd::Finished,
            // Urgent bytes are nobody's business, and are told once.
            Ok(_) => drop(handle.try_io(interest, || Err::<(), _>(io::ErrorKind::WouldBlock.into()))),
            Err(_) => return pending().await,
        }
    }
}
