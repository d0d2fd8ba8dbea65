//! What does the operator's YAML mean? YAML → spec (what was written) → plan (what is in force).
//!
//! Strict: an unknown key is an error that names the nearest known one; nothing invalid is replaced by a default; all semantic errors
//! are collected, not only the first.

use crate::domain::plan::Plan;
use std::path::{Path, PathBuf};

/// A configuration that compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read (includes, certificates not counted).
    pub files: Vec<PathBuf>,
}

/// One finding, shown by `Display` as `file:line: path: found …, allowed …; consequence. hint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub file: PathBuf,
    pub line: Option<usize>,
    /// Where in the document: `upstreams.orders.readiness.period`.
    pub path: String,
    pub found: String,
    pub allowed: String,
    pub consequence: String,
    pub hint: Option<String>,
}

/// Reads, checks and compiles.
///
/// # Errors
/// Every diagnostic that keeps the file from being used.
pub fn load(_path: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    todo!()
}

/// The JSON Schema of the configuration.
pub fn schema() -> serde_json::Value {
    todo!()
}

/// The reference page (Markdown): every key with type, default and meaning, made from the same types.
pub fn reference() -> String {
    todo!()
}

/// What `check` prints of a plan: computed integers and defaults that are worth knowing (cap on ejections, detection times, unprobed upstreams).
pub fn summary(_plan: &Plan) -> String {
    todo!()
}
pub fn load_text(_yaml: &str, _base: &Path) -> Result<Loaded, Vec<Diagnostic>> { todo!() }
impl std::fmt::Display for Diagnostic { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
pub fn backends_file(_text: &str) -> Result<Vec<crate::domain::plan::StaticBackend>, String> { todo!() }
