//! What is a webhook told? An event as one JSON document, with the names of the log line and the id that every other place shows.

use crate::telemetry::event::Line;
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;

/// One event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub event_id: u64,
    /// Unique over processes too: the same for every attempt, so that a receiver knows a second one for what it is.
    pub id: String,
    /// When it happened, Unix seconds.
    pub at: i64,
    pub body: Bytes,
}

#[derive(Serialize)]
struct Document<'a> {
    event_id: u64,
    at: &'a str,
    event: &'a str,
    level: String,
    message: &'a str,
    details: BTreeMap<&'a str, &'a str>,
}

impl Notice {
    /// `date`: RFC 3339; `process`: what tells this process from others.
    pub fn new(event_id: u64, line: &Line, (date, at): (&str, i64), process: u64) -> Self {
        let document = Document {
            event_id,
            at: date,
            event: line.name,
            level: line.level.as_str().to_ascii_lowercase(),
            message: &line.message,
            details: line.fields.iter().map(|(key, value)| (*key, value.as_str())).collect(),
        };
        // Plain text without maps of our own making: writing it cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        Self { event_id, id: format!("pulsegate-{process:x}-{event_id}"), at, body: body.into() }
    }
}
