//! How does a request of HTTP/2 look in the one form that routing, heads and keys share? `:authority` is Host, the pieces of a cookie are one
//! (RFC 9113 §8.2.3), since a backend may speak HTTP/1, and a CONNECT with a protocol (RFC 8441) is a GET with Upgrade.

use crate::proxy::websocket;
use h2::ext::Protocol;
use http::header::{CONNECTION, COOKIE, HOST, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method};
use pulsegate_core::http::http2::tunnel::WEB_SOCKET;

/// The same request in that form.
pub(super) fn in_one_form(mut parts: Parts) -> Parts {
    if let Some(protocol) = parts.extensions.remove::<Protocol>()
        && let Ok(upgrade) = HeaderValue::from_str(protocol.as_str())
    {
        parts.method = Method::GET;
        parts.headers.insert(UPGRADE, upgrade);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.remove(websocket::KEY);
        if protocol.as_str().eq_ignore_ascii_case(WEB_SOCKET)
            && let Some(key) = websocket::key()
        {
            parts.headers.insert(websocket::KEY, key);
        }
    }
    if let Some(authority) = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok())
    {
        parts.headers.insert(HOST, authority);
    }
    if parts.headers.get_all(COOKIE).iter().nth(1).is_some() {
        let pieces: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
            parts.headers.insert(COOKIE, whole);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_with_a_protocol_becomes_a_get_that_asks_for_an_upgrade() {
        for (protocol, has_key) in [("websocket", true), ("tcp", false)] {
            let request = http::Request::builder()
                .method("CONNECT")
                .uri("https://a.example/chat")
                .extension(Protocol::from(protocol))
                .header(websocket::KEY, "the client's")
                .body(());
            let parts = in_one_form(request.unwrap().into_parts().0);
            assert_eq!((parts.method, &parts.headers[UPGRADE]), (Method::GET, &HeaderValue::from_static(protocol)));
            assert_eq!(parts.headers[CONNECTION], "Upgrade");
            assert_eq!(parts.headers.get(websocket::KEY).is_some_and(|key| key != "the client's"), has_key);
        }
    }

    #[test]
    fn an_authority_becomes_the_host_and_pieces_of_a_cookie_one() {
        let request = http::Request::builder()
            .uri("https://a.example:8443/x?y")
            .header("cookie", "a=1")
            .header("cookie", "b=2; c=3")
            .body(())
            .unwrap();
        let parts = in_one_form(request.into_parts().0);
        assert_eq!(parts.headers[HOST], "a.example:8443");
        assert_eq!(parts.headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    }
}
