//! What does an answer of our own look like? One maker for all of them, whoever writes them down: the exchange behind a route, or whoever refuses
//! a head that never became a request, on every version of HTTP.
//!
//! What stands here is what such an answer says of itself. `Date` and what belongs to the connection are for whoever writes it: those need a
//! clock, and the other side.
//!
//! Sources: RFC 9110 §8.6 (which answers have no length), §9.3.2 (HEAD), §15.5.6 (405 must say what is allowed), RFC 9457.

pub mod location;

use crate::http::grpc;
use crate::http::problem::{Problem, document};

/// What a 405, and an OPTIONS that ends here, say is allowed. Other methods pass too; these are those that everybody knows.
pub const ALLOWED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// An answer of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    status: u16,
    fields: Vec<(&'static str, String)>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Body(String),
    /// The status has none by its definition.
    None,
    /// A head that is also the trailers (RFC 9113 knows no other place without a body).
    TrailersOnly,
}

impl OwnAnswer {
    /// With what an operator wrote.
    pub fn written(status: u16, mut fields: Vec<(&'static str, String)>, body: String, request_id: &str) -> Self {
        let bodiless = matches!(status, 100..=199 | 204 | 205 | 304);
        if bodiless {
            // Of what kind a content is that is not there, nobody can say.
            fields.retain(|(name, _)| *name != "Content-Type");
        }
        let content = if bodiless { Content::None } else { Content::Body(body) };
        Self { status, fields, content }.identified(request_id)
    }

    /// Says that a request is refused. `is_call`: in gRPC's way. `retry_after`: whole seconds.
    pub fn to(problem: Problem, is_call: bool, request_id: &str, retry_after: Option<u64>) -> Self {
        if is_call { Self::grpc(problem, request_id) } else { Self::problem(problem, request_id, retry_after) }
    }

    fn problem(problem: Problem, request_id: &str, retry_after: Option<u64>) -> Self {
        let mut fields = vec![("Content-Type", "application/problem+json".to_owned()), uncached()];
        fields.extend(retry_after.map(|seconds| ("Retry-After", seconds.to_string())));
        if problem.status() == 405 {
            fields.push(("Allow", ALLOWED.to_owned()));
        }
        let content = Content::Body(document(problem, request_id));
        Self { status: problem.status(), fields, content }.identified(request_id)
    }

    fn grpc(problem: Problem, request_id: &str) -> Self {
        let fields = vec![
            ("Content-Type", grpc::CONTENT_TYPE.to_owned()),
            uncached(),
            (grpc::STATUS, grpc::status_of(problem).to_string()),
            (grpc::MESSAGE, grpc::message(problem.detail())),
        ];
        Self { status: 200, fields, content: Content::TrailersOnly }.identified(request_id)
    }

    /// With its length, and the id by which it is found again.
    fn identified(mut self, request_id: &str) -> Self {
        self.fields.push(("X-Request-Id", request_id.to_owned()));
        let length = match (&self.content, self.status) {
            (Content::Body(body), _) => Some(body.len()),
            // It resets what is shown, and has to say that nothing follows.
            (Content::None, 205) => Some(0),
            (Content::None | Content::TrailersOnly, _) => None,
        };
        self.fields.extend(length.map(|length| ("Content-Length", length.to_string())));
        self
    }

    #[must_use]
    pub fn with(mut self, fields: Vec<(&'static str, String)>) -> Self {
        self.fields.extend(fields);
        self
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Something follows the head, unless the request was a HEAD.
    pub fn has_body(&self) -> bool {
        matches!(self.content, Content::Body(_))
    }

    /// What follows the head. `to_head`: the request was a HEAD, and is told of the length only. `None`: the head is all.
    pub fn into_body(self, to_head: bool) -> Option<String> {
        match self.content {
            Content::Body(body) if !to_head => Some(body),
            Content::Body(_) | Content::None | Content::TrailersOnly => None,
        }
    }
}

/// What is refused now may be served in a moment.
fn uncached() -> (&'static str, String) {
    ("Cache-Control", "no-store".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(answer: &'a OwnAnswer, name: &str) -> Option<&'a str> {
        answer.fields().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    #[test]
    fn a_refusal_says_all_that_one_must_know_of_it() {
        let answer = OwnAnswer::to(Problem::Overloaded, false, "id-1", Some(7));
        assert_eq!(answer.status(), 503);
        for (name, value) in [
            ("Content-Type", Some("application/problem+json")),
            ("Cache-Control", Some("no-store")),
            ("Retry-After", Some("7")),
            ("X-Request-Id", Some("id-1")),
            ("Allow", None),
        ] {
            assert_eq!(field(&answer, name), value, "{name}");
        }
        let length = field(&answer, "Content-Length").map(str::to_owned);
        let body = answer.into_body(false).unwrap();
        assert_eq!(length, Some(body.len().to_string()));
        assert_eq!(body, document(Problem::Overloaded, "id-1"));
    }

    #[test]
    fn a_405_says_what_is_allowed() {
        let allowed = OwnAnswer::to(Problem::MethodNotAllowed, false, "id", None);
        assert_eq!((allowed.status(), field(&allowed, "Allow")), (405, Some(ALLOWED)));
    }

    #[test]
    fn a_call_is_told_in_a_head_that_is_all() {
        let answer = OwnAnswer::to(Problem::Overloaded, true, "id", Some(7));
        assert_eq!((answer.status(), field(&answer, grpc::STATUS)), (200, Some("14")));
        assert_eq!((field(&answer, "Content-Length"), field(&answer, "Cache-Control")), (None, Some("no-store")));
        assert_eq!(answer.into_body(false), None);
    }

    #[test]
    fn a_head_is_told_of_the_length_only() {
        let answer = OwnAnswer::to(Problem::NoRoute, false, "id", None);
        assert!(field(&answer, "Content-Length").is_some());
        assert_eq!(answer.into_body(true), None);
    }

    #[test]
    fn what_has_no_content_by_its_status_has_none() {
        for (status, length, body) in
            [(200, Some("5"), Some("hello")), (204, None, None), (205, Some("0"), None), (304, None, None)]
        {
            let fields = ["Content-Type", "Location"].map(|name| (name, "x".to_owned())).to_vec();
            let answer = OwnAnswer::written(status, fields, "hello".to_owned(), "id");
            assert_eq!(field(&answer, "Content-Type"), body.map(|_| "x"), "{status}");
            assert_eq!(field(&answer, "Location"), Some("x"), "{status}");
            assert_eq!(field(&answer, "Content-Length"), length, "{status}");
            assert_eq!(answer.into_body(false).as_deref(), body, "{status}");
        }
    }
}
