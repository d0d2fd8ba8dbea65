//! Is this a header? Its name in lower case, its value as it will be sent.

use crate::config::files::{Findings, Place};

/// Checks a header; its name in lower case.
pub(super) fn header(name: &str, value: &str, place: &Place, findings: &mut Findings) -> (String, String) {
    if http::HeaderValue::from_str(value).is_err() {
        findings.error(&place.at(name), format!("the value {value:?}"), "visible ASCII");
    }
    (header_name(name, place, findings), value.to_owned())
}

pub(super) fn header_name(name: &str, place: &Place, findings: &mut Findings) -> String {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        findings.error(place, format!("the header name {name:?}"), "letters, digits and -");
    }
    name.to_ascii_lowercase()
}
