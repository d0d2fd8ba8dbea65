//! Can whatever a backend says of itself be read and shown? Nothing panics; what is kept is short, on one line and without control
//! characters, and the same bytes say the same again.
//!
//! The first byte chooses a content type and a vocabulary. Where a NUL divides the rest, what stands before it is a JSONPath.
#![no_main]

use fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use pulsegate_core::health::document::Document;
use pulsegate_core::plan::{Assertion, Condition, DocumentPlan, Vocabulary};
use pulsegate_document::{check_path, field, read};

const TYPES: [Option<&str>; 4] =
    [None, Some("application/json"), Some("text/plain; charset=latin1"), Some("application/health+json")];
const PINNED: [Option<Vocabulary>; 4] = [None, None, Some(Vocabulary::Aspnet), Some(Vocabulary::Kubernetes)];

fuzz_target!(init: seeds::documents(), |bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let content_type = TYPES[usize::from(choice % 4)];
    let vocabulary = PINNED[usize::from(choice / 4 % 4)];
    let (path, body) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (String::from_utf8_lossy(&rest[..at]).into_owned(), &rest[at + 1..]),
        None => ("$..status".to_owned(), rest),
    };
    let assertion = Assertion { path, is: Condition::Present, degrades: false };
    path_is_lived_with(&assertion.path, body);
    let rules = DocumentPlan { vocabulary, assertions: vec![assertion], ..DocumentPlan::default() };
    let document = read(body, content_type, &rules);
    bounded(&document);
    assert_eq!(read(body, content_type, &rules), document);
});

fn path_is_lived_with(path: &str, body: &[u8]) {
    match check_path(path) {
        Ok(()) => drop(field(body, path)),
        Err(error) => {
            assert!(error.at <= path.len() && !error.why.is_empty(), "{error}");
            assert_eq!(field(body, path), None);
        }
    }
}

fn bounded(document: &Document) {
    let short = |text: &str, longest: usize| {
        assert!(text.chars().count() <= longest && !text.contains(char::is_control), "{text:?}");
    };
    assert!(document.components.len() <= 100);
    for part in &document.components {
        short(&part.name, 100);
        short(&part.said.word, 64);
        short(part.message.as_deref().unwrap_or_default(), 200);
    }
    short(document.overall.as_ref().map_or("", |said| &said.word), 64);
    short(document.message.as_deref().unwrap_or_default(), 200);
    short(document.malformed.as_deref().unwrap_or_default(), 400);
    assert!(document.broken_assertions.len() <= 1);
}
