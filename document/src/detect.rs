//! Which vocabulary does a body speak? Told by its content type where that is specific, otherwise by its shape.

use super::json::Json;
use super::{aspnet, ietf, kubernetes, microprofile, spring};
use pulsegate_core::plan::Vocabulary;

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Json,
    Html,
    Text,
}

pub(super) fn shape(text: &str, content_type: Option<&str>) -> Shape {
    let media = content_type.unwrap_or_default().to_ascii_lowercase();
    let media = media.split(';').next().unwrap_or_default().trim();
    let start = text.trim_start();
    if media.ends_with("json") {
        Shape::Json
    } else if media == "text/html" || media == "application/xhtml+xml" || start.starts_with('<') {
        Shape::Html
    } else if start.trim_end() == "null"
        || start.starts_with(['{', '"'])
        || start.starts_with('[') && !kubernetes::speaks(start)
    {
        Shape::Json
    } else {
        Shape::Text
    }
}

pub(super) fn of_json(json: &Json, content_type: Option<&str>) -> Vocabulary {
    let media = content_type.unwrap_or_default().to_ascii_lowercase();
    if media.contains(ietf::CONTENT_TYPE) {
        Vocabulary::Ietf
    } else if media.contains(spring::CONTENT_TYPE) || spring::speaks(json) {
        Vocabulary::Spring
    } else if microprofile::speaks(json) {
        Vocabulary::Microprofile
    } else if aspnet::speaks(json) {
        Vocabulary::Aspnet
    } else if ietf::speaks(json) {
        Vocabulary::Ietf
    } else {
        Vocabulary::Plain
    }
}

pub(super) fn of_text(text: &str) -> Vocabulary {
    if kubernetes::speaks(text) {
        Vocabulary::Kubernetes
    } else if aspnet::speaks_in_text(text) {
        Vocabulary::Aspnet
    } else {
        Vocabulary::Plain
    }
}
