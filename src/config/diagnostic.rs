//! What is wrong, where, and what follows? One finding, as a sentence for the person who must act.

use std::fmt;
use std::path::PathBuf;

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

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": found {}", self.found)?;
        if !self.allowed.is_empty() {
            write!(f, ", allowed: {}", self.allowed)?;
        }
        if !self.consequence.is_empty() {
            write!(f, "; {}", self.consequence)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
