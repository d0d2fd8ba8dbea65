//! What is kept of an answer, whatever version of HTTP it came in? Its head, and its body where that is read as a document.

use super::recognise::Recogniser;
use ::http::header::{CONTENT_TYPE, LOCATION};
use ::http::{HeaderMap, StatusCode};
use pulsegate_core::health::reading::{HttpAnswer, ReadingResult};
use pulsegate_core::plan::HttpCheck;

/// A Location beyond this many characters is cut: it is shown to people.
const LOCATION_CAP: usize = 300;

/// The body as far as it has come.
#[derive(Debug)]
pub(super) struct Body {
    kept: Vec<u8>,
    length: usize,
    cap: usize,
}

impl Body {
    pub(super) fn new(check: &HttpCheck) -> Self {
        Self { kept: Vec::new(), length: 0, cap: check.body_bytes }
    }

    /// False when the cap is passed: then nothing more is wanted.
    pub(super) fn take(&mut self, data: &[u8]) -> bool {
        self.length = self.length.saturating_add(data.len());
        if self.length > self.cap {
            return false;
        }
        self.kept.extend_from_slice(data);
        true
    }
}

/// What was answered.
pub(super) fn answer(
    check: &HttpCheck,
    (status, headers): (StatusCode, &HeaderMap),
    body: Body,
    recogniser: &Recogniser<'_>,
) -> ReadingResult {
    if body.length > body.cap {
        return ReadingResult::BodyTooLarge { status: status.as_u16(), cap: body.cap };
    }
    let content_type = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let document = check
        .document
        .as_ref()
        .map(|rules| Box::new(pulsegate_document::read(&body.kept, content_type.as_deref(), rules)));
    ReadingResult::Http(HttpAnswer {
        status: status.as_u16(),
        location: location(status, headers),
        document,
        sighting: recogniser.of(headers, &body.kept),
    })
}

fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(LOCATION).filter(|_| status.is_redirection())?;
    Some(String::from_utf8_lossy(value.as_bytes()).chars().take(LOCATION_CAP).collect())
}
