//! Which interim answers (1xx) does a client get, and what of them?
//!
//! They are end to end (RFC 9110 §15.2), but for three: a 100 is for whoever asked for it, a 101 is no interim one, and HTTP/1.0 knows of none. They
//! have no body, so that nothing in them may speak of one (§8.6, RFC 9112 §6.1).

use crate::http::forwarding::response_header_travels;

/// Does an interim answer of this status reach a client?
pub const fn interim_travels(status: u16, to_http10: bool) -> bool {
    matches!(status, 102..=199) && !to_http10
}

/// Does this field (lower-case name) of one?
pub fn interim_field_travels(name: &[u8]) -> bool {
    response_header_travels(name) && name != b"content-length"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels() {
        for (status, travels) in [(100, false), (101, false), (102, true), (103, true), (104, true), (200, false)] {
            assert_eq!(interim_travels(status, false), travels, "{status}");
            assert!(!interim_travels(status, true), "{status}");
        }
        for (name, travels) in [
            ("link", true),
            ("upload-offset", true),
            ("content-length", false),
            ("transfer-encoding", false),
            ("connection", false),
            ("upgrade", false),
        ] {
            assert_eq!(interim_field_travels(name.as_bytes()), travels, "{name}");
        }
    }
}
