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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::message::{AnswerHead, Places};
    use bytes::Bytes;
    use pulsegate_core::http::fields::{Field, Fields};
    use pulsegate_core::http::http1::answer;

    #[test]
    fn fields_go_on_as_they_came_whatever_is_left_out_between_them() {
        let text = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-TWO: 2\r\nX-Out: o\r\nX-Three:3 \r\nX-Four: \xe4\r\n\r\n";
        let mut spans = Places::default();
        let read = answer::parse(text, false, &mut spans).unwrap();
        let head = AnswerHead::written(Bytes::from_static(text), spans, read);
        let travels = |field: &HeadField<'_>| field.name() != b"x-out";
        let (mut bytes, mut map) = (b"A: b\r\n".to_vec(), HeaderMap::new());
        bytes.copy(head.fields().filter(travels));
        bytes.put("Z", b"");
        map.copy(head.fields().filter(travels));
        map.put("Z", b"");
        let written = bytes.escape_ascii().to_string();
        assert_eq!(written, r"A: b\r\nX-One: 1\r\nx-TWO: 2\r\nX-Three: 3\r\nX-Four: \xe4\r\nZ: \r\n");
        let names: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-one", "x-two", "x-three", "x-four", "z"]);
        let mut again = Vec::new();
        let mapped = map.iter().map(|(name, value)| HeadField::Mapped(name, value));
        again.copy(mapped);
        assert_eq!(again.escape_ascii().to_string(), written.to_ascii_lowercase().replacen(r"a: b\r\n", "", 1));
    }
}
