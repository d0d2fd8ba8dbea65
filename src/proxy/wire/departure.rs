//! Is the other side still there, while nothing of it is read? Where reading tells (as it does nearly always), nobody asks here. Where there is no room
//! for what it sends, or it has ended its direction and only a reset would say that it takes nothing any more, a second handle of the socket is
//! watched: the system tells whoever waits for urgent bytes that a direction has ended, and nothing of other bytes.

use super::Socket;
use pulsegate_core::traffic::request::ClientEnd;
use std::fmt;
use std::future::{Future, pending};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

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
fn second(socket: &Socket) -> Option<AsyncFd<OwnedFd>> {
    let handle = socket.transport().as_fd().try_clone_to_owned().ok()?;
    AsyncFd::with_interest(handle, Interest::READABLE | Interest::PRIORITY | Interest::ERROR).ok()
}

async fn ended(handle: Option<AsyncFd<OwnedFd>>, by_end: bool) -> ClientEnd {
    let Some(handle) = handle else { return pending().await };
    let interest = if by_end { Interest::PRIORITY | Interest::ERROR } else { Interest::ERROR };
    loop {
        match handle.ready(interest).await {
            Ok(guard) if guard.ready().is_error() => return ClientEnd::Reset,
            Ok(guard) if by_end && guard.ready().is_read_closed() => return ClientEnd::Finished,
            // Urgent bytes are nobody's business.
            Ok(mut guard) => guard.clear_ready(),
            Err(_) => return pending().await,
        }
    }
}
