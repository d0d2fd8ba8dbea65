//! Which headers travel, and which are ours? The rules for both directions, on plain names and values.
//!
//! Hop-by-hop fields end here (RFC 9110 §7.6.1); what an untrusted peer claims about the client is removed before ours is set; what only
//! folds to a name that matters ([`names`]) is dropped from everybody. The invariant: no spelling of a name, and no `Connection`
//! header, lets a client set or remove what a backend learns about it from us.
//!
//! Values are bytes here: a field that holds one odd byte is there all the same.

pub mod connection_auth;
pub mod names;
pub mod passage;
pub mod trailers;

use crate::http::networks::Network;
use names::{Meaning, fold_alike, is_alias, is_folded, meaning};
use std::net::{IpAddr, SocketAddr};

/// From whom a request comes, as far as that decides which of its fields travel.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Its peer is believed.
    pub trusted: bool,
    /// Names with `_` travel.
    pub underscores: bool,
    /// The listener asks for certificates itself: nobody else speaks of them, trusted proxies included, since half of theirs and half of
    /// ours would be a third person.
    pub certificates: bool,
    /// Names of other gateways that are let through, in lower case.
    pub pass: &'a [String],
}

impl Rules<'_> {
    /// Does a request's field (lower-case name), be it in the head or behind the body, travel to the backend? `edited`: the names that
    /// the route itself changes. Of those that do, the caller takes out what `Connection` lists
    /// ([`connection_options`], [`ends_where_listed`]).
    pub fn travels<'n>(&self, name: &[u8], edited: impl Iterator<Item = &'n str>) -> bool {
        !is_alias_of(name, edited) && self.carries(name).is_some()
    }

    /// The same where a route changes nothing, and what the name of such a field means; `None`: it does not travel.
    #[inline]
    pub fn carries(&self, name: &[u8]) -> Option<Meaning> {
        if !is_folded(name) {
            return (!is_alias(name) && (self.underscores || !name.contains(&b'_'))).then_some(Meaning::Plain);
        }
        let meaning = meaning(name);
        let travels = match meaning {
            Meaning::Plain | Meaning::Ours => true,
            Meaning::Hop | Meaning::Replaced => false,
            Meaning::Identity | Meaning::Certificate => self.believes(name, meaning),
        };
        travels.then_some(meaning)
    }

    /// May a route be chosen by this request header (lower-case name)? Not by what a stranger says of who it is.
    pub fn chooses(&self, name: &str) -> bool {
        match meaning(name.as_bytes()) {
            meaning @ (Meaning::Identity | Meaning::Certificate) => self.believes(name.as_bytes(), meaning),
            Meaning::Plain | Meaning::Ours | Meaning::Hop | Meaning::Replaced => true,
        }
    }

    fn believes(&self, name: &[u8], meaning: Meaning) -> bool {
        let spoken_for = self.certificates && meaning == Meaning::Certificate;
        !spoken_for && (self.trusted || self.pass.iter().any(|passed| passed.as_bytes() == name))
    }
}

/// Does this name only fold to one of these?
pub fn is_alias_of<'n>(name: &[u8], mut names: impl Iterator<Item = &'n str>) -> bool {
    names.any(|one| one.as_bytes() != name && fold_alike(one.as_bytes(), name))
}

/// May `headers.pass` let this name (in lower case) through?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// It is one by which another gateway tells who asked.
    Possible,
    /// It travels without.
    Needless,
    /// Never: it is an alias of one, or one that ends here or is ours to write.
    Never,
}

pub fn passing(name: &str) -> Passing {
    const OURS: [&str; 6] =
        ["forwarded", "x-forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    match meaning(name.as_bytes()) {
        _ if !is_folded(name.as_bytes()) => {
            if is_alias(name.as_bytes()) {
                Passing::Never
            } else {
                Passing::Needless
            }
        }
        _ if OURS.contains(&name) => Passing::Never,
        Meaning::Identity | Meaning::Certificate => Passing::Possible,
        Meaning::Hop | Meaning::Replaced => Passing::Never,
        Meaning::Plain | Meaning::Ours => Passing::Needless,
    }
}

/// Does a response header (lower-case name) travel to the client?
#[inline]
pub fn response_header_travels(name: &[u8]) -> bool {
    meaning(name) != Meaning::Hop
}

/// Does a header (lower-case name) tell a backend whose certificate the client has shown?
pub fn names_client_certificate(name: &str) -> bool {
    meaning(name.as_bytes()) == Meaning::Certificate
}

/// What the lines of `Connection` list, as it is written there.
pub fn connection_options<'c>(lines: impl Iterator<Item = &'c [u8]>) -> impl Iterator<Item = &'c [u8]> {
    lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// Does a field (lower-case name) end here where `Connection` lists it? End-to-end fields that routing and framing rely on cannot be
/// listed away, nor what tells a backend who the client is or where a request has been: it may have come through a proxy that passes
/// `Connection` on.
pub fn ends_where_listed(name: &[u8]) -> bool {
    let never = matches!(name, b"content-type" | b"authorization" | b"cookie" | b"cache-control");
    !never && matches!(meaning(name), Meaning::Plain | Meaning::Hop)
}

/// Does a list of tokens hold this one (lower case)?
pub fn lists(list: &[u8], token: &str) -> bool {
    list.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Is the peer among the trusted proxies?
pub fn is_trusted(peer: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(peer))
}

/// The client's address: the rightmost of X-Forwarded-For (its lines, in order) that is not a trusted proxy, else the peer. What is no
/// address ends the search, since nothing to the left of it can be vouched for; what stands to its right counts.
pub fn client_address<'v>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'v [u8]>,
    trusted: &[Network],
) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    let elements = forwarded_for.rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    // An empty element is none (RFC 9110 §5.6.1.2).
    for claimed in elements.map(<[u8]>::trim_ascii).filter(|claimed| !claimed.is_empty()) {
        match std::str::from_utf8(claimed).ok().and_then(address) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusted() -> Vec<Network> {
        vec![Network { address: ip("10.0.0.0"), prefix: 8 }]
    }

    const NOBODY: Rules<'_> = Rules { trusted: false, underscores: false, certificates: false, pass: &[] };

    fn travels(rules: &Rules<'_>, name: &str) -> bool {
        rules.travels(name.as_bytes(), std::iter::empty())
    }

    #[test]
    fn request_headers_that_travel() {
        let trusted = Rules { trusted: true, ..NOBODY };
        for (name, from_stranger, from_trusted) in [
            ("accept", true, true),
            ("x.own", true, true),
            ("content-type", true, true),
            ("via", true, true),
            ("connection", false, false),
            ("te", false, false),
            ("upgrade", false, false),
            ("transfer-encoding", false, false),
            ("host", false, false),
            ("x-request-id", false, false),
            ("x-forwarded-for", false, true),
            ("x-forwarded-anything", false, true),
            ("forwarded", false, true),
            ("x-real-ip", false, true),
            ("remote-user", false, true),
            ("x-original-url", false, true),
            ("x-client-cert-subject", false, true),
            ("client-cert", false, true),
            ("ssl-client-verify", false, true),
            ("x-ssl-client-dn", false, true),
            ("x-arr-clientcert", false, true),
            ("x-forwarded-client-cert", false, true),
            ("x_client_cert_subject", false, false),
            ("x_forwarded_for", false, false),
            ("x.forwarded.for", false, false),
            ("x.real.ip", false, false),
            ("transfer.encoding", false, false),
            ("x_own", false, false),
        ] {
            assert_eq!(travels(&NOBODY, name), from_stranger, "{name}");
            assert_eq!(travels(&trusted, name), from_trusted, "{name}");
        }
    }

    #[test]
    fn a_name_of_another_gateway_is_let_through_by_its_name_alone() {
        let pass = ["cf-connecting-ip".to_owned(), "x-client-verify".to_owned()];
        let rules = Rules { pass: &pass, ..NOBODY };
        for (name, expected) in [
            ("cf-connecting-ip", true),
            ("cf_connecting_ip", false),
            ("cf.connecting.ip", false),
            ("x-client-ip", false),
            ("x-client-verify", true),
        ] {
            assert_eq!(travels(&rules, name), expected, "{name}");
            assert!(expected == rules.chooses(name) || !is_folded(name.as_bytes()), "{name}");
        }
        let asks = Rules { certificates: true, trusted: true, ..rules };
        assert!(!travels(&asks, "x-client-verify") && travels(&asks, "cf-connecting-ip"));
        for (name, expected) in [
            ("cf-connecting-ip", Passing::Possible),
            ("x-forwarded-user", Passing::Possible),
            ("x-client-verify", Passing::Possible),
            ("x-forwarded-for", Passing::Never),
            ("forwarded", Passing::Never),
            ("x_real_ip", Passing::Never),
            ("connection", Passing::Never),
            ("content_length", Passing::Never),
            ("x-request-id", Passing::Never),
            ("x-own", Passing::Needless),
            ("x_own", Passing::Needless),
        ] {
            assert_eq!(passing(name), expected, "{name}");
        }
    }

    #[test]
    fn request_headers_that_choose_a_route() {
        let trusted = Rules { trusted: true, ..NOBODY };
        for (name, from_stranger) in [
            ("x-env", true),
            ("upgrade", true),
            ("x-forwarded-proto", false),
            ("x-client-cert-subject", false),
            ("remote-user", false),
        ] {
            assert_eq!(NOBODY.chooses(name), from_stranger, "{name}");
            assert!(trusted.chooses(name), "{name}");
        }
    }

    #[test]
    fn no_key_lets_an_alias_of_a_name_that_matters_pass() {
        let open = Rules { trusted: true, underscores: true, ..NOBODY };
        assert!(travels(&open, "x_own"));
        for name in [
            "x_forwarded_for",
            "x-forwarded_proto",
            "x_real_ip",
            "x_request_id",
            "transfer_encoding",
            "content_length",
            "x_ssl_cert",
            "script_name",
            "path_info",
            "remote_user",
            "request_uri",
            "cdn_loop",
        ] {
            assert!(!travels(&open, name), "{name}");
        }
    }

    #[test]
    fn what_folds_to_a_name_that_the_route_changes_is_dropped() {
        let open = Rules { trusted: true, underscores: true, ..NOBODY };
        let edited = |name: &str| open.travels(name.as_bytes(), ["x-auth-user", "x_tenant"].into_iter());
        for (name, expected) in [
            ("x-auth-user", true),
            ("x.auth.user", false),
            ("x_auth_user", false),
            ("x_tenant", true),
            ("x-tenant", false),
            ("x-auth-users", true),
        ] {
            assert_eq!(edited(name), expected, "{name}");
        }
    }

    #[test]
    fn connection_lists_names_away_but_not_all() {
        let lines = [&b"close, X-Own\t,te"[..], b"\xe9, x-two", b",, "];
        let options: Vec<&[u8]> = connection_options(lines.into_iter()).filter(|option| !option.is_empty()).collect();
        assert_eq!(options, [&b"close"[..], b"X-Own", b"te", b"\xe9", b"x-two"]);
        assert!(ends_where_listed(b"x-own") && ends_where_listed(b"te") && ends_where_listed(b"keep-alive"));
        for ours in [
            "host",
            "content-length",
            "content-type",
            "authorization",
            "cookie",
            "x-forwarded-for",
            "x-forwarded-proto",
            "forwarded",
            "x-real-ip",
            "x-request-id",
            "cdn-loop",
            "via",
        ] {
            assert!(!ends_where_listed(ours.as_bytes()), "{ours}");
        }
    }

    #[test]
    fn the_client_is_the_rightmost_stranger() {
        let none: &[&[u8]] = &[];
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &[&b"1.1.1.1"[..]][..], "192.0.2.1"),
            ("10.0.0.1", &[b"1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &[b"6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &[b"6.6.6.6", b"1.1.1.1", b"10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[b"1.1.1.1, garbage"], "10.0.0.1"),
            ("10.0.0.1", none, "10.0.0.1"),
            ("10.0.0.1", &[b"::ffff:1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &[b"1.1.1.1:4711"], "1.1.1.1"),
            ("10.0.0.1", &[b"2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]:4711, 10.0.0.2:80"], "2001:db8::1"),
            ("10.0.0.1", &[b"1.1.1.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[b"\xe9, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &[b"\xe9", b"1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &[b"6.6.6.6, \xe9, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[b"1.1.1.1", b"\xe9"], "10.0.0.1"),
            ("10.0.0.1", &[b"1.1.1.1, ", b" ,"], "1.1.1.1"),
            ("10.0.0.1", &[b""], "10.0.0.1"),
            ("::ffff:192.0.2.1", none, "192.0.2.1"),
        ] {
            let found = client_address(ip(peer), forwarded.iter().copied(), &trusted());
            assert_eq!(found, ip(expected), "{peer} {forwarded:?}");
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
}
