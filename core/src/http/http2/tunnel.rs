//! How does a request for another protocol go from one version of HTTP to the other? HTTP/1.1 has Upgrade, answered by 101 (RFC 9110 §7.8);
//! HTTP/2 has CONNECT with `:protocol`, answered by 2xx (RFC 8441). In the house both have the form of HTTP/1.1, a GET with Upgrade, so that
//! routes, guards, records and retries know one of them.
//!
//! The invariant: a client is told that its tunnel is there only when its backend has switched.

use crate::http::head::protocol_travels;

/// What WebSocket over HTTP/1.1 is called there, and here.
pub const WEB_SOCKET: &str = "websocket";

/// Does this field (lower-case name) belong to the handshake of WebSocket over HTTP/1.1 alone (RFC 8441 §5)?
pub fn is_of_the_handshake(name: &str) -> bool {
    matches!(name, "sec-websocket-key" | "sec-websocket-accept")
}

/// Is this a key of such a handshake: sixteen bytes in base64 (RFC 6455 §4.2.1)?
pub fn is_key(value: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(value, [digits @ .., b'=', b'='] if digits.len() == 22 && digits.iter().all(is_digit))
}

/// Can this be asked for over HTTP/2, too? A CONNECT has no method of its own, no body before the tunnel, and names one protocol.
pub fn may_be_connect(method: &str, has_body: bool, protocol: &str) -> bool {
    method == "GET" && !has_body && protocol_travels(protocol)
}

/// Has a backend of HTTP/2 that answers so opened the tunnel?
pub const fn opens(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// What the status of an answer, in the form of HTTP/1.1, is to a client of HTTP/2 that asked for a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The tunnel is there.
    Opened,
    /// It is not, and the answer says why.
    Declined,
    /// The backend has ignored that it was asked to switch. Passed on, its 2xx would mean the tunnel.
    Misleading,
}

/// What this status is to that client.
pub const fn answered(status: u16) -> Answered {
    match status {
        101 => Answered::Opened,
        200..=299 => Answered::Misleading,
        _ => Answered::Declined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        for (value, is) in [
            ("dGhlIHNhbXBsZSBub25jZQ==", true),
            ("+/+/+/+/+/+/+/+/+/+/+A==", true),
            ("", false),
            ("dGhlIHNhbXBsZSBub25jZQ", false),
            ("dGhlIHNhbXBsZSBub25jZQ=A", false),
            ("dGhlIHNhbXBsZSBub25jZQA=", false),
            ("dGhlIHNhbXBsZSBub25jZQAA", false),
            ("dGhlIHNhbXBsZSBub25jZ===", false),
            ("dGhlIHNhbXBsZSBub25jZ-==", false),
            ("dGhlIHNhbXBsZSBub25jZQAAAA==", false),
        ] {
            assert_eq!(is_key(value.as_bytes()), is, "{value}");
        }
    }

    #[test]
    fn a_client_of_http2_is_told_of_a_tunnel_only_when_there_is_one() {
        for (status, expected) in [
            (101, Answered::Opened),
            (200, Answered::Misleading),
            (204, Answered::Misleading),
            (302, Answered::Declined),
            (401, Answered::Declined),
            (503, Answered::Declined),
        ] {
            assert_eq!(answered(status), expected, "{status}");
        }
        assert!(opens(200) && opens(299) && !opens(101) && !opens(300));
    }

    #[test]
    fn only_a_get_without_a_body_can_be_a_connect() {
        assert!(may_be_connect("GET", false, "websocket"));
        assert!(!may_be_connect("POST", false, "tcp") && !may_be_connect("GET", true, "tcp"));
        assert!(!may_be_connect("GET", false, "websocket, x/2"));
    }
}
