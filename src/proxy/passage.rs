//! Has this request been here before? The mark of this process in CDN-Loop (RFC 8586), which nobody but us counts.
//!
//! It stands apart from Via, which many take for a reason to answer otherwise.

use super::heads;
use http::{HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pulsegate_core::http::forwarding::passage::times;
use std::sync::LazyLock;

static CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Drawn once, so that two gateways in a row do not count each other's.
static MARK: LazyLock<(String, HeaderValue)> = LazyLock::new(|| {
    let mark = format!("pulsegate-{:016x}", fastrand::u64(..));
    let value = HeaderValue::from_str(&mark).unwrap_or(HeaderValue::from_static("pulsegate"));
    (mark, value)
});

/// What a request is marked with on its way on.
pub(super) fn mark() -> HeaderValue {
    MARK.1.clone()
}

/// Has it come back more often than `limit` allows?
pub(super) fn is_loop(head: &RequestHeader, limit: u32) -> bool {
    let has_passed = head.headers.contains_key(&CDN_LOOP);
    has_passed && times(heads::lines(&head.headers, &CDN_LOOP), &MARK.0) > limit as usize
}
