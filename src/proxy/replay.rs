//! Can the request body be sent again? Its first bytes are kept, up to a bound; beyond that it cannot.

use bytes::{Bytes, BytesMut};

/// What is kept of a body for a retry.
const KEPT: usize = 64 * 1024;

/// The beginning of a request body.
#[derive(Debug, Default)]
pub(super) struct Replay {
    kept: BytesMut,
    overflown: bool,
    /// The client has sent all of it.
    pub complete: bool,
}

impl Replay {
    pub(super) fn keep(&mut self, chunk: &Bytes) {
        if self.overflown {
            return;
        }
        self.overflown = self.kept.len() + chunk.len() > KEPT;
        if self.overflown {
            self.kept = BytesMut::new();
        } else {
            self.kept.extend_from_slice(chunk);
        }
    }

    /// The client has begun to send.
    pub(super) fn has_begun(&self) -> bool {
        self.complete || self.overflown || !self.kept.is_empty()
    }

    /// All that was read can be sent again.
    pub(super) fn possible(&self) -> bool {
        !self.overflown
    }

    /// Nothing is to be sent again.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn kept(&self) -> Bytes {
        Bytes::copy_from_slice(&self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_within_the_bound_is_kept_whole_and_a_larger_one_not_at_all() {
        let mut replay = Replay::default();
        replay.keep(&Bytes::from(vec![0; KEPT]));
        assert!(replay.possible());
        assert_eq!(replay.kept().len(), KEPT);
        replay.keep(&Bytes::from_static(b"x"));
        assert!(!replay.possible());
        assert!(replay.kept().is_empty());
    }
}
