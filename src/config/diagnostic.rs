//! What is wrong, where, and what follows? One finding, as a sentence for the person who must act.

use std::fmt::{self, Write};
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
        let mut out = OneLine(f);
        write!(out, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(out, ": {}", self.path)?;
        }
        write!(out, ": found {}", self.found)?;
        if !self.allowed.is_empty() {
            write!(out, ", allowed: {}", self.allowed)?;
        }
        if !self.consequence.is_empty() {
            write!(out, "; {}", self.consequence)?;
        }
        if let Some(hint) = &self.hint {
            write!(out, " ({hint})")?;
        }
        Ok(())
    }
}

/// A key may hold line ends and worse; the sentence stays one line, in a log and on a terminal.
struct OneLine<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        if c.is_control() { write!(self.0, "{}", c.escape_default()) } else { self.0.write_char(c) }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_finding_is_one_line_whatever_a_key_holds() {
        let text = "\"a\\nb\\e[31m\": 1\n";
        let found = crate::config::load_text(text, std::path::Path::new("/nowhere")).unwrap_err();
        let sentence = found.first().unwrap().to_string();
        assert!(sentence.contains("found the unknown key `a\\nb\\u{1b}[31m`"), "{sentence}");
    }
}
