//! How do messages and sockets travel between the two processes? A length and JSON; a socket with one byte of its own.

use super::messages::Message;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// The health of tens of thousands of backends fits.
const FRAME_CAP: u32 = 64 << 20;

/// What accompanies a socket: ancillary data needs a byte to travel with.
const MARK: u8 = b'S';

pub(super) async fn send(stream: &mut UnixStream, message: &Message) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= FRAME_CAP);
    let length = length.ok_or_else(|| io::Error::other("a message that is too large to be handed over"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&text).await
}

/// The next message; `UnexpectedEof` when the other process has gone.
pub(super) async fn receive(stream: &mut UnixStream) -> io::Result<Message> {
    let length = stream.read_u32().await?;
    if length > FRAME_CAP {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    let mut text = vec![0; length as usize];
    stream.read_exact(&mut text).await?;
    Ok(serde_json::from_slice(&text)?)
}

/// Waits until the other process says something, and leaves it unread; false when it has gone.
pub(super) async fn spoken_to(stream: &UnixStream) -> bool {
    let peek = || Ok(rustix::net::recv(stream.as_fd(), &mut [0][..], RecvFlags::PEEK)?);
    matches!(stream.async_io(Interest::READABLE, peek).await, Ok((1.., _)))
}

pub(super) async fn send_socket(stream: &UnixStream, socket: BorrowedFd<'_>) -> io::Result<()> {
    stream
        .async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let sockets = [socket];
            if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
                return Err(io::Error::other("no room for a socket"));
            }
            rustix::net::sendmsg(stream.as_fd(), &[IoSlice::new(&[MARK])], &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        })
        .await
}

pub(super) async fn receive_socket(stream: &UnixStream) -> io::Result<OwnedFd> {
    stream
        .async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut mark = [0];
            let (bytes, flags) = (&mut [IoSliceMut::new(&mut mark)], RecvFlags::CMSG_CLOEXEC);
            rustix::net::recvmsg(stream.as_fd(), bytes, &mut control, flags)?;
            let rights = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
                _ => None,
            });
            rights
                .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "a socket was announced and did not come"))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[tokio::test]
    async fn messages_and_sockets_come_in_their_order() {
        let (mut old, mut new) = UnixStream::pair().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        send(&mut old, &Message::Ready).await.unwrap();
        send_socket(&old, socket.as_fd()).await.unwrap();
        send(&mut old, &Message::Refused { why: "no".to_owned() }).await.unwrap();
        drop((old, socket));

        assert!(matches!(receive(&mut new).await.unwrap(), Message::Ready));
        let socket = TcpListener::from(receive_socket(&new).await.unwrap());
        assert_eq!(socket.local_addr().unwrap(), address);
        assert!(std::net::TcpStream::connect(address).is_ok(), "it lives on in the process that received it");
        assert!(matches!(receive(&mut new).await.unwrap(), Message::Refused { .. }));
        assert_eq!(receive(&mut new).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_length_that_no_message_has_is_refused_before_it_is_read() {
        let (mut old, mut new) = UnixStream::pair().unwrap();
        old.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
        assert!(receive(&mut new).await.unwrap_err().to_string().contains("bytes"));
        old.write_all(&[0, 0, 0, 2, b'h', b'i']).await.unwrap();
        assert!(receive(&mut new).await.is_err());
    }
}
