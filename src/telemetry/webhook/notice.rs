//! What is a webhook told? An event as one JSON document, with the names of the log line and the id that every other place shows.

use crate::telemetry::event::Line;
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;

/// One event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Unique over processes too, and the same for every attempt: a receiver knows a second one for what it is.
    pub event_id: String,
    /// When it happened, Unix seconds.
    pub at: i64,
    pub body: Bytes,
}

#[derive(Serialize)]
struct Document<'a> {
    event_id: &'a str,
    at: &'a str,
    event: &'a str,
    level: String,
    message: &'a str,
    details: BTreeMap<&'a str, &'a str>,
}

impl Notice {
    /// `date`: RFC 3339; `at`: Unix seconds.
    pub fn new(event_id: String, line: &Line, (date, at): (&str, i64)) -> Self {
        let fields = line.fields.iter().filter(|(key, _)| *key != "event_id");
        let document = Document {
            event_id: &event_id,
            at: date,
            event: line.name,
            level: line.level.as_str().to_ascii_lowercase(),
            message: &line.message,
            details: fields.map(|(key, value)| (*key, value.as_str())).collect(),
        };
        // Plain text without maps of our own making: writing it cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        Self { event_id, at, body: body.into() }
    }
}
