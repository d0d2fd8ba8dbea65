//! What does the operator's YAML mean? YAML → spec (what was written) → plan (what is in force).
//!
//! Strict: an unknown key is an error that names the nearest known one; nothing invalid is replaced by a default; all semantic errors
//! are collected, not only the first.

mod addresses;
mod compile;
mod defaults;
mod diagnostic;
mod document;
mod files;
mod kubernetes;
mod locate;
mod read;
mod reference;
mod schema;
mod strict;
mod summary;
#[cfg(test)]
mod tests;
mod values;
mod vocabulary;
mod words;
mod yaml;

pub use addresses::{backend as backend_address, backends_file};
pub use diagnostic::Diagnostic;
pub use document::{Document, fits};
pub use reference::{example, reference};
pub use summary::summary;
pub use values::{Share, Span, Words};
pub use words::not_exactly_one;

use files::Findings;
use pulsegate_core::plan::Plan;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// A configuration that compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
    /// Of the text of all files that were read.
    pub fingerprint: u64,
}

/// What a configuration is read from, whether it can be used or not.
#[derive(Clone, Debug)]
pub struct Sources {
    pub fingerprint: u64,
    pub files: Vec<PathBuf>,
}

/// Reads, checks and compiles.
///
/// # Errors
/// Every diagnostic that keeps the file from being used.
pub fn load(path: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let trees = read::read_all(path, &mut findings);
    compile(trees, path.parent().unwrap_or(Path::new(".")), findings)
}

/// Reads the files and compiles nothing: have they changed?
pub fn sources(path: &Path) -> Sources {
    let mut findings = Findings::default();
    read::read_all(path, &mut findings);
    let fingerprint = fingerprint(&findings);
    Sources { fingerprint, files: findings.files.into_iter().map(|file| file.path).collect() }
}

/// Of everything that was read, and of what could not be read.
fn fingerprint(findings: &Findings) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in &findings.files {
        (&file.path, &file.text).hash(&mut hasher);
    }
    findings.files.is_empty().hash(&mut hasher);
    hasher.finish()
}

/// As [`load`], from text; relative files are looked for below `base`.
///
/// # Errors
/// As [`load`].
pub fn load_text(yaml: &str, base: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let mut trees = Vec::new();
    read::take(&base.join("<text>"), yaml.to_owned(), &mut findings, &mut trees);
    compile(trees, base, findings)
}

fn compile(trees: Vec<serde_json::Value>, base: &Path, mut findings: Findings) -> Result<Loaded, Vec<Diagnostic>> {
    let fingerprint = fingerprint(&findings);
    let plan = compile::compile(trees, base, &mut findings);
    findings.sort();
    match plan {
        Some(plan) if findings.errors.is_empty() => Ok(Loaded { plan, warnings: findings.warnings, fingerprint }),
        _ => Err(findings.errors),
    }
}

/// The JSON Schema of the configuration.
pub fn schema() -> serde_json::Value {
    defaults::tell(schemars::schema_for!(crate::config::schema::Spec).to_value())
}
