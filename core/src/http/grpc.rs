//! What does gRPC say, and how does one say it? Deadlines, statuses and messages, on plain values.
//!
//! Sources: the gRPC over HTTP/2 protocol document, its HTTP-to-status table, and the statuses' documentation.

use crate::http::problem::Problem;
use std::time::Duration;

/// The field that carries the status, in trailers or in a head without a body.
pub const STATUS: &str = "grpc-status";
pub const MESSAGE: &str = "grpc-message";
pub const TIMEOUT: &str = "grpc-timeout";
/// How long a caller should wait before it tries again, in milliseconds.
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";
pub const CONTENT_TYPE: &str = "application/grpc";

pub const CANCELLED: u16 = 1;
pub const UNKNOWN: u16 = 2;
pub const DEADLINE_EXCEEDED: u16 = 4;
pub const NOT_FOUND: u16 = 5;
pub const PERMISSION_DENIED: u16 = 7;
pub const RESOURCE_EXHAUSTED: u16 = 8;
pub const UNIMPLEMENTED: u16 = 12;
pub const INTERNAL: u16 = 13;
/// What a caller is told when the service broke off.
pub const UNAVAILABLE: u16 = 14;
pub const UNAUTHENTICATED: u16 = 16;

/// Is a request with this content type a gRPC call? `application/grpc`, with a suffix (`+proto`) or without; not gRPC-Web.
pub fn is_call(content_type: impl AsRef<[u8]>) -> bool {
    let rest = content_type.as_ref().strip_prefix(CONTENT_TYPE.as_bytes());
    rest.is_some_and(|rest| matches!(rest, [] | [b'+' | b';' | b' ', ..]))
}

/// The caller's deadline: at most eight digits and a unit. `None` where it is none.
pub fn timeout(value: &str) -> Option<Duration> {
    let unit = value.chars().last()?;
    let digits = value.strip_suffix(unit)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let amount: u64 = fits.then(|| digits.parse().ok())??;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Does this status say something about the backend, or about the call? The caller's own mistakes do not count.
pub const fn blames_the_backend(status: u16) -> bool {
    matches!(status, UNKNOWN | DEADLINE_EXCEEDED | INTERNAL | UNAVAILABLE)
}

/// The class of HTTP's statuses in which a call counts that ended so: 2, 4 for what its caller may mend, 5 for everything else.
pub const fn class(status: u16) -> u16 {
    match status {
        0 => 2,
        1 | 3 | 5..=12 | 16 => 4,
        _ => 5,
    }
}

/// The status by which a caller is told of an answer of our own.
pub const fn status_of(problem: Problem) -> u16 {
    match problem {
        Problem::TotalTimeout | Problem::DeadlineExceeded => DEADLINE_EXCEEDED,
        Problem::NoRoute | Problem::MethodNotAllowed | Problem::UpgradeRefused => UNIMPLEMENTED,
        Problem::IpDenied => PERMISSION_DENIED,
        Problem::RateLimited | Problem::BodyTooLarge | Problem::HeadTooLarge | Problem::TargetTooLong => {
            RESOURCE_EXHAUSTED
        }
        Problem::RequestTimeout => CANCELLED,
        Problem::BackendFailed
        | Problem::NoneEligible
        | Problem::NotCheckedYet
        | Problem::Overloaded
        | Problem::BackendTimeout => UNAVAILABLE,
        Problem::MalformedRequest
        | Problem::BadHost
        | Problem::AmbiguousLength
        | Problem::BadPath
        | Problem::ExpectationFailed
        | Problem::VersionNotSupported
        | Problem::BadBackendAnswer
        | Problem::ResponseHeadTooLarge
        | Problem::LoopDetected
        | Problem::Internal => INTERNAL,
    }
}

/// A message as the field carries it: percent-encoded, but for printable ASCII.
pub fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The message that such a field carries; what is no encoding stands as it is.
pub fn text(message: &str) -> String {
    let mut out = Vec::with_capacity(message.len());
    let mut rest = message.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let decoded = after.first_chunk::<2>().filter(|_| *byte == b'%').and_then(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(*high)? << 4 | digit(*low)?) as u8)
        });
        out.push(decoded.unwrap_or(*byte));
        rest = after.get(if decoded.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The name of a status; `None` where there is no such.
pub fn status_name(status: u16) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(usize::from(status)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_by_its_content_type() {
        for (content_type, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_call(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn deadlines() {
        for (value, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("10S", Some(Duration::from_secs(10))),
            ("100m", Some(Duration::from_millis(100))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("1n", Some(Duration::from_nanos(1))),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("1", None),
            ("-1S", None),
            ("1 S", None),
            ("1é", None),
        ] {
            assert_eq!(timeout(value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_statuses_that_count() {
        let counted: Vec<u16> = (0..=20).filter(|status| blames_the_backend(*status)).collect();
        assert_eq!(counted, [2, 4, 13, 14], "UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE");
    }

    #[test]
    fn each_status_counts_in_a_class() {
        let in_class = |wanted| (0..=17).filter(|status| class(*status) == wanted).collect::<Vec<u16>>();
        assert_eq!(in_class(2), [0]);
        assert_eq!(in_class(4), [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 16]);
        assert_eq!(in_class(5), [2, 4, 13, 14, 15, 17], "one that nobody knows is UNKNOWN");
    }

    #[test]
    fn messages_travel_in_printable_ascii() {
        assert_eq!(message("50% of é\n"), "50%25 of %C3%A9%0A");
        for (message, expected) in
            [("50%25 of %C3%A9%0a", "50% of é\n"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("%ff", "\u{fffd}"), ("", "")]
        {
            assert_eq!(text(message), expected, "{message}");
        }
    }
}
