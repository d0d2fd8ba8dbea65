//! How do two sides of HTTP/1.1 know that both mean WebSocket? By a key and what is made of it (RFC 6455 §4.2.2). HTTP/2 has neither, so where one
//! side speaks it, its part is ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
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
pub(super) fn lacks_key(request: &HeaderMap) -> bool {
    if !asks(request) {
        return false;
    }
    let mut keys = request.get_all(KEY).iter();
    !keys.next().is_some_and(|key| is_key(key.as_bytes())) || keys.next().is_some()
}

fn asks(request: &HeaderMap) -> bool {
    request.get("upgrade").is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(WEB_SOCKET.as_bytes()))
}

/// What a server answers to the key among these fields; `None`: there is none.
pub(super) fn accept(request: &HeaderMap) -> Option<HeaderValue> {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(request.get(KEY)?.as_bytes());
    digest.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(digest.finish())).ok()
}

/// Has the backend that switched read the key that we made? Of other protocols nothing is known.
pub(super) fn is_accepted(request: &HeaderMap, answer: &HeaderMap) -> bool {
    !asks(request) || (answer.contains_key(ACCEPT) && answer.get(ACCEPT) == accept(request).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let mut request = HeaderMap::new();
        assert_eq!(accept(&request), None);
        request.insert(KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept(&request).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_backend_that_did_not_read_the_key_has_not_accepted() {
        let (mut request, mut answer) = (HeaderMap::new(), HeaderMap::new());
        request.insert(KEY, key().unwrap());
        request.insert("upgrade", HeaderValue::from_static("WebSocket"));
        assert!(!is_accepted(&request, &answer));
        answer.insert(ACCEPT, HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(!is_accepted(&request, &answer));
        answer.insert(ACCEPT, accept(&request).unwrap());
        assert!(is_accepted(&request, &answer));
        request.insert("upgrade", HeaderValue::from_static("tcp"));
        assert!(is_accepted(&request, &HeaderMap::new()));
    }

    #[test]
    fn keys_are_sixteen_bytes_and_never_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert_eq!(STANDARD.decode(one.as_bytes()).unwrap().len(), 16);
        assert_ne!(one, other);
    }
}
