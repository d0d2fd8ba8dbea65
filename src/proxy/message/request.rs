//! What does a request's head say? Its line and its fields, where they lie.

use super::fields::{Carrier, HeadField};
use super::kept::Kept;
use super::places::Places;
use crate::telemetry::Headers;
use http::request::Parts;
use http::{Method, Version};
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::http1::request as http1;

/// The head of a request, its target in origin-form.
#[derive(Clone, Debug)]
pub enum RequestHead {
    /// As HTTP/1 wrote it.
    Written(Written),
    /// As HTTP/2 has it, in the one form that both share.
    Mapped(Box<Parts>),
}

#[derive(Clone, Debug)]
pub struct Written {
    bytes: Kept,
    spans: Places,
    read: http1::RequestHead,
}

impl Written {
    /// The upgrade that it asks for, if it is one that may be passed on.
    pub fn upgrade(&self) -> Option<&str> {
        self.read.upgrade.map(|upgrade| upgrade.text(&self.bytes))
    }
}

impl RequestHead {
    fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Written(head) => Carrier::Written(head.spans.over(&head.bytes)),
            Self::Mapped(parts) => Carrier::Mapped(&parts.headers),
        }
    }

    /// `read` and `spans` are of these bytes, which are copied.
    pub fn written(bytes: &[u8], spans: Places, read: http1::RequestHead) -> Self {
        Self::Written(Written { bytes: Kept::of(bytes), spans, read })
    }

    /// What HTTP/1's reader found in it.
    pub fn read(&self) -> Option<&http1::RequestHead> {
        match self {
            Self::Written(head) => Some(&head.read),
            Self::Mapped(_) => None,
        }
    }

    pub fn method(&self) -> &str {
        match self {
            Self::Written(head) => text_of(head.read.method.of(&head.bytes)),
            Self::Mapped(parts) => parts.method.as_str(),
        }
    }

    /// What it says in Host; the front has made sure that it is one host. Empty where an HTTP/1.0 client sent none.
    pub fn host(&self) -> &[u8] {
        match self {
            Self::Written(head) => head.read.host.map(|host| host.of(&head.bytes)),
            Self::Mapped(_) => self.first("host"),
        }
        .unwrap_or_default()
    }

    /// Path and query, this one with its `?`.
    pub fn target(&self) -> (&str, &str) {
        match self {
            Self::Written(head) => (head.read.path.text(&head.bytes), head.read.query.text(&head.bytes)),
            Self::Mapped(parts) => {
                let whole = parts.uri.path_and_query().map_or("", |target| target.as_str());
                whole.find('?').map_or((whole, ""), |at| whole.split_at(at))
            }
        }
    }

    pub fn version(&self) -> Version {
        match self {
            Self::Written(head) if head.read.http10 => Version::HTTP_10,
            Self::Written(_) => Version::HTTP_11,
            Self::Mapped(parts) => parts.version,
        }
    }

    pub fn is_http10(&self) -> bool {
        self.version() == Version::HTTP_10
    }

    pub fn is_head(&self) -> bool {
        match self {
            Self::Written(head) => head.read.method.of(&head.bytes) == b"HEAD",
            Self::Mapped(parts) => parts.method == Method::HEAD,
        }
    }

    /// The value of a field that stands there once, if it is text.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// A method as text; of those that nearly all ask with, it is at hand.
fn text_of(method: &[u8]) -> &str {
    match method {
        b"GET" => "GET",
        b"POST" => "POST",
        b"HEAD" => "HEAD",
        b"PUT" => "PUT",
        other => std::str::from_utf8(other).unwrap_or_default(),
    }
}

impl Headers for RequestHead {
    fn line(&self, name: &str, number: usize) -> Option<&[u8]> {
        self.lines(name).nth(number)
    }
}

impl Fields for RequestHead {
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
