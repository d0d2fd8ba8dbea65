//! What does Pulsegate answer by itself? The catalogue: status, stable reason code, one sentence, and the document (RFC 9457).
//!
//! No answer names an address or anything internal: clients may be anybody. The reason code is the contract; titles and
//! details are for people and may change.

use crate::base::rng::Rng;
use crate::base::time::Timestamp;

/// One kind of answer of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    MalformedRequest,
    BadHost,
    AmbiguousLength,
    BadPath,
    IpDenied,
    NoRoute,
    MethodNotAllowed,
    RequestTimeout,
    BodyTooLarge,
    TargetTooLong,
    RateLimited,
    ExpectationFailed,
    HeadTooLarge,
    VersionNotSupported,
    BackendFailed,
    BadBackendAnswer,
    ResponseHeadTooLarge,
    UpgradeRefused,
    NoneEligible,
    NotCheckedYet,
    Overloaded,
    BackendTimeout,
    TotalTimeout,
    DeadlineExceeded,
    LoopDetected,
    Internal,
}

impl Problem {
    /// Status, reason and title.
    const fn entry(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed_request", "Malformed request"),
            Self::BadHost => (400, "bad_host", "Bad Host"),
            Self::AmbiguousLength => (400, "ambiguous_length", "Ambiguous length"),
            Self::BadPath => (400, "bad_path", "Bad path"),
            Self::IpDenied => (403, "ip_denied", "Forbidden"),
            Self::NoRoute => (404, "no_route", "Not found"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "Method not allowed"),
            Self::RequestTimeout => (408, "request_timeout", "Request timeout"),
            Self::BodyTooLarge => (413, "body_too_large", "Body too large"),
            Self::TargetTooLong => (414, "target_too_long", "URI too long"),
            Self::ExpectationFailed => (417, "expectation_failed", "Expectation failed"),
            Self::RateLimited => (429, "rate_limited", "Too many requests"),
            Self::HeadTooLarge => (431, "head_too_large", "Head too large"),
            Self::VersionNotSupported => (505, "version_not_supported", "Version not supported"),
            Self::BackendFailed => (502, "backend_failed", "Bad gateway"),
            Self::BadBackendAnswer => (502, "bad_backend_answer", "Bad gateway"),
            Self::ResponseHeadTooLarge => (502, "response_head_bytes_exceeded", "Bad gateway"),
            Self::UpgradeRefused => (502, "upgrade_refused", "Bad gateway"),
            Self::NoneEligible => (503, "none_eligible", "Service unavailable"),
            Self::NotCheckedYet => (503, "not_checked_yet", "Service unavailable"),
            Self::Overloaded => (503, "overloaded", "Service unavailable"),
            Self::BackendTimeout => (504, "backend_timeout", "Gateway timeout"),
            Self::TotalTimeout => (504, "total_timeout", "Gateway timeout"),
            Self::DeadlineExceeded => (504, "deadline_exceeded", "Gateway timeout"),
            Self::LoopDetected => (508, "loop_detected", "Loop detected"),
            Self::Internal => (500, "internal", "Internal error"),
        }
    }

    pub const fn status(self) -> u16 {
        self.entry().0
    }

    /// The stable code for logs, metrics and clients.
    pub const fn reason(self) -> &'static str {
        self.entry().1
    }

    /// One sentence for people.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request does not follow HTTP/1.1.",
            Self::BadHost => "The Host header is missing, repeated or not a host name.",
            Self::AmbiguousLength => "The length of the request's body cannot be told for certain.",
            Self::BadPath => "The path holds escapes or dot segments that are not accepted.",
            Self::IpDenied => "Requests from this address are not accepted here.",
            Self::NoRoute => "No route matches this request.",
            Self::MethodNotAllowed => "This method is not served here.",
            Self::RequestTimeout => "The request did not arrive in time.",
            Self::BodyTooLarge => "The request's body is larger than accepted.",
            Self::TargetTooLong => "The request's target is longer than accepted.",
            Self::ExpectationFailed => "The only expectation that is met is 100-continue.",
            Self::RateLimited => "More requests came than are accepted in this time.",
            Self::HeadTooLarge => "The request's head is larger than accepted.",
            Self::VersionNotSupported => "This version of HTTP is not served here.",
            Self::BackendFailed => "The service could not be reached or broke off.",
            Self::BadBackendAnswer => "The service answered with something invalid.",
            Self::ResponseHeadTooLarge => {
                "The head of the service's answer is larger than accepted (limits.response_head_bytes)."
            }
            Self::UpgradeRefused => "The service does not switch to the protocol that was asked for.",
            Self::NoneEligible => "No instance of the service can take requests now.",
            Self::NotCheckedYet => "The service's instances are still being checked.",
            Self::Overloaded => "The service has as much to do as it may have.",
            Self::BackendTimeout => "The service did not answer in time.",
            Self::TotalTimeout => "The request took longer than accepted.",
            Self::DeadlineExceeded => "The time that the caller gave the request is over.",
            Self::LoopDetected => "The request came back to this gateway too often.",
            Self::Internal => "The gateway failed to handle this request.",
        }
    }
}

/// The problem document. `request_id` must be free of characters that JSON escapes; ours and accepted inbound ones are.
pub fn document(problem: Problem, request_id: &str) -> String {
    let ((status, reason, title), detail) = (problem.entry(), problem.detail());
    let id: String = request_id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect();
    format!(
        "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\",\
         \"reason\":\"{reason}\",\"request_id\":\"{id}\"}}\n"
    )
}

/// Whole seconds for Retry-After: until the earliest possible return (5 s where none is known), plus up to a fifth so that
/// clients do not come back together. At least 1, at most 300.
pub fn retry_after(earliest_return: Option<Timestamp>, now: Timestamp, random: u64) -> u64 {
    let wait = earliest_return.map_or(5.0, |at| at.since(now).as_secs_f64());
    let jittered = wait * (1.0 + 0.2 * Rng::new(random).unit());
    (jittered.ceil() as u64).clamp(1, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_json_with_the_five_members_and_the_id() {
        assert_eq!(
            document(Problem::NoRoute, "abc-1"),
            "{\"type\":\"about:blank\",\"title\":\"Not found\",\"status\":404,\"detail\":\"No route matches this request.\",\
             \"reason\":\"no_route\",\"request_id\":\"abc-1\"}\n"
        );
    }

    #[test]
    fn an_id_cannot_break_out_of_the_document() {
        assert!(document(Problem::NoRoute, "a\"b\\c\n").contains("\"request_id\":\"abc\""));
    }

    #[test]
    fn retry_after_is_whole_seconds_from_the_earliest_return() {
        let now = Timestamp::from_secs(100);
        for random in 0..100 {
            let seconds = retry_after(Some(Timestamp::from_secs(110)), now, random);
            assert!((10..=12).contains(&seconds), "{seconds}");
            assert_eq!(retry_after(Some(now), now, random), 1);
            assert_eq!(retry_after(Some(Timestamp::from_secs(9999)), now, random), 300);
        }
    }
}
