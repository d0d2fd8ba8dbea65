//! What does the head of a backend's answer say?

use super::fields::{Carrier, HeadField};
use super::places::Places;
use bytes::Bytes;
use http::response::Parts;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::http1::answer as http1;

/// The head of an answer, interim or final.
#[derive(Debug)]
pub enum AnswerHead {
    /// As HTTP/1 wrote it.
    Written(Written),
    /// As HTTP/2 has it. A tunnel that was opened is a 101 here.
    Mapped(Box<Parts>),
}

#[derive(Debug)]
pub struct Written {
    bytes: Bytes,
    spans: Places,
    read: http1::AnswerHead,
}

impl AnswerHead {
    fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Written(head) => Carrier::Written(head.spans.over(&head.bytes)),
            Self::Mapped(parts) => Carrier::Mapped(&parts.headers),
        }
    }

    /// `read` and `spans` are of these bytes.
    pub fn written(bytes: Bytes, spans: Places, read: http1::AnswerHead) -> Self {
        Self::Written(Written { bytes, spans, read })
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Written(head) => head.read.status,
            Self::Mapped(parts) => parts.status.as_u16(),
        }
    }

    pub fn is_http10(&self) -> bool {
        match self {
            Self::Written(head) => head.read.http10,
            Self::Mapped(_) => false,
        }
    }

    /// Its reason phrase; HTTP/2 has none.
    pub fn reason(&self) -> Option<&[u8]> {
        match self {
            Self::Written(head) => Some(head.read.reason.of(&head.bytes)),
            Self::Mapped(_) => None,
        }
    }

    /// What it says of its length, once even where it says it twice.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Written(head) => head.read.length,
            Self::Mapped(_) => std::str::from_utf8(self.first("content-length")?).ok()?.parse().ok(),
        }
    }
}

impl Fields for AnswerHead {
    type Field<'h> = HeadField<'h>;

    fn fields(&self) -> impl Iterator<Item = HeadField<'_>> {
        self.carrier().fields()
    }

    fn lines<'h>(&'h self, name: &str) -> impl DoubleEndedIterator<Item = &'h [u8]> {
        self.carrier().lines(name)
    }

    fn first<'h>(&'h self, name: &str) -> Option<&'h [u8]> {
        self.carrier().first(name)
    }

    fn has(&self, name: &str) -> bool {
        self.carrier().has(name)
    }
}
