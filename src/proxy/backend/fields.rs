//! How large may the fields of an HTTP/2 answer be, head or trailers? As large as a head of HTTP/1, and what is larger is no answer.
//!
//! h2 leaves out of trailers what exceeds its own limit, and says nothing of it. So its limit lies far beyond ours, and ours is
//! counted here: what arrives is whole, or it is refused.

use http::{HeaderMap, HeaderName};
use pulsegate_core::http::trailers::size_of_fields;

/// A backend's response head, decoded, bytes; its trailers too.
const AT_MOST: usize = 32 * 1024;
/// What h2 decodes of one block of fields.
pub(super) const DECODED_AT_MOST: u32 = 1024 * 1024;

/// More than is accepted.
pub(super) fn are_too_large(fields: &HeaderMap) -> bool {
    size_of_fields(fields.iter().map(|(name, value)| (HeaderName::as_str(name), value.as_bytes()))) > AT_MOST
}
