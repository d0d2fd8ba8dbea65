//! Where are the fields of a head written to? The bytes of HTTP/1, or the map that HTTP/2 sends.

use super::HeadField;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use pulsegate_core::http::http1::write;

pub trait Sink {
    /// A field of ours.
    fn put(&mut self, name: &str, value: &[u8]);

    /// A field that travels as it came.
    fn copy(&mut self, field: HeadField<'_>);
}

impl Sink for Vec<u8> {
    fn put(&mut self, name: &str, value: &[u8]) {
        write::field(self, name.as_bytes(), value);
    }

    /// In the letter case in which it came.
    fn copy(&mut self, field: HeadField<'_>) {
        match field {
            HeadField::Written(written) => write::field(self, written.written_name(), written.value()),
            HeadField::Mapped(name, value) => write::field(self, name.as_str().as_bytes(), value.as_bytes()),
        }
    }
}

/// What has no form in HTTP/2 is left out.
impl Sink for HeaderMap {
    fn put(&mut self, name: &str, value: &[u8]) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            self.append(name, value);
        }
    }

    fn copy(&mut self, field: HeadField<'_>) {
        match field {
            HeadField::Mapped(name, value) => drop(self.append(name.clone(), value.clone())),
            HeadField::Written(written) => {
                let name = HeaderName::from_bytes(written.name());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(written.value())) {
                    self.append(name, value);
                }
            }
        }
    }
}
