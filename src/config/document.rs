//! How is another file of ours read as strictly as the configuration? One YAML document of a type of its own: the same complaints, with
//! file, line and the nearest known key.
//!
//! It includes nothing and means nothing here: whoever defines the type says what follows from it.

use super::compile;
use super::diagnostic::Diagnostic;
use super::files::{Findings, Place, SourceFile};
use super::read::{about, expand, matches, read_text};
use super::strict::reject_keys_unknown_to;
use super::yaml;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// A file that was read, and what is found wrong with it.
#[derive(Debug, Default)]
pub struct Document(Findings);

impl Document {
    /// Reads the file at `path`; what cannot be read as a `T` is among the findings. `wanted` names its keys, for a file that has none.
    pub fn read<T: DeserializeOwned + JsonSchema>(path: &Path, wanted: &str) -> (Self, Option<T>) {
        match read_text(path) {
            Ok(text) => Self::parse(path, text, wanted),
            Err(diagnostic) => {
                let mut findings = Findings::default();
                findings.errors.push(*diagnostic);
                (Self(findings), None)
            }
        }
    }

    fn parse<T: DeserializeOwned + JsonSchema>(path: &Path, text: String, wanted: &str) -> (Self, Option<T>) {
        let mut findings = Findings::default();
        let parsed = yaml::parse(&text);
        findings.files.push(SourceFile { path: path.to_owned(), text });
        let no_mapping = |found: &str| about(path, Some(1), found.to_owned(), format!("a mapping with {wanted}"));
        let wrong = match parsed {
            Ok(mut tree @ Value::Object(_)) => {
                expand(&mut tree, &Place { file: 0, steps: Vec::new() }, &mut findings);
                reject_keys_unknown_to::<T>(&mut tree, 0, &mut findings);
                let whole = compile::whole(tree, &mut findings);
                return (Self(findings), whole);
            }
            Ok(Value::Null) => no_mapping("an empty file"),
            Ok(_) => no_mapping("no mapping"),
            Err(unreadable) => {
                let found = format!("YAML that cannot be read ({})", unreadable.why);
                about(path, unreadable.line, found, String::new())
            }
        };
        findings.errors.push(wrong);
        (Self(findings), None)
    }

    /// Something that is written at `at` (keys and positions, joined with dots) cannot be meant.
    pub fn error(&mut self, at: &str, found: impl Into<String>, allowed: impl Into<String>) {
        let root = Place { file: 0, steps: Vec::new() };
        self.0.error(&root.at(at), found, allowed);
    }

    /// Everything that was found, in the order of the lines.
    pub fn errors(mut self) -> Vec<Diagnostic> {
        self.0.sort();
        self.0.errors
    }
}

/// Does `name` fit `pattern`, in which `*` stands for anything and `?` for one character?
pub fn fits(pattern: &str, name: &str) -> bool {
    matches(pattern.as_bytes(), name.as_bytes())
}
