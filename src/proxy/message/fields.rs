//! What is one field, whichever version of HTTP carried it?

use http::header::{HeaderName, HeaderValue};
use pulsegate_core::http::fields::Field;
use pulsegate_core::http::http1::spans;

/// One line of a head.
#[derive(Clone, Copy, Debug)]
pub enum HeadField<'h> {
    /// As HTTP/1 wrote it.
    Written(spans::Field<'h>),
    Mapped(&'h HeaderName, &'h HeaderValue),
}

impl Field for HeadField<'_> {
    fn name(&self) -> &[u8] {
        match self {
            Self::Written(line) => line.name(),
            Self::Mapped(name, _) => name.as_str().as_bytes(),
        }
    }

    fn value(&self) -> &[u8] {
        match self {
            Self::Written(line) => line.value(),
            Self::Mapped(_, value) => value.as_bytes(),
        }
    }
}

/// One of two iterators of the same things.
pub(super) enum Either<A, B> {
    One(A),
    Other(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::One(one) => one.next(),
            Self::Other(other) => other.next(),
        }
    }
}

impl<T, A: DoubleEndedIterator<Item = T>, B: DoubleEndedIterator<Item = T>> DoubleEndedIterator for Either<A, B> {
    fn next_back(&mut self) -> Option<T> {
        match self {
            Self::One(one) => one.next_back(),
            Self::Other(other) => other.next_back(),
        }
    }
}
