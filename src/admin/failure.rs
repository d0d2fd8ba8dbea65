//! What is a call told that came to nothing? A status, a sentence, and what could be asked for instead.

use super::view::{self, Problem};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pulsegate_core::board::Refused;

#[derive(Clone, Debug)]
pub struct Failure {
    status: StatusCode,
    title: &'static str,
    /// For the person who asked, and for the audit log.
    pub sentence: String,
    listed: Vec<String>,
}

impl Failure {
    pub fn new(status: StatusCode, title: &'static str, sentence: impl Into<String>) -> Self {
        Self { status, title, sentence: sentence.into(), listed: Vec::new() }
    }

    pub fn bad(sentence: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Order not understood", sentence)
    }

    pub fn leaving() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Leaving", "the process is leaving; nothing was changed")
    }

    /// The board's own words on why not.
    pub fn refused(refused: Refused, upstream: &str, backend: &str) -> Self {
        match refused {
            Refused::NoUpstream { known } => Self::new(
                StatusCode::NOT_FOUND,
                "No such upstream",
                format!(
                    "there is no upstream {upstream:?} in the configuration in force; known are the names listed here"
                ),
            )
            .listing(known.iter().map(ToString::to_string).collect()),
            Refused::NoBackend { known } => Self::new(
                StatusCode::NOT_FOUND,
                "No such backend",
                format!("{upstream} has no backend {backend:?} now; known are the addresses listed here"),
            )
            .listing(known.iter().map(ToString::to_string).collect()),
            Refused::AnotherOrder { order, by } => Self::new(
                StatusCode::CONFLICT,
                "Another order is in force",
                format!(
                    "{backend} is not drained: the order in force is {} by {by}; release takes back whatever is ordered",
                    order.word()
                ),
            ),
        }
    }

    /// With what could have been asked for, or every reason.
    pub fn listing(self, listed: Vec<String>) -> Self {
        Self { listed, ..self }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let known = (!self.listed.is_empty()).then(|| self.listed.iter().map(String::as_str).collect());
        let (title, status, detail) = (self.title, self.status.as_u16(), self.sentence.as_str());
        view::problem_with(&Problem { title, status, detail, known })
    }
}
