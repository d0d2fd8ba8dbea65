//! How do two sides of HTTP/1.1 know that both mean WebSocket? By a key and what is made of it (RFC 6455 §4.2.2). HTTP/2 has neither, so where one
//! side speaks it, its part is ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::http2::tunnel::{WEB_SOCKET, is_key};
use ring_crypto::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

pub(super) const KEY: &str = "sec-websocket-key";
pub(super) const ACCEPT: &str = "sec-websocket-accept";
/// What is appended to a key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key for a client that has none: it proves nothing but that somebody read it.
pub(super) fn key() -> Option<HeaderValue> {
    HeaderValue::from_str(&STANDARD.encode(fastrand::u128(..).to_be_bytes())).ok()
}

/// Is this a handshake of WebSocket without its one key? A server refuses it, and proves nothing to whoever sent it (RFC 6455 §4.2.1).
pub(super) fn lacks_key(request: &impl Fields) -> bool {
    if !asks(request) {
        return false;
    }
    let mut keys = request.lines(KEY);
    !keys.next().is_some_and(is_key) || keys.next().is_some()
}

fn asks(request: &impl Fields) -> bool {
    request.lines("upgrade").next().is_some_and(|name| name.eq_ignore_ascii_case(WEB_SOCKET.as_bytes()))
}

/// What a server answers to the key among these fields; `None`: there is none.
pub(super) fn accept(request: &impl Fields) -> Option<HeaderValue> {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(request.lines(KEY).next()?);
    digest.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(digest.finish())).ok()
}

/// Has the backend that switched read the key that we made? Of other protocols nothing is known.
pub(super) fn is_accepted(request: &impl Fields, answer: &impl Fields) -> bool {
    !asks(request) || answer.lines(ACCEPT).next().is_some_and(|said| accept(request).is_some_and(|ours| ours == said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::message::RequestHead;

    fn request(fields: &[(&str, &str)]) -> RequestHead {
        let request =
            fields.iter().fold(http::Request::builder(), |request, (name, value)| request.header(*name, *value));
        RequestHead::Mapped(Box::new(request.body(()).unwrap().into_parts().0))
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(accept(&request(&[])), None);
        let request = request(&[(KEY, "dGhlIHNhbXBsZSBub25jZQ==")]);
        assert_eq!(accept(&request).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_backend_that_did_not_read_the_key_has_not_accepted() {
        let key = key().unwrap();
        let asking = request(&[(KEY, key.to_str().unwrap()), ("upgrade", "WebSocket")]);
        let accepted = accept(&asking).unwrap();
        assert!(!is_accepted(&asking, &request(&[])));
        assert!(!is_accepted(&asking, &request(&[(ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")])));
        assert!(is_accepted(&asking, &request(&[(ACCEPT, accepted.to_str().unwrap())])));
        assert!(is_accepted(&request(&[("upgrade", "tcp")]), &request(&[])));
    }

    #[test]
    fn keys_are_sixteen_bytes_and_never_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert_eq!(STANDARD.decode(one.as_bytes()).unwrap().len(), 16);
        assert_ne!(one, other);
    }
}
