//! By which name does a request go, with its backend, its client and in the logs? By the one that its client gave it, or by one of ours.

use pulsegate_core::base::hex::{Hex, of_trace};
use std::ops::Deref;

/// The name of one request. One of ours lies in it: to give it asks for no memory.
#[derive(Clone, Debug)]
pub enum RequestId {
    Ours(Hex<32>),
    Theirs(Box<str>),
}

impl RequestId {
    /// 128 random bits of this thread's generator, as hexadecimal digits.
    pub fn new() -> Self {
        Self::Ours(of_trace(fastrand::u128(..)))
    }

    /// As it stands in a head.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ours(digits) => digits.bytes(),
            Self::Theirs(name) => name.as_bytes(),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Ours(digits) => digits.text(),
            Self::Theirs(name) => name,
        }
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&str> for RequestId {
    fn from(name: &str) -> Self {
        Self::Theirs(name.into())
    }
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_have_32_digits_and_differ_and_theirs_stay_as_they_are() {
        let (one, other) = (RequestId::new(), RequestId::new());
        for ours in [&one, &other] {
            assert_eq!(ours.len(), 32, "{ours:?}");
            assert_eq!(ours.as_bytes(), ours.as_str().as_bytes());
            assert!(ours.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)), "{ours:?}");
        }
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(RequestId::from("r-1.7_a").as_str(), "r-1.7_a");
    }
}
