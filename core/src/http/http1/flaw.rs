//! Why is a backend's answer refused?

use std::fmt;

/// What is not HTTP/1.1, or more of it than we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    Head,
    /// It is larger than its upstream allows (`limits.response_head_bytes`): no fault against HTTP.
    HeadTooLarge,
    Body,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the head of the backend's answer does not follow HTTP/1.1",
            Self::HeadTooLarge => {
                "the head of the backend's answer is larger than limits.response_head_bytes of its upstream, or has more than 256 fields"
            }
            Self::Body => "the chunks of the backend's answer do not follow HTTP/1.1 (RFC 9112 §7.1)",
        })
    }
}

impl std::error::Error for Malformed {}
