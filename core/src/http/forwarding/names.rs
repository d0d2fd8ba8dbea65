//! What does a header's name stand for, however it is spelt? One folding of names, and the names that mean something to a gateway.
//!
//! Servers fold names before an application sees them: CGI and WSGI make one sign of `-` and `_`, others of every byte that is no letter
//! and no digit. So a name is looked at in its folded form: in lower case, and every other byte `-`, one for one. A name that *is* its
//! folded form means what it says; one that only folds to a name with a meaning is an alias of it.
//!
//! Most names of most requests mean nothing, so the first bytes decide which few are compared at all. Names are bytes: the codec has read them as tokens.

/// What a name, in its folded form, means to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is between client and backend.
    Plain,
    /// It frames a message or steers a connection, and ends with it.
    Hop,
    /// Made anew for each side, or for nobody behind us to hear: the client's is never copied.
    Replaced,
    /// We write it too, beside or in the place of what came.
    Ours,
    /// It says who the client is, or what it asked for, in the names of some gateway.
    Identity,
    /// It says whose certificate the client has shown, in the names of RFC 9440 and of other gateways.
    Certificate,
}

/// By which other gateways tell who asked and for what: whole names that do not begin with `x-`.
pub const OF_GATEWAYS: [&str; 25] = [
    "cf-access-authenticated-user-email",
    "cf-access-jwt-assertion",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "cf-visitor",
    "client-ip",
    "cloudfront-forwarded-proto",
    "cloudfront-viewer-address",
    "fastly-client-ip",
    "fastly-ssl",
    "fly-client-ip",
    "forwarded",
    "front-end-https",
    "l5d-client-id",
    "l5d-remote-ip",
    "proxy-client-ip",
    "remote-addr",
    "remote-email",
    "remote-groups",
    "remote-name",
    "remote-user",
    "true-client-ip",
    "wl-proxy-client-ip",
    "wl-proxy-ssl",
];

/// The same for those that do.
pub const OF_GATEWAYS_X: [&str; 32] = [
    "x-appengine-user-ip",
    "x-arr-ssl",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-path",
    "x-forwarded",
    "x-goog-iap-jwt-assertion",
    "x-http-host-override",
    "x-nf-client-connection-ip",
    "x-original-for",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-proto",
    "x-original-uri",
    "x-original-url",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-group",
    "x-remote-ip",
    "x-remote-user",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "x-userinfo",
    "x-vercel-forwarded-for",
    "x-webauth-user",
];

/// Beginnings of such names that do.
pub const FAMILIES_X: [&str; 11] = [
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-consumer-",
    "x-forwarded-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-pomerium-",
    "x-remote-extra-",
    "x-vouch-",
];

/// Beginnings of such names that do not begin with `x-`.
pub const FAMILIES: [&str; 2] = ["oidc-claim-", "shib-"];

/// Beginnings of names that tell of a client's certificate.
pub const CERTIFICATES: [&str; 3] = ["client-cert", "ssl-client-", "wl-proxy-client-cert"];

/// The same for those that begin with `x-`.
pub const CERTIFICATES_X: [&str; 11] = [
    "x-amzn-mtls-",
    "x-arr-clientcert",
    "x-client-cert",
    "x-client-dn",
    "x-client-i-dn",
    "x-client-s-dn",
    "x-client-verify",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-ssl-",
    "x-tls-client-",
];

/// Variables of CGI and its heirs that are no headers: a server that makes variables of headers must not take one for the other.
const VARIABLES: [&str; 21] = [
    "auth-type",
    "auth-user",
    "content-type",
    "document-root",
    "document-uri",
    "path-info",
    "path-translated",
    "query-string",
    "remote-host",
    "remote-ident",
    "remote-port",
    "request-method",
    "request-scheme",
    "request-uri",
    "script-filename",
    "script-name",
    "script-uri",
    "script-url",
    "server-name",
    "server-port",
    "server-protocol",
];

/// What a name that is its own folded form means.
#[inline(always)]
pub fn meaning(name: &[u8]) -> Meaning {
    match name {
        [b'x', b'-', behind @ ..] if !KNOWN_X.may_begin(behind) => Meaning::Plain,
        [b'x', b'-', ..] => of_x(name),
        _ => match of_http(name) {
            Meaning::Plain if KNOWN.may_begin(name) => of_gateways(name),
            meaning => meaning,
        },
    }
}

#[inline(never)]
fn of_x(name: &[u8]) -> Meaning {
    match name {
        b"x-request-id" => Meaning::Replaced,
        _ if begins(name, &CERTIFICATES_X) => Meaning::Certificate,
        _ if is_one_of(name, &OF_GATEWAYS_X) || begins(name, &FAMILIES_X) => Meaning::Identity,
        _ => Meaning::Plain,
    }
}

/// Of the names that HTTP gives to what is not between client and backend alone. By its length and its first letter: one of them is compared.
#[inline(always)]
fn of_http(name: &[u8]) -> Meaning {
    use Meaning::{Hop, Ours, Replaced};
    let [first, ..] = name else { return Meaning::Plain };
    let (known, meaning): (&[u8], Meaning) = match (name.len(), first) {
        (2, b't') => (b"te", Hop),
        (3, b'v') => (b"via", Ours),
        (4, b'h') => (b"host", Replaced),
        // A server of CGI makes HTTP_PROXY of it, which clients of HTTP take for an order (CVE-2016-5385).
        (5, b'p') => (b"proxy", Replaced),
        (6, b'e') => (b"expect", Hop),
        (7, b't') => (b"trailer", Hop),
        (7, b'u') => (b"upgrade", Hop),
        (8, b'c') => (b"cdn-loop", Ours),
        (10, b'c') => (b"connection", Hop),
        (10, b'k') => (b"keep-alive", Hop),
        (10, b't') => (b"tracestate", Ours),
        (11, b't') => (b"traceparent", Ours),
        (12, b'm') => (b"max-forwards", Ours),
        (14, b'c') => (b"content-length", Replaced),
        (14, b'h') => (b"http2-settings", Hop),
        (16, b'p') => (b"proxy-connection", Hop),
        (17, b't') => (b"transfer-encoding", Hop),
        (18, b'p') => (b"proxy-authenticate", Hop),
        (19, b'p') => (b"proxy-authorization", Hop),
        _ => return Meaning::Plain,
    };
    if name == known { meaning } else { Meaning::Plain }
}

#[inline(never)]
fn of_gateways(name: &[u8]) -> Meaning {
    match name {
        _ if begins(name, &CERTIFICATES) => Meaning::Certificate,
        _ if is_one_of(name, &OF_GATEWAYS) || begins(name, &FAMILIES) => Meaning::Identity,
        _ => Meaning::Plain,
    }
}

fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|one| one.as_bytes() == name)
}

fn begins(name: &[u8], beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning.as_bytes()))
}

/// With which two letters do the names of gateways begin? Few others do, so that nearly all are told by these alone.
struct Beginnings([u32; 32]);

const KNOWN: Beginnings = Beginnings::of(0, &[&CERTIFICATES, &OF_GATEWAYS, &FAMILIES]);
/// The same behind their `x-`.
const KNOWN_X: Beginnings = Beginnings::of(2, &[&["x-request-id"], &CERTIFICATES_X, &OF_GATEWAYS_X, &FAMILIES_X]);

impl Beginnings {
    /// Of the names in these lists, behind so many of their letters.
    const fn of(behind: usize, lists: &[&[&str]]) -> Self {
        let (mut seconds, mut list) = ([0; 32], 0);
        while list < lists.len() {
            let mut one = 0;
            while one < lists[list].len() {
                let name = lists[list][one].as_bytes();
                seconds[Self::place(name[behind])] |= 1 << Self::place(name[behind + 1]);
                one += 1;
            }
            list += 1;
        }
        Self(seconds)
    }

    const fn place(letter: u8) -> usize {
        (letter & 31) as usize
    }

    fn may_begin(&self, name: &[u8]) -> bool {
        let [first, second, ..] = name else { return false };
        self.0[Self::place(*first)] >> Self::place(*second) & 1 != 0
    }
}

/// Is a name (in lower case) its own folded form?
#[inline]
pub fn is_folded(name: &[u8]) -> bool {
    // None is skipped: to look is less than to ask whether to go on.
    name.iter().fold(true, |all, byte| all & STAYS[usize::from(*byte)])
}

/// Letters, digits and `-`. Every name of every request is asked, so it is a look in a table.
const STAYS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-';
        byte += 1;
    }
    table
};

/// Do two names fold to the same?
pub fn fold_alike(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| folded(*one) == folded(*other))
}

/// Does a name that is not its own folded form stand for one that has a meaning, or for a variable of a server behind us?
pub fn is_alias(name: &[u8]) -> bool {
    // No whole name that is known is longer, and families are told by their beginnings.
    let mut room = [b'-'; 64];
    room.iter_mut().zip(name).for_each(|(place, byte)| *place = folded(*byte));
    let known = room.get(..name.len()).unwrap_or(&room);
    meaning(known) != Meaning::Plain || is_one_of(known, &VARIABLES)
}

const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt_with(name: &str, byte: char) -> String {
        name.replace('-', &byte.to_string())
    }

    #[test]
    fn what_names_mean() {
        for (name, expected) in [
            ("accept", Meaning::Plain),
            ("user-agent", Meaning::Plain),
            ("cookie", Meaning::Plain),
            ("content-type", Meaning::Plain),
            ("x-own", Meaning::Plain),
            ("x-", Meaning::Plain),
            ("x-f", Meaning::Plain),
            ("x", Meaning::Plain),
            ("", Meaning::Plain),
            ("h2st", Meaning::Plain),
            ("script-name", Meaning::Plain),
            ("x-client-id", Meaning::Plain),
            ("forwarded", Meaning::Identity),
            ("remote-user", Meaning::Identity),
            ("x-forwarded-anything", Meaning::Identity),
            ("x-original-url", Meaning::Identity),
            ("x-rewrite-url", Meaning::Identity),
            ("cf-connecting-ip", Meaning::Identity),
            ("x-client-ip", Meaning::Identity),
            ("x-remote-extra-scopes", Meaning::Identity),
            ("x-consumer-username", Meaning::Identity),
            ("oidc-claim-sub", Meaning::Identity),
            ("x-scheme", Meaning::Identity),
            ("front-end-https", Meaning::Identity),
            ("wl-proxy-ssl", Meaning::Identity),
            ("wl-proxy-client-cert", Meaning::Certificate),
            ("proxy", Meaning::Replaced),
            ("www-authenticate", Meaning::Plain),
            ("origin", Meaning::Plain),
            ("client-cert-chain", Meaning::Certificate),
            ("x-arr-clientcert", Meaning::Certificate),
            ("x-amzn-mtls-clientcert", Meaning::Certificate),
            ("x-amzn-mtls-clientcert-leaf", Meaning::Certificate),
            ("x-tls-client-cert", Meaning::Certificate),
            ("x-client-verify", Meaning::Certificate),
            ("x-client-dn", Meaning::Certificate),
            ("x-forwarded-client-cert", Meaning::Certificate),
            ("x-forwarded-tls-client-cert-info", Meaning::Certificate),
            ("ssl-client-subject-dn", Meaning::Certificate),
        ] {
            assert_eq!(meaning(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn what_http_means_by_names() {
        for (name, expected) in [
            ("te", Meaning::Hop),
            ("trailer", Meaning::Hop),
            ("expect", Meaning::Hop),
            ("upgrade", Meaning::Hop),
            ("connection", Meaning::Hop),
            ("keep-alive", Meaning::Hop),
            ("proxy-connection", Meaning::Hop),
            ("proxy-authenticate", Meaning::Hop),
            ("proxy-authorization", Meaning::Hop),
            ("transfer-encoding", Meaning::Hop),
            ("http2-settings", Meaning::Hop),
            ("host", Meaning::Replaced),
            ("content-length", Meaning::Replaced),
            ("x-request-id", Meaning::Replaced),
            ("via", Meaning::Ours),
            ("cdn-loop", Meaning::Ours),
            ("max-forwards", Meaning::Ours),
            ("traceparent", Meaning::Ours),
            ("tracestate", Meaning::Ours),
        ] {
            assert_eq!(meaning(name.as_bytes()), expected, "{name}");
            let other = format!("{}~", &name[..name.len() - 1]);
            assert_eq!(meaning(other.as_bytes()), Meaning::Plain, "{other}");
        }
    }

    #[test]
    fn what_nearly_all_send_is_told_by_two_letters() {
        for name in [
            "accept",
            "accept-encoding",
            "accept-language",
            "cache-control",
            "content-type",
            "cookie",
            "date",
            "etag",
            "if-none-match",
            "origin",
            "range",
            "sec-fetch-mode",
            "server",
            "set-cookie",
            "user-agent",
        ] {
            assert!(!KNOWN.may_begin(name.as_bytes()), "{name}");
        }
        assert!(!KNOWN_X.may_begin(b"frame-options") && !KNOWN_X.may_begin(b"tenant"));
    }

    #[test]
    fn every_known_name_is_its_own_folded_form_and_fits() {
        let known = OF_GATEWAYS
            .iter()
            .chain(&OF_GATEWAYS_X)
            .chain(&FAMILIES)
            .chain(&FAMILIES_X)
            .chain(&CERTIFICATES)
            .chain(&CERTIFICATES_X);
        for name in known.chain(&VARIABLES) {
            assert!(is_folded(name.as_bytes()) && name.len() < 64 && **name == name.to_ascii_lowercase(), "{name}");
        }
        for name in OF_GATEWAYS.iter().chain(&OF_GATEWAYS_X).chain(&FAMILIES).chain(&FAMILIES_X) {
            assert_eq!(meaning(name.as_bytes()), Meaning::Identity, "{name}");
        }
        for name in CERTIFICATES.iter().chain(&CERTIFICATES_X) {
            assert_eq!(meaning(name.as_bytes()), Meaning::Certificate, "{name}");
        }
    }

    #[test]
    fn every_other_spelling_of_a_known_name_is_its_alias() {
        let more =
            ["transfer-encoding", "content-length", "x-request-id", "cdn-loop", "x-forwarded-for", "http2-settings"];
        let known = OF_GATEWAYS.iter().chain(&OF_GATEWAYS_X).chain(&VARIABLES).chain(&more);
        for name in known.filter(|name| name.contains('-')) {
            for byte in "_.!#$%&'*+^`|~".chars() {
                let alias = spelt_with(name, byte);
                assert!(!is_folded(alias.as_bytes()) && is_alias(alias.as_bytes()), "{alias}");
            }
        }
        for name in ["x_own", "x.own", "trace_parent", "a_b", &spelt_with(&"x-own-".repeat(40), '.')] {
            assert!(!is_folded(name.as_bytes()) && !is_alias(name.as_bytes()), "{name}");
        }
        assert!(is_alias(format!("x_forwarded_{}", "a".repeat(100)).as_bytes()));
    }

    #[test]
    fn names_that_fold_alike() {
        for (one, other, expected) in [
            ("x-user", "x_user", true),
            ("x-user", "X.User", true),
            ("x-user", "x-user", true),
            ("x-user", "xuser", false),
            ("x-user", "x--user", false),
            ("x-user", "x-users", false),
        ] {
            assert_eq!(fold_alike(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }
}
