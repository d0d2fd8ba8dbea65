//! Has this request been here before? The mark of this process in CDN-Loop (RFC 8586), which nobody but us counts.
//!
//! It stands apart from Via, which many take for a reason to answer otherwise.

use super::message::RequestHead;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::forwarding::passage::times;
use std::sync::LazyLock;

/// Drawn once, so that two gateways in a row do not count each other's.
static MARK: LazyLock<String> = LazyLock::new(|| format!("pulsegate-{:016x}", fastrand::u64(..)));

/// What a request is marked with on its way on.
pub(super) fn mark() -> &'static str {
    &MARK
}

/// Has it come back more often than `limit` allows?
pub(super) fn is_loop(head: &RequestHead, limit: u32) -> bool {
    head.has("cdn-loop") && times(head.lines("cdn-loop"), &MARK) > limit as usize
}
