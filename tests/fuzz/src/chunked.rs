//! Does the watch over chunked bodies say the same however the bytes come, and does it stop at the body's end?

use crate::pieces::pieces;
use pulsegate_core::http::chunks::Chunks;

/// What has come of a body: refused, not there yet, or whole.
type Verdict = Option<bool>;

pub fn check(body: &[u8]) {
    let whole = verdict([body]);
    assert_eq!(verdict(body.chunks(1)), whole, "byte by byte");
    assert_eq!(verdict(pieces(body)), whole, "in pieces");
    if whole == Some(true) {
        the_rest_is_not_looked_at(body);
    }
}

fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let mut chunks = Chunks::default();
    for piece in pieces {
        chunks.take(piece).ok()?;
    }
    Some(chunks.done())
}

fn the_rest_is_not_looked_at(body: &[u8]) {
    let mut chunks = Chunks::default();
    let end = body.iter().position(|byte| {
        chunks.take(&[*byte]).expect("it passed before");
        chunks.done()
    });
    let (body, _) = body.split_at(end.expect("it was whole before") + 1);
    assert!(body.ends_with(b"\r\n"), "a body ends with a blank line");
    assert_eq!(verdict([&body[..body.len() - 1]]), Some(false), "it ends where it says");
    for rest in [&b"\0"[..], b"\n", b"0\r\n\r\n", b"GET / HTTP/1.1\n\n"] {
        assert_eq!(verdict([&[body, rest].concat()[..]]), Some(true), "in one piece with {rest:?}");
        assert_eq!(verdict([body, rest]), Some(true), "before {rest:?}");
    }
}
