//! How is a request head bounded? In bytes and in total time, before pingora sees any of it.
//!
//! pingora allows 60 s for every *read* and up to 1 MiB. Here the whole head has one deadline and one size. The bytes are
//! collected up to the blank line, whatever came behind it is kept for the body or the next request.
//!
//! A head ends at CRLF CRLF. Bare line feeds end it too, so that the strict check refuses it at once instead of waiting
//! for an end that never comes.

use bytes::{Buf, BytesMut};
use pulsegate_core::http::head;
use pulsegate_core::http::problem::Problem;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

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
    /// From the first byte of the head to its end.
    pub time: Duration,
}

/// What a head usually needs, in one read.
const FIRST_READ: usize = 2048;

/// Waits for the first bytes of the next head, at most `patience`. False: the client closed or stayed silent. Safe to
/// cancel: bytes that were read are in `buf`.
pub async fn first_bytes(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    buf: &mut BytesMut,
    patience: Duration,
) -> bool {
    if !buf.is_empty() {
        return true;
    }
    buf.reserve(FIRST_READ);
    matches!(timeout(patience, stream.read_buf(buf)).await, Ok(Ok(read)) if read > 0)
}

/// Reads on into `buf` until a head is complete or a bound is met.
pub async fn read_head(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    buf: &mut BytesMut,
    bounds: HeadBounds,
) -> HeadEnd {
    match timeout(bounds.time, read_to_blank_line(stream, buf, bounds.bytes)).await {
        Ok(end) => end,
        // An empty line behind the request before was all that came.
        Err(_) if buf.is_empty() => HeadEnd::Idle,
        Err(_) => HeadEnd::TooSlow,
    }
}

async fn read_to_blank_line(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    buf: &mut BytesMut,
    limit: usize,
) -> HeadEnd {
    let (mut searched, mut blank_left) = (0, LEADING_BLANK_BYTES);
    loop {
        drop_leading_blank_lines(buf, &mut blank_left);
        if let Some(end) = head::head_end(buf, searched) {
            return if end <= limit { HeadEnd::Complete(end) } else { too_large(buf, limit) };
        }
        if buf.len() > limit {
            return too_large(buf, limit);
        }
        // The terminator may straddle two reads.
        searched = buf.len().saturating_sub(3);
        match stream.read_buf(buf).await {
            Ok(0) | Err(_) => return if buf.is_empty() { HeadEnd::Idle } else { HeadEnd::Truncated },
            Ok(_) => {}
        }
    }
}

fn too_large(buf: &[u8], limit: usize) -> HeadEnd {
    HeadEnd::TooLarge(head::too_large(buf.get(..limit).unwrap_or(buf)))
}

/// At most `left` bytes of them, however they arrive; the strict check refuses what is beyond, and line ends that are none.
fn drop_leading_blank_lines(buf: &mut BytesMut, left: &mut usize) {
    while *left > 0 && buf.starts_with(b"\r\n") {
        *left -= 2;
        buf.advance(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::http::head::check;
    use pulsegate_core::http::problem::Problem;

    const BOUNDS: HeadBounds = HeadBounds { bytes: 64, time: Duration::from_secs(1) };

    async fn read(input: &[u8]) -> (HeadEnd, BytesMut) {
        let mut buf = BytesMut::new();
        let end = read_head(&mut &input[..], &mut buf, BOUNDS).await;
        (end, buf)
    }

    #[tokio::test]
    async fn a_head_ends_at_its_blank_line_and_what_follows_is_kept() {
        let (end, buf) = read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody").await;
        assert_eq!(end, HeadEnd::Complete(27));
        assert_eq!(&buf[27..], b"body");
    }

    #[tokio::test]
    async fn bare_line_feeds_end_a_head_too_so_that_the_strict_check_can_refuse_it() {
        assert_eq!(read(b"GET / HTTP/1.1\nHost: a\n\n").await.0, HeadEnd::Complete(24));
    }

    #[tokio::test]
    async fn empty_lines_in_front_of_a_request_are_skipped() {
        let (end, buf) = read(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n").await;
        assert_eq!((end, &buf[..3]), (HeadEnd::Complete(18), &b"GET"[..]));
    }

    #[tokio::test]
    async fn a_stream_of_empty_lines_is_no_courtesy_however_it_arrives() {
        let blank = "\r\n".repeat(20);
        let (end, _) = read(format!("{blank}GET / HTTP/1.1\r\n\r\n").as_bytes()).await;
        assert_eq!(end, HeadEnd::Complete(4));
        let (mut client, mut server) = tokio::io::duplex(1);
        let drip =
            tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut client, blank.as_bytes()).await });
        assert_eq!(read_head(&mut server, &mut BytesMut::new(), BOUNDS).await, HeadEnd::Complete(4));
        drip.abort();
    }

    #[tokio::test]
    async fn half_a_line_end_in_front_of_a_request_is_no_empty_line() {
        for text in ["\r", "\n", "\n\n", "\r\r\n", "\n\r\n", "\r\n\r", "\r\n\n"] {
            let (end, buf) = read(format!("{text}GET / HTTP/1.0\r\n\r\n").as_bytes()).await;
            let HeadEnd::Complete(end) = end else { panic!("{text:?}: {end:?}") };
            assert_eq!(check(&buf[..end]), Err(Problem::MalformedRequest), "{text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_behind_an_empty_line_is_no_slow_head() {
        let (mut client, mut server) = tokio::io::duplex(16);
        tokio::io::AsyncWriteExt::write_all(&mut client, b"\r\n").await.unwrap();
        assert_eq!(read_head(&mut server, &mut BytesMut::new(), BOUNDS).await, HeadEnd::Idle);
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
        let (mut client, mut server) = tokio::io::duplex(1);
        let drip = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if tokio::io::AsyncWriteExt::write_all(&mut client, b"G").await.is_err() {
                    return;
                }
            }
        });
        let mut buf = BytesMut::new();
        assert_eq!(read_head(&mut server, &mut buf, BOUNDS).await, HeadEnd::TooSlow);
        assert!(buf.len() < 15, "read {} bytes", buf.len());
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_between_requests_ends_the_connection_quietly() {
        let (_client, mut server) = tokio::io::duplex(1);
        assert!(!first_bytes(&mut server, &mut BytesMut::new(), Duration::from_secs(5)).await);
    }
}
