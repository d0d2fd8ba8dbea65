//! What do the answers look like? Plain data in, documents out: reports and a moment become serialisable views.
//!
//! Every moment is given twice, as a date for people and in milliseconds from now for programs. Nothing here asks the board,
//! reads a clock or decides what a standing means.

pub mod document;
pub mod explain;
pub mod figures;
pub mod health;
mod history;
mod moment;
mod probes;
#[cfg(test)]
pub mod samples;
pub mod status;
pub mod traffic;
pub mod upstreams;

use crate::clock::Clock;
use crate::clock::when;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pulsegate_core::base::time::Timestamp;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// The moment of an answer, and how moments are shown.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: Timestamp,
    /// The date of [`Timestamp::ZERO`].
    pub origin: SystemTime,
    /// When the process started.
    pub started: Timestamp,
}

impl Now {
    pub fn of(clock: Clock) -> Self {
        Self { at: clock.now(), origin: clock.wall(Timestamp::ZERO), started: clock.started() }
    }

    /// RFC 3339. A moment that will not come is shown as the last date there is.
    pub fn date(&self, at: Timestamp) -> String {
        when::rfc3339(self.origin.checked_add(Duration::from_nanos(at.0)).unwrap_or(self.origin))
    }

    /// Milliseconds since 1970, for programs that count by themselves.
    pub fn unix_ms(&self, at: Timestamp) -> u64 {
        let date = self.origin.checked_add(Duration::from_nanos(at.0)).unwrap_or(self.origin);
        millis(date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    pub fn ms_since(&self, at: Timestamp) -> u64 {
        millis(self.at.since(at))
    }

    /// 0 when it is past.
    pub fn ms_until(&self, at: Timestamp) -> u64 {
        millis(at.since(self.at))
    }
}

pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A JSON answer, indented for people who ask with curl.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    with_type(status, "application/json", body)
}

/// A JSON answer on one line, where figures are many and programs read them.
pub fn compact(body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).unwrap_or_default();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

/// An RFC 9457 problem document without further members.
pub fn problem(status: StatusCode, title: &'static str, detail: &str) -> Response {
    problem_with(&Problem { status: status.as_u16(), title, detail, known: None })
}

/// An RFC 9457 problem document. Its `type` is the default, "about:blank".
#[derive(Clone, Debug, Serialize)]
pub struct Problem<'a> {
    pub title: &'static str,
    pub status: u16,
    /// A sentence for the person who asked.
    pub detail: &'a str,
    /// What could have been asked for instead, or every reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<Vec<&'a str>>,
}

pub fn no_such_upstream(name: &str, known: Vec<&str>) -> Response {
    problem_with(&Problem {
        title: "No such upstream",
        status: 404,
        detail: &format!(
            "there is no upstream {name:?} in the configuration in force; known are the names listed here"
        ),
        known: Some(known),
    })
}

pub fn problem_with(problem: &Problem<'_>) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_type(status, "application/problem+json", problem)
}

fn with_type(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response {
    let mut text = serde_json::to_string_pretty(body).unwrap_or_default();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
}
