//! Which headers travel, and which are ours? The rules for both directions, on plain names and values.
//!
//! Hop-by-hop fields end here (RFC 9110 §7.6.1); what an untrusted peer claims about the client is removed before ours is set;
//! names with `_` are dropped where WSGI would fold them into `-`. The invariant: no spelling of a name, and no `Connection`
//! header, lets a client set or remove what a backend learns about it from us.

use crate::http::head::is_token;
use crate::http::networks::Network;
use std::net::{IpAddr, SocketAddr};

const REQUEST_ID: &str = "x-request-id";

/// Does a request header (lower-case name) travel to the backend? Connection-listed names are checked by the caller through
/// [`listed_in_connection`].
pub fn request_header_travels(name: &str, trusted: bool, underscores: bool) -> bool {
    if name.contains('_') {
        return underscores && is_harmless_when_folded(name);
    }
    !is_hop_by_hop(name) && (trusted || !claims_identity(name))
}

/// May a route be chosen by this request header (lower-case name)? Not by what a stranger says of who it is.
pub fn request_header_routes(name: &str, trusted: bool) -> bool {
    trusted || !claims_identity(name)
}

/// A backend that folds `_` into `-` must not take it for a field that ends here or that is ours; not even a trusted proxy
/// spells those with `_`.
fn is_harmless_when_folded(name: &str) -> bool {
    let folded = name.replace('_', "-");
    !is_hop_by_hop(&folded) && !claims_identity(&folded) && folded != REQUEST_ID
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
        || name == "x-envoy-external-address"
        || name == "true-client-ip"
        || names_client_certificate(name)
}

/// What tells a backend whose certificate the client has shown, in the names of RFC 9440 and of other gateways. A listener that asks
/// for certificates itself lets nobody else speak of them, trusted proxies included: half of theirs and half of ours would be a
/// third person.
pub fn names_client_certificate(name: &str) -> bool {
    name.starts_with("client-cert")
        || name.starts_with("x-client-cert")
        || name.starts_with("x-ssl-")
        || name.starts_with("ssl-client-")
        || name == "x-forwarded-client-cert"
        || name.starts_with("x-forwarded-tls-client-cert")
}

/// Is `name` (lower case) listed in a `Connection` header's value? End-to-end fields that routing and framing rely on cannot be
/// listed away, nor what tells a backend who the client is: it may have come through a proxy that passes `Connection` on.
pub fn listed_in_connection(connection: &str, name: &str) -> bool {
    const NEVER: [&str; 7] =
        ["host", "content-length", "content-type", "authorization", "cookie", "cache-control", REQUEST_ID];
    let listed = connection.split(',').any(|token| token.trim().eq_ignore_ascii_case(name));
    listed && !NEVER.contains(&name) && !claims_identity(name)
}

/// Is the peer among the trusted proxies?
pub fn is_trusted(peer: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(peer))
}

/// The client's address: the rightmost of X-Forwarded-For that is not a trusted proxy, else the peer. What is no address ends
/// the search, since nothing to the left of it can be vouched for.
pub fn client_address(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    for claimed in forwarded_for.unwrap_or_default().rsplit(',') {
        match address(claimed.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

/// As proxies write it: with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}

/// An inbound request id is kept when it matches `[A-Za-z0-9._-]{1,128}`: it goes into logs and headers as it is.
pub fn acceptable_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Does the request ask for an upgrade that we pass on? `connections`: its lines, which are one list.
pub fn upgrade_asked<'a, 'c>(
    connections: impl IntoIterator<Item = &'c [u8]>,
    upgrade: Option<&'a str>,
) -> Option<&'a str> {
    let upgrade = upgrade?;
    let mut tokens = connections.into_iter().flat_map(|line| line.split(|byte| *byte == b','));
    let listed = tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    // h2c by upgrade would smuggle a second protocol past every rule of the first.
    Some(upgrade).filter(|protocol| {
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
    fn request_headers_that_travel() {
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
            ("client-cert", false, true),
            ("client-cert-chain", false, true),
            ("ssl-client-verify", false, true),
            ("x-ssl-client-dn", false, true),
            ("x-forwarded-client-cert", false, true),
            ("x_client_cert_subject", false, false),
            ("x_forwarded_for", false, false),
            ("x_own", false, false),
        ] {
            assert_eq!(request_header_travels(name, false, false), from_stranger, "{name}");
            assert_eq!(request_header_travels(name, true, false), from_trusted, "{name}");
        }
    }

    #[test]
    fn request_headers_that_choose_a_route() {
        for (name, from_stranger) in
            [("x-env", true), ("upgrade", true), ("x-forwarded-proto", false), ("x-client-cert-subject", false)]
        {
            assert_eq!(request_header_routes(name, false), from_stranger, "{name}");
            assert!(request_header_routes(name, true), "{name}");
        }
    }

    #[test]
    fn headers_about_client_certificates() {
        for (name, is) in [
            ("client-cert", true),
            ("client-cert-chain", true),
            ("x-client-cert-san", true),
            ("x-ssl-client-s-dn", true),
            ("ssl-client-subject-dn", true),
            ("x-forwarded-client-cert", true),
            ("x-forwarded-tls-client-cert-info", true),
            ("x-forwarded-for", false),
            ("x-real-ip", false),
            ("x-client-id", false),
        ] {
            assert_eq!(names_client_certificate(name), is, "{name}");
        }
    }

    #[test]
    fn allowed_underscores_do_not_smuggle_what_a_backend_would_fold() {
        assert!(request_header_travels("x_own", false, true));
        for name in
            ["x_forwarded_for", "x-forwarded_proto", "x_real_ip", "x_request_id", "transfer_encoding", "x_ssl_cert"]
        {
            assert!(!request_header_travels(name, false, true), "{name}");
            assert!(!request_header_travels(name, true, true), "{name}");
        }
    }

    #[test]
    fn connection_lists_names_away_but_not_all() {
        assert!(listed_in_connection("close, X-Own", "x-own"));
        assert!(!listed_in_connection("close", "x-own"));
        for ours in
            ["host", "authorization", "x-forwarded-for", "x-forwarded-proto", "forwarded", "x-real-ip", "x-request-id"]
        {
            assert!(!listed_in_connection(ours, ours), "{ours}");
        }
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
            ("10.0.0.1", Some("1.1.1.1:4711"), "1.1.1.1"),
            ("10.0.0.1", Some("2001:db8::1"), "2001:db8::1"),
            ("10.0.0.1", Some("[2001:db8::1]"), "2001:db8::1"),
            ("10.0.0.1", Some("[2001:db8::1]:4711, 10.0.0.2:80"), "2001:db8::1"),
            ("10.0.0.1", Some("1.1.1.1, unknown, 10.0.0.2"), "10.0.0.2"),
            ("10.0.0.1", Some(""), "10.0.0.1"),
            ("::ffff:192.0.2.1", None, "192.0.2.1"),
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
        let asked = |connections: &[&'static str], upgrade| {
            upgrade_asked(connections.iter().map(|line| line.as_bytes()), upgrade)
        };
        for connections in [
            &["keep-alive, Upgrade"][..],
            &["keep-alive", "UPGRADE"],
            &["upgrade", "close"],
            &["", " ,\tupgrade , x"],
            &["\u{e9}", "upgrade"],
        ] {
            assert_eq!(asked(connections, Some("websocket")), Some("websocket"), "{connections:?}");
            assert_eq!(asked(connections, None), None);
        }
        for connections in [&[][..], &["keep-alive"], &["x-upgrade", "upgrades", "up grade"]] {
            assert_eq!(asked(connections, Some("websocket")), None, "{connections:?}");
        }
        assert_eq!(asked(&["upgrade, http2-settings"], Some("h2c")), None);
    }
}
