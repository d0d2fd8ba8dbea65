//! What is one field, whichever version of HTTP carried it?

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use pulsegate_core::http::fields::Field;
use pulsegate_core::http::http1::spans::{self, View};

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

/// What carries the fields of a head.
#[derive(Clone, Copy)]
pub(super) enum Carrier<'h> {
    Written(View<'h>),
    Mapped(&'h HeaderMap),
}

impl<'h> Carrier<'h> {
    pub(super) fn fields(self) -> impl Iterator<Item = HeadField<'h>> {
        match self {
            Self::Written(view) => Either::One(view.fields().map(HeadField::Written)),
            Self::Mapped(map) => Either::Other(map.iter().map(|(name, value)| HeadField::Mapped(name, value))),
        }
    }

    pub(super) fn lines<'n>(self, name: &'n str) -> impl DoubleEndedIterator<Item = &'h [u8]> + use<'h, 'n> {
        match self {
            Self::Written(view) => Either::One(view.lines(name)),
            Self::Mapped(map) => Either::Other(map.get_all(name).iter().map(HeaderValue::as_bytes)),
        }
    }

    pub(super) fn first(self, name: &str) -> Option<&'h [u8]> {
        match self {
            Self::Written(view) => view.first(name),
            Self::Mapped(map) => map.get(name).map(HeaderValue::as_bytes),
        }
    }

    pub(super) fn has(self, name: &str) -> bool {
        match self {
            Self::Written(view) => view.has(name),
            Self::Mapped(map) => map.contains_key(name),
        }
    }
}

/// One of two iterators of the same things.
enum Either<A, B> {
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

    /// Which of the two it is, is asked once.
    fn fold<C, F: FnMut(C, T) -> C>(self, init: C, fold: F) -> C {
        match self {
            Self::One(one) => one.fold(init, fold),
            Self::Other(other) => other.fold(init, fold),
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
