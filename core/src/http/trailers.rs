//! Which trailers travel, and how large may fields be together? The rules of header fields hold for them, and some have no business there at
//! all (RFC 9110 §6.5.1): what frames, routes, authenticates, or says how to read a message is known before its end or never.

use crate::http::forwarding::{request_header_travels, response_header_travels};

/// Does a trailer (lower-case name) travel to the backend? Who asks is never said in trailers.
pub fn request_trailer_travels(name: &str, underscores: bool) -> bool {
    belongs_in_trailers(name) && request_header_travels(name, false, underscores)
}

/// Does a trailer (lower-case name) travel to the client?
pub fn response_trailer_travels(name: &str) -> bool {
    belongs_in_trailers(name) && response_header_travels(name)
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

/// The size of fields as HTTP/2 counts it (RFC 9113 §6.5.2): 32 bytes beside each name and value.
pub fn size_of_fields<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> usize {
    fields.map(|(name, value)| name.len() + value.len() + 32).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_that_travel() {
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
            assert_eq!(request_trailer_travels(name, false), to_backend, "{name}");
            assert_eq!(response_trailer_travels(name), to_client, "{name}");
        }
        assert!(request_trailer_travels("x_own", true));
        assert!(!request_trailer_travels("x_forwarded_for", true));
    }

    #[test]
    fn fields_are_counted_as_http2_counts_them() {
        assert_eq!(size_of_fields([("a", &b"bc"[..]), ("de", b"")].into_iter()), 35 + 34);
    }
}
