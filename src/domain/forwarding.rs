//! Which headers travel, and which are ours? The rules for both directions, on plain names and values.
//!
//! Hop-by-hop fields end here (RFC 9110 §7.6.1); what an untrusted peer claims about the client is removed before ours is set;
//! names with `_` are dropped where WSGI would fold them into `-`. The invariant: a client's `Connection` header cannot name one
//! of our own fields away, because ours are set after the removal.

use super::head::is_token;
use super::plan::Network;
use std::net::IpAddr;

/// Does a request header (lower-case name) travel to the backend? Connection-listed names are checked by the caller through
/// [`listed_in_connection`].
pub fn request_header_travels(name: &str, trusted: bool, underscores: bool) -> bool {
    !is_hop_by_hop(name) && (trusted || !claims_identity(name)) && (underscores || !name.contains('_'))
}

/// Does a response header (lower-case name) travel to the client?
pub fn response_header_travels(name: &str) -> bool {
    !is_hop_by_hop(name)
}

fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    )
}

/// What tells a backend who the client is: believed from trusted proxies only.
fn claims_identity(name: &str) -> bool {
    name == "forwarded"
        || name == "x-real-ip"
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-client-cert")
        || name.starts_with("x-ssl-")
        || name == "ssl-client-cert"
        || name == "x-envoy-external-address"
        || name == "true-client-ip"
        || name == "client-cert"
}

/// Is `name` (lower case) listed in a `Connection` header's value? End-to-end fields that routing and framing rely on cannot be listed away.
pub fn listed_in_connection(connection: &str, name: &str) -> bool {
    const NEVER: [&str; 6] = ["host", "content-length", "content-type", "authorization", "cookie", "cache-control"];
    !NEVER.contains(&name) && connection.split(',').any(|token| token.trim().eq_ignore_ascii_case(name))
}

/// Is the peer among the trusted proxies?
pub fn is_trusted(peer: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(peer))
}

/// The client's address: the rightmost of X-Forwarded-For that is not a trusted proxy, else the peer.
pub fn client_address(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut client = peer;
    for claimed in forwarded_for.unwrap_or_default().rsplit(',') {
        match claimed.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

/// An inbound request id is kept when it matches `[A-Za-z0-9._-]{1,128}`: it goes into logs and headers as it is.
pub fn acceptable_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Does the request ask for an upgrade that we pass on?
pub fn upgrade_asked<'a>(connection: Option<&str>, upgrade: Option<&'a str>) -> Option<&'a str> {
    let listed = connection?.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    // h2c by upgrade would smuggle a second protocol past every rule of the first.
    upgrade.filter(|protocol| {
        let tokens = protocol.bytes().all(|byte| is_token(byte) || matches!(byte, b'/' | b',' | b' '));
        listed
            && tokens
            && !protocol.is_empty()
            && !protocol.split(',').any(|one| one.trim().eq_ignore_ascii_case("h2c"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusted() -> Vec<Network> {
        vec![Network { address: ip("10.0.0.0"), prefix: 8 }]
    }

    #[test]
    fn which_request_headers_travel() {
        for (name, from_stranger, from_trusted) in [
            ("accept", true, true),
            ("connection", false, false),
            ("te", false, false),
            ("upgrade", false, false),
            ("transfer-encoding", false, false),
            ("x-forwarded-for", false, true),
            ("x-forwarded-anything", false, true),
            ("forwarded", false, true),
            ("x-real-ip", false, true),
            ("x-client-cert-subject", false, true),
            ("x_forwarded_for", false, false),
            ("x_own", false, false),
        ] {
            assert_eq!(request_header_travels(name, false, false), from_stranger, "{name}");
            assert_eq!(request_header_travels(name, true, false), from_trusted, "{name}");
        }
        assert!(request_header_travels("x_own", false, true));
    }

    #[test]
    fn connection_lists_names_away_but_not_all() {
        assert!(listed_in_connection("close, X-Own", "x-own"));
        assert!(!listed_in_connection("close", "x-own"));
        assert!(!listed_in_connection("Host, Authorization", "host"));
    }

    #[test]
    fn the_client_is_the_rightmost_stranger() {
        for (peer, forwarded, expected) in [
            ("192.0.2.1", Some("1.1.1.1"), "192.0.2.1"),
            ("10.0.0.1", Some("1.1.1.1"), "1.1.1.1"),
            ("10.0.0.1", Some("6.6.6.6, 1.1.1.1, 10.0.0.2"), "1.1.1.1"),
            ("10.0.0.1", Some("10.0.0.3, 10.0.0.2"), "10.0.0.3"),
            ("10.0.0.1", Some("1.1.1.1, garbage"), "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("10.0.0.1", Some("::ffff:1.2.3.4"), "1.2.3.4"),
        ] {
            assert_eq!(client_address(ip(peer), forwarded, &trusted()), ip(expected), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn request_ids() {
        assert!(acceptable_request_id("a.B-9_"));
        assert!(acceptable_request_id(&"a".repeat(128)));
        for bad in ["", "a b", "a\"", "ä", &"a".repeat(129)] {
            assert!(!acceptable_request_id(bad), "{bad}");
        }
    }

    #[test]
    fn upgrades_need_both_headers_and_are_never_h2c() {
        assert_eq!(upgrade_asked(Some("keep-alive, Upgrade"), Some("websocket")), Some("websocket"));
        assert_eq!(upgrade_asked(Some("keep-alive"), Some("websocket")), None);
        assert_eq!(upgrade_asked(None, Some("websocket")), None);
        assert_eq!(upgrade_asked(Some("upgrade"), None), None);
        assert_eq!(upgrade_asked(Some("upgrade, http2-settings"), Some("h2c")), None);
    }
}
