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
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The watch over one connection.
#[derive(Default)]
pub struct Departure {
    /// For the end of its direction, or of both.
    end: Watch,
    /// For the end of both.
    reset: Watch,
}

/// Begun when it is needed first.
#[derive(Default)]
enum Watch {
    #[default]
    Idle,
    Awaits(Pin<Box<dyn Future<Output = ClientEnd> + Send + Sync>>),
    Saw(ClientEnd),
}

impl fmt::Debug for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departure").finish_non_exhaustive()
    }
}

impl Departure {
    /// Ready when the other side has ended its direction, or both.
    pub fn poll_end(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<ClientEnd> {
        self.end.poll(socket, true, cx)
    }

    /// Ready when the other side takes nothing any more.
    pub fn poll_reset(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<()> {
        self.reset.poll(socket, false, cx).map(drop)
    }
}

impl Watch {
    fn poll(&mut self, socket: &Socket, by_end: bool, cx: &mut Context<'_>) -> Poll<ClientEnd> {
        if let Self::Idle = self {
            *self = Self::Awaits(Box::pin(ended(second(socket), by_end)));
        }
        match self {
            Self::Awaits(end) => {
                let end = ready!(end.as_mut().poll(cx));
                *self = Self::Saw(end);
                Poll::Ready(end)
            }
            Self::Saw(end) => Poll::Ready(*end),
            Self::Idle => Poll::Pending,
        }
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
