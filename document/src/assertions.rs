//! Which of the configuration's assertions does a document break? Each answer is a sentence with what was found and what is wanted.

use super::json::Json;
use super::path;
use super::redact::Redactor;
use pulsegate_core::health::document::BrokenAssertion;
use pulsegate_core::plan::{Assertion, Condition};

const LONGEST_VALUE: usize = 80;

/// `json`: `None` where the body holds none; then nothing can be said to hold, not even that something is absent.
pub(super) fn broken(assertions: &[Assertion], json: Option<&Json>, redactor: &mut Redactor) -> Vec<BrokenAssertion> {
    let broken = assertions.iter().filter_map(|assertion| {
        let why = why_broken(assertion, json, redactor)?;
        Some(BrokenAssertion { why, degrades: assertion.degrades })
    });
    broken.collect()
}

fn why_broken(assertion: &Assertion, json: Option<&Json>, redactor: &mut Redactor) -> Option<String> {
    let path = &assertion.path;
    let Some(json) = json else {
        return Some(format!("`{path}` cannot be looked up: the body holds no JSON that could be read"));
    };
    let query = match path::parse(path) {
        Ok(query) => query,
        Err(error) => return Some(format!("`{path}` is no JSONPath: {error}")),
    };
    match path::find(&query, json) {
        Err(path::Exhausted) => {
            Some(format!("`{path}` was given up: it visits more than {} values of this document", path::BUDGET))
        }
        Ok(found) => unfulfilled(&assertion.is, &found, redactor).map(|why| format!("`{path}` {why}")),
    }
}

/// What is wrong with the values that were found; `None` where nothing is.
fn unfulfilled(condition: &Condition, found: &[&Json], redactor: &mut Redactor) -> Option<String> {
    let first = found.first().map(|value| redactor.show(&value.to_string(), LONGEST_VALUE));
    match (condition, first) {
        (Condition::Absent, Some(first)) => Some(format!("is {first}, and must be absent")),
        (Condition::Absent, None) | (Condition::Present, Some(_)) => None,
        (_, None) => Some("finds nothing".to_owned()),
        _ => found.iter().find_map(|value| {
            let wanted = wanted(condition, value)?;
            Some(format!("is {}, {wanted}", redactor.show(&value.to_string(), LONGEST_VALUE)))
        }),
    }
}

/// What is wanted of a value that is not so.
fn wanted(condition: &Condition, value: &Json) -> Option<String> {
    let compare = |holds: fn(f64, f64) -> bool, words: &str, limit: f64| match value {
        Json::Number(number) if holds(number.value(), limit) => None,
        Json::Number(_) => Some(format!("which is not {words} {limit}")),
        _ => Some(format!("which is no number and must be {words} {limit}")),
    };
    match condition {
        Condition::Below(limit) => compare(|value, limit| value < limit, "below", *limit),
        Condition::AtMost(limit) => compare(|value, limit| value <= limit, "at most", *limit),
        Condition::Above(limit) => compare(|value, limit| value > limit, "above", *limit),
        Condition::AtLeast(limit) => compare(|value, limit| value >= limit, "at least", *limit),
        Condition::Equals(text) => (value.shown() != text.as_str()).then(|| format!("and must be {text:?}")),
        Condition::NotEquals(text) => (value.shown() == text.as_str()).then(|| format!("and must not be {text:?}")),
        Condition::Present | Condition::Absent => None,
    }
}
