//! What does a backend say about itself? The pure reader of a probe's answer: bytes in, a [`Document`] out.
//!
//! It understands the vocabularies of [`Vocabulary`] and what comes close to them, and decides nothing: what a failed component, an unknown
//! word or a malformed body leads to is the domain's judgement, with the status code as its anchor. Whatever comes, it does not fail and
//! does not panic, and time and memory are bounded: bodies beyond [`MOST_BYTES`] are not read, JSON is no deeper than serde_json allows,
//! an assertion's path visits no more than [`path::BUDGET`] nodes, and what is kept is short.
//!
//! - which characters: [`text`]; which tree: [`json`]; which vocabulary: [`detect`]
//! - what words mean: [`words`]; what the names of members promise: [`names`]
//! - who says what: [`wild`] for every JSON, the vocabulary's own file for what is special to it, [`kubernetes`] and [`plain`] for text
//! - what may be shown: [`redact`]; how much of it: [`shelf`]
//! - what the configuration asserts: [`assertions`], with JSONPath ([`path`])
//!
//! **Malformed** documents are read as far as there is no guessing: UTF-16, broken UTF-8, `NaN`, a name twice (the worse counts). Then
//! [`Document::malformed`] says why *and* the rest is filled in. Nothing is read of what is truncated, two documents, too deep, compressed.
//! An empty body, HTML and JSON that says nothing about health are not malformed: the backend just does not say anything. They are when the
//! configuration has pinned a vocabulary.

mod aspnet;
mod assertions;
mod detect;
mod ietf;
mod json;
mod kubernetes;
mod microprofile;
mod names;
mod path;
mod plain;
mod redact;
mod shelf;
mod spring;
mod text;
mod wild;
mod words;

#[cfg(test)]
mod tests;

pub use path::PathError;

use detect::Shape;
use json::Json;
use pulsegate_core::health::document::Document;
use pulsegate_core::plan::{DocumentPlan, Vocabulary};
use shelf::{Shelf, Statement};

/// Larger bodies are not read.
pub const MOST_BYTES: usize = 64 * 1024;

/// Reads a body. See the header of this file.
pub fn read(body: &[u8], content_type: Option<&str>, rules: &DocumentPlan) -> Document {
    if rules.vocabulary == Some(Vocabulary::None) {
        return Document::default();
    }
    let mut reader = Reader { pinned: rules.vocabulary, content_type, ..Reader::default() };
    reader.body(body);
    reader.close(rules)
}

/// # Errors
/// Where and why a JSONPath cannot be understood.
pub fn check_path(path: &str) -> Result<(), PathError> {
    path::parse(path).map(drop)
}

/// The first value that a JSONPath finds, as text: strings without quotes, everything else as JSON writes it. It is neither shortened nor
/// redacted: it is to be compared, not to be shown.
pub fn field(body: &[u8], path: &str) -> Option<String> {
    if body.len() > MOST_BYTES {
        return None;
    }
    let decoded = text::decode(body, None).ok()?;
    let parsed = json::parse(&decoded.text).ok()?;
    let found = path::find(&path::parse(path).ok()?, &parsed.json).ok()?;
    found.first().map(|value| value.shown().into_owned())
}

#[derive(Default)]
struct Reader<'a> {
    pinned: Option<Vocabulary>,
    content_type: Option<&'a str>,
    vocabulary: Vocabulary,
    whole: Option<Statement>,
    message: Option<String>,
    /// What assertions look into.
    json: Option<Json>,
    malformed: Option<String>,
    shelf: Shelf,
}

impl Reader<'_> {
    fn body(&mut self, body: &[u8]) {
        if body.len() > MOST_BYTES {
            return self.object(format!("the body has {} bytes; no more than {MOST_BYTES} are read", body.len()));
        }
        let decoded = match text::decode(body, self.content_type) {
            Ok(decoded) => decoded,
            Err(why) => return self.object(why),
        };
        if let Some(why) = decoded.objection {
            self.object(why);
        }
        if decoded.text.trim().is_empty() {
            return;
        }
        match detect::shape(&decoded.text, self.content_type) {
            Shape::Json => self.json(&decoded.text),
            Shape::Html => self.shelf.redactor().notice_text(&decoded.text),
            Shape::Text => self.text(&decoded.text),
        }
    }

    fn json(&mut self, text: &str) {
        let parsed = match json::parse(text) {
            Ok(parsed) => parsed,
            Err(why) => {
                self.object(why);
                return self.word_instead_of_json(text);
            }
        };
        if let Some(why) = parsed.objection {
            self.object(why);
        }
        notice(&parsed.json, &mut self.shelf);
        self.vocabulary = self.pinned.unwrap_or_else(|| detect::of_json(&parsed.json, self.content_type));
        let words = (self.vocabulary == Vocabulary::Aspnet).then(|| aspnet::in_words(parsed.json.clone()));
        let json = words.as_ref().unwrap_or(&parsed.json);
        self.whole = wild::read(json, &mut self.shelf);
        self.message = wild::explanation(json);
        self.json = Some(parsed.json);
    }

    /// `OK` where JSON is due is no JSON, but there is no doubt what it says.
    fn word_instead_of_json(&mut self, text: &str) {
        self.shelf.redactor().notice_text(text);
        if words::meaning(text).is_some() {
            self.vocabulary = self.pinned.unwrap_or(Vocabulary::Plain);
            self.whole = plain::read(text, &mut self.shelf);
        }
    }

    fn text(&mut self, text: &str) {
        self.shelf.redactor().notice_text(text);
        self.vocabulary = self.pinned.unwrap_or_else(|| detect::of_text(text));
        self.whole = match kubernetes::speaks(text) {
            true => kubernetes::read(text, &mut self.shelf),
            false => plain::read(text, &mut self.shelf),
        };
    }

    /// The first objection is told.
    fn object(&mut self, why: String) {
        self.malformed.get_or_insert(why);
    }

    fn close(mut self, rules: &DocumentPlan) -> Document {
        let silent = self.whole.is_none() && self.shelf.is_empty();
        if let Some(pinned) = self.pinned.filter(|_| silent) {
            self.object(format!("nothing in the body speaks as {}, which the configuration expects", name(pinned)));
        }
        let broken_assertions = assertions::broken(&rules.assertions, self.json.as_ref(), self.shelf.redactor());
        let overall = self.whole.as_ref().map(|whole| self.shelf.said(whole));
        let message = self.message.or_else(|| self.whole.and_then(|whole| whole.reason));
        let message = message.and_then(|message| self.shelf.message(&message)).map(String::into_boxed_str);
        let (components, left_out, leaks) = self.shelf.close(&rules.critical);
        Document {
            vocabulary: if silent { Vocabulary::None } else { self.vocabulary },
            overall,
            message,
            components,
            left_out,
            broken_assertions,
            malformed: self.malformed,
            leaks,
        }
    }
}

fn name(vocabulary: Vocabulary) -> &'static str {
    match vocabulary {
        Vocabulary::Plain => "plain health",
        Vocabulary::Spring => "Spring Boot Actuator",
        Vocabulary::Microprofile => "MicroProfile Health",
        Vocabulary::Aspnet => "ASP.NET Core health checks",
        Vocabulary::Ietf => "application/health+json",
        Vocabulary::Kubernetes => "Kubernetes' verbose text",
        Vocabulary::None => "nothing",
    }
}

/// Looks at all that a document holds, shown or not, for what it should not tell.
fn notice(json: &Json, shelf: &mut Shelf) {
    let mut all = String::new();
    collect("", json, &mut all, shelf);
    shelf.redactor().notice_text(&all);
}

fn collect(name: &str, json: &Json, all: &mut String, shelf: &mut Shelf) {
    match json {
        Json::Text(text) => {
            shelf.redactor().notice(name, text);
            all.push_str(text);
            all.push('\n');
        }
        Json::List(items) => items.iter().for_each(|item| collect(name, item, all, shelf)),
        Json::Map(members) => members.iter().for_each(|(name, value)| collect(name, value, all, shelf)),
        _ => {}
    }
}
