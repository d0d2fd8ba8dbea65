//! Which trailers travel? The rules of header fields hold for them, and some have no business there at all (RFC 9110 §6.5.1): what
//! frames, routes, authenticates, or says how to read a message is known before its end or never.

use crate::http::forwarding::names::Meaning;
use crate::http::forwarding::{Rules, is_alias_of, response_header_travels};

/// Does a trailer (lower-case name) travel to the backend? Who asks, and what else we say in heads, is never said in trailers. `edited`: the
/// names that the route itself changes.
pub fn request_trailer_travels<'n>(name: &str, rules: &Rules<'_>, edited: impl Iterator<Item = &'n str>) -> bool {
    let bytes = name.as_bytes();
    belongs_in_trailers(name) && !is_alias_of(bytes, edited) && rules.carries(bytes) == Some(Meaning::Plain)
}

/// Does a trailer (lower-case name) travel to the client?
pub fn response_trailer_travels(name: &str) -> bool {
    belongs_in_trailers(name) && response_header_travels(name.as_bytes())
}

fn belongs_in_trailers(name: &str) -> bool {
    !matches!(
        name,
        "host"
            | "content-length"
            | "content-encoding"
            | "content-type"
            | "content-range"
            | "transfer-encoding"
            | "cache-control"
            | "pragma"
            | "range"
            | "max-forwards"
            | "authorization"
            | "www-authenticate"
            | "cookie"
            | "set-cookie"
            | "age"
            | "date"
            | "expires"
            | "location"
            | "retry-after"
            | "vary"
            | "via"
            | "x-request-id"
            | "traceparent"
            | "tracestate"
    ) && !name.starts_with("if-")
        && !name.starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_that_travel() {
        let rules = Rules { trusted: true, underscores: false, certificates: false, pass: &[] };
        let lenient = Rules { underscores: true, ..rules };
        let travels = |name, rules| request_trailer_travels(name, rules, ["x-edited"].into_iter());
        for (name, to_backend, to_client) in [
            ("grpc-status", true, true),
            ("grpc-message", true, true),
            ("grpc-status-details-bin", true, true),
            ("x-checksum", true, true),
            ("server-timing", true, true),
            ("content-length", false, false),
            ("transfer-encoding", false, false),
            ("te", false, false),
            ("trailer", false, false),
            ("connection", false, false),
            ("host", false, false),
            ("authorization", false, false),
            ("set-cookie", false, false),
            ("if-match", false, false),
            ("x-forwarded-for", false, true),
            ("x-real-ip", false, true),
            ("x_own", false, true),
            ("x_forwarded_for", false, true),
            ("x-request-id", false, false),
        ] {
            assert_eq!(travels(name, &rules), to_backend, "{name}");
            assert_eq!(response_trailer_travels(name), to_client, "{name}");
        }
        assert!(travels("x_own", &lenient));
        assert!(!travels("x_forwarded_for", &lenient));
        assert!(!travels("x_edited", &lenient), "an alias of what the route sets");
    }
}
