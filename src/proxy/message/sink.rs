//! Where are the fields of a head written to? The bytes of HTTP/1, or the map that HTTP/2 sends.

use super::HeadField;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use pulsegate_core::http::http1::write::{self, Copier};

pub trait Sink {
    /// A field of ours.
    fn put(&mut self, name: &str, value: &[u8]);

    /// Fields of one head that travel as they came.
    fn copy<'h>(&mut self, fields: impl Iterator<Item = HeadField<'h>>);
}

impl Sink for Vec<u8> {
    #[inline(always)]
    fn put(&mut self, name: &str, value: &[u8]) {
        write::field(self, name.as_bytes(), value);
    }

    /// In the letter case in which they came.
    fn copy<'h>(&mut self, fields: impl Iterator<Item = HeadField<'h>>) {
        let mut copier = Copier::default();
        fields.for_each(|field| match field {
            HeadField::Written(written) => copier.field(self, written),
            HeadField::Mapped(name, value) => write::field(self, name.as_str().as_bytes(), value.as_bytes()),
        });
        copier.flush(self);
    }
}

/// What has no form in HTTP/2 is left out.
impl Sink for HeaderMap {
    fn put(&mut self, name: &str, value: &[u8]) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            self.append(name, value);
        }
    }

    fn copy<'h>(&mut self, fields: impl Iterator<Item = HeadField<'h>>) {
        fields.for_each(|field| match field {
            HeadField::Mapped(name, value) => drop(self.append(name.clone(), value.clone())),
            HeadField::Written(written) => {
                let name = HeaderName::from_bytes(written.name());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(written.value())) {
                    self.append(name, value);
                }
            }
        });
    }
}
