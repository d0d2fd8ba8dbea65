//! For whom is an interim answer (1xx) of a backend, and who answers a client that expects a 100?
//!
//! Interim answers are end to end (RFC 9110 §15.2): the client's, and no beginning of the answer. A 100 belongs to whoever asked for it, and is
//! said once. The expectation of a client is put to the backend, which alone knows whether it wants the body (§10.1.1); where no answer comes for a while, we
//! say the 100 ourselves, since a backend that knows nothing of expectations waits for the body.

use crate::base::time::Timestamp;
use std::time::Duration;

/// Interim answers of one attempt. A few are usual; more is somebody who wants to be parsed for ever.
const AT_MOST: u32 = 32;

/// What becomes of an interim answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interim {
    /// It is passed on, where the client's version of HTTP knows of it; nothing else changes.
    PassOn,
    /// The 100 that the client waits for.
    GoAhead,
    /// Nobody waits for this 100, or not any more.
    Drop,
}

/// Who says the 100 that a client waits for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nobody: it expects none, has been told, or sends its body already.
    Nobody,
    /// The backend of this attempt is asked.
    Backend,
    /// We do, at once: a backend of HTTP/1.0 knows of none.
    Us,
}

/// What is known of an expectation when an attempt begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// The client expects exactly a 100, by HTTP/1.1 or later, before it sends the body that there is.
    pub by_client: bool,
    /// It was told to go ahead, or has begun without.
    pub goes_ahead: bool,
    /// Its copy for a mirror: the body is here.
    pub is_copy: bool,
    /// The backend's last answer was HTTP/1.0.
    pub of_http10: bool,
}

impl Expectation {
    pub const fn of(expected: Expected) -> Self {
        match expected {
            Expected { by_client: false, .. } | Expected { goes_ahead: true, .. } | Expected { is_copy: true, .. } => {
                Self::Nobody
            }
            Expected { of_http10: true, .. } => Self::Us,
            _ => Self::Backend,
        }
    }
}

/// The interim answers of one attempt.
#[derive(Debug)]
pub struct Interims {
    seen: u32,
    /// How long a 100 is awaited.
    patience: Duration,
    /// When we say the 100 ourselves; never, where none is awaited.
    go_ahead_by: Timestamp,
    /// The backend was asked whether it wants the body, and has not said so.
    is_asked: bool,
}

impl Interims {
    pub(super) const fn none(patience: Duration) -> Self {
        Self { seen: 0, patience, go_ahead_by: Timestamp::NEVER, is_asked: false }
    }

    /// The backend is asked whether it wants the body: the client waits for a 100.
    pub fn await_go_ahead(&mut self, now: Timestamp) {
        (self.go_ahead_by, self.is_asked) = (now + self.patience, true);
    }

    /// The client was told to send its body, or does not wait for that.
    pub fn await_no_more(&mut self) {
        self.go_ahead_by = Timestamp::NEVER;
    }

    /// The backend was asked whether it wants the body, and has never said so: what it does with one, nobody can tell.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_asked
    }

    pub(super) fn go_ahead_by(&self) -> Timestamp {
        self.go_ahead_by
    }

    pub(super) fn is_go_ahead_awaited(&self) -> bool {
        self.go_ahead_by != Timestamp::NEVER
    }

    /// One more has come. `None`: they are too many.
    pub(super) fn take(&mut self, status: u16) -> Option<Interim> {
        self.seen += 1;
        self.is_asked &= status != 100;
        (self.seen <= AT_MOST).then_some(match status {
            100 if self.is_go_ahead_awaited() => Interim::GoAhead,
            100 => Interim::Drop,
            _ => Interim::PassOn,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_put_to_whom_it_concerns() {
        let expected = Expected { by_client: true, ..Expected::default() };
        for (expected, asked) in [
            (expected, Expectation::Backend),
            (Expected { of_http10: true, ..expected }, Expectation::Us),
            (Expected { by_client: false, ..expected }, Expectation::Nobody),
            (Expected { goes_ahead: true, ..expected }, Expectation::Nobody),
            (Expected { is_copy: true, ..expected }, Expectation::Nobody),
            (Expected { is_copy: true, of_http10: true, ..expected }, Expectation::Nobody),
        ] {
            assert_eq!(Expectation::of(expected), asked, "{expected:?}");
        }
    }

    #[test]
    fn each_interim_answer_has_its_reader() {
        let mut interims = Interims::none(Duration::from_secs(1));
        assert_eq!(interims.take(100), Some(Interim::Drop), "nobody asked for it");
        interims.await_go_ahead(Timestamp::from_secs(1));
        assert_eq!((interims.go_ahead_by(), interims.is_unanswered()), (Timestamp::from_secs(2), true));
        for status in [102, 103, 104, 199] {
            assert_eq!(interims.take(status), Some(Interim::PassOn), "{status}");
        }
        assert_eq!(interims.take(100), Some(Interim::GoAhead));
        interims.await_no_more();
        assert_eq!(interims.take(100), Some(Interim::Drop), "it comes late");
        assert!(!interims.is_unanswered());
    }

    #[test]
    fn they_are_not_too_many() {
        let mut interims = Interims::none(Duration::from_secs(1));
        assert!((0..AT_MOST).all(|_| interims.take(103).is_some()));
        assert_eq!(interims.take(103), None);
    }
}
