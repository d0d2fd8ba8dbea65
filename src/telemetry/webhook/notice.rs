//! What is a receiver sent? A JSON document, or a mail; an event by itself is one JSON document, with the names of the log line and the id
//! that every other place shows.

use crate::telemetry::event::Line;
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;

/// One message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Unique over processes too, and the same for every attempt: a receiver knows a second one for what it is.
    pub event_id: String,
    /// When it happened, Unix seconds.
    pub at: i64,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Json(Bytes),
    Mail(Mail),
}

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    pub text: String,
    /// What stands before the `@` of its id.
    pub id: String,
    /// The same of the first mail of its thread; `None`: this is the first.
    pub thread: Option<String>,
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
        let body = json(&document);
        Self { event_id, at, content: Content::Json(body) }
    }
}

/// For plain data without maps of our own making: writing it cannot fail.
pub(in crate::telemetry) fn json(document: &impl Serialize) -> Bytes {
    serde_json::to_vec(document).unwrap_or_default().into()
}
