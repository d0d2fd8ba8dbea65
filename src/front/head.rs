//! How is a request head bounded? In bytes and in total time, before any of it is read for what it says.
//!
//! The whole head has one deadline and one size. The bytes are
//! collected up to the blank line, whatever came behind it is kept for the body or the next request.
//!
//! A head ends at CRLF CRLF. Bare line feeds end it too, so that the strict check refuses it at once instead of waiting
//! for an end that never comes.

use crate::proxy::wire::Wire;
use pulsegate_core::http::head;
use pulsegate_core::http::problem::Problem;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

/// What may be in front of a request line (RFC 9112 §2.2): a few empty lines, not a stream of them.
const LEADING_BLANK_BYTES: usize = 16;

/// How the reading of one head ended.
#[derive(Debug, PartialEq, Eq)]
pub enum HeadEnd {
    /// The head is complete: its length in the buffer.
    Complete(usize),
    /// The client closed between two requests: nobody is to blame.
    Idle,
    /// The client closed amid a head.
    Truncated,
    TooSlow,
    /// What the client is told of it.
    TooLarge(Problem),
}

/// The bounds of one head.
#[derive(Clone, Copy, Debug)]
pub struct HeadBounds {
    pub bytes: usize,
    /// When it must be whole.
    pub until: Instant,
}

/// Ready when the first bytes of the next head are there: true; false: the client closed, or stayed silent until then. Safe to cancel: bytes that were
/// read stay with the connection.
pub fn poll_first_bytes(wire: &mut Wire, until: Instant, cx: &mut Context<'_>) -> Poll<bool> {
    if !wire.inbox().is_empty() {
        return Poll::Ready(true);
    }
    match wire.poll_fill(cx) {
        Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
        Poll::Pending => wire.alarm().poll_at(until, cx).map(|()| false),
    }
}

/// Reads on until a head is complete or a bound is met.
pub async fn read_head(wire: &mut Wire, bounds: HeadBounds) -> HeadEnd {
    let mut reading = Reading { searched: 0, blank_left: LEADING_BLANK_BYTES };
    poll_fn(|cx| {
        if let Poll::Ready(end) = reading.poll(wire, bounds.bytes, cx) {
            return Poll::Ready(end);
        }
        ready!(wire.alarm().poll_at(bounds.until, cx));
        // An empty line behind the request before may be all that came.
        Poll::Ready(if wire.inbox().is_empty() { HeadEnd::Idle } else { HeadEnd::TooSlow })
    })
    .await
}

/// How far a head was looked at.
struct Reading {
    searched: usize,
    blank_left: usize,
}

impl Reading {
    fn poll(&mut self, wire: &mut Wire, limit: usize, cx: &mut Context<'_>) -> Poll<HeadEnd> {
        loop {
            drop_leading_blank_lines(wire, &mut self.blank_left);
            let read = wire.inbox();
            if let Some(end) = head::head_end(read, self.searched) {
                return Poll::Ready(if end <= limit { HeadEnd::Complete(end) } else { too_large(read, limit) });
            }
            if read.len() > limit {
                return Poll::Ready(too_large(read, limit));
            }
            // The terminator may straddle two reads.
            self.searched = read.len().saturating_sub(3);
            match ready!(wire.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) if wire.inbox().is_empty() => return Poll::Ready(HeadEnd::Idle),
                Ok(0) | Err(_) => return Poll::Ready(HeadEnd::Truncated),
            }
        }
    }
}

fn too_large(buf: &[u8], limit: usize) -> HeadEnd {
    HeadEnd::TooLarge(head::too_large(buf.get(..limit).unwrap_or(buf)))
}

/// At most `left` bytes of them, however they arrive; the strict check refuses what is beyond, and line ends that are none.
fn drop_leading_blank_lines(wire: &mut Wire, left: &mut usize) {
    while *left > 0 && wire.inbox().starts_with(b"\r\n") {
        *left -= 2;
        wire.skip(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::wire::{Socket, Transport};
    use pulsegate_core::http::head::check;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    #[allow(clippy::disallowed_methods, reason = "tests have no clock but the runtime's")]
    fn bounds() -> HeadBounds {
        HeadBounds { bytes: 64, until: Instant::now() + Duration::from_secs(1) }
    }

    fn pair() -> (Box<Wire>, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Wire::new(Socket::Plain(Transport::Unix(near))), far)
    }

    async fn read(input: &[u8]) -> (HeadEnd, Box<Wire>) {
        let (mut wire, mut far) = pair();
        far.write_all(input).await.unwrap();
        drop(far);
        let end = read_head(&mut wire, bounds()).await;
        (end, wire)
    }

    #[tokio::test]
    async fn a_head_ends_at_its_blank_line_and_what_follows_is_kept() {
        let (end, wire) = read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody").await;
        assert_eq!(end, HeadEnd::Complete(27));
        assert_eq!(&wire.inbox()[27..], b"body");
    }

    #[tokio::test]
    async fn bare_line_feeds_end_a_head_too_so_that_the_strict_check_can_refuse_it() {
        assert_eq!(read(b"GET / HTTP/1.1\nHost: a\n\n").await.0, HeadEnd::Complete(24));
    }

    #[tokio::test]
    async fn empty_lines_in_front_of_a_request_are_skipped() {
        let (end, wire) = read(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n").await;
        assert_eq!((end, &wire.inbox()[..3]), (HeadEnd::Complete(18), &b"GET"[..]));
    }

    #[tokio::test]
    async fn a_stream_of_empty_lines_is_no_courtesy_however_it_arrives() {
        let blank = "\r\n".repeat(20);
        let (end, _) = read(format!("{blank}GET / HTTP/1.1\r\n\r\n").as_bytes()).await;
        assert_eq!(end, HeadEnd::Complete(4));
        let (mut wire, mut far) = pair();
        let drip = tokio::spawn(async move {
            for byte in blank.bytes() {
                if far.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        });
        assert_eq!(read_head(&mut wire, bounds()).await, HeadEnd::Complete(4));
        drip.abort();
    }

    #[tokio::test]
    async fn half_a_line_end_in_front_of_a_request_is_no_empty_line() {
        for text in ["\r", "\n", "\n\n", "\r\r\n", "\n\r\n", "\r\n\r", "\r\n\n"] {
            let (end, wire) = read(format!("{text}GET / HTTP/1.0\r\n\r\n").as_bytes()).await;
            let HeadEnd::Complete(end) = end else { panic!("{text:?}: {end:?}") };
            assert_eq!(check(&wire.inbox()[..end]), Err(Problem::MalformedRequest), "{text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_behind_an_empty_line_is_no_slow_head() {
        let (mut wire, mut far) = pair();
        far.write_all(b"\r\n").await.unwrap();
        assert_eq!(read_head(&mut wire, bounds()).await, HeadEnd::Idle);
    }

    #[tokio::test]
    async fn a_close_between_requests_is_idle_and_amid_a_head_truncated() {
        assert_eq!(read(b"").await.0, HeadEnd::Idle);
        assert_eq!(read(b"GET / HT").await.0, HeadEnd::Truncated);
    }

    #[tokio::test]
    async fn a_long_target_and_a_long_header_are_told_apart() {
        let long_target = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100));
        assert_eq!(read(long_target.as_bytes()).await.0, HeadEnd::TooLarge(Problem::TargetTooLong));
        let long_header = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(100));
        assert_eq!(read(long_header.as_bytes()).await.0, HeadEnd::TooLarge(Problem::HeadTooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripped_head_is_cut_at_one_deadline_however_steady_it_drips() {
        let (mut wire, mut far) = pair();
        let drip = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if far.write_all(b"G").await.is_err() {
                    return;
                }
            }
        });
        assert_eq!(read_head(&mut wire, bounds()).await, HeadEnd::TooSlow);
        assert!(wire.inbox().len() < 15, "read {} bytes", wire.inbox().len());
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_between_requests_ends_the_connection_quietly() {
        let (mut wire, _far) = pair();
        let until = bounds().until;
        assert!(!poll_fn(|cx| poll_first_bytes(&mut wire, until, cx)).await);
    }
}
