//! What has been read? The files of one configuration, their text for line numbers, and everything found wrong with them.

use super::diagnostic::Diagnostic;
use super::locate::line_of;
use std::path::PathBuf;

/// One file.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub path: PathBuf,
    pub text: String,
}

/// A place in one of the files.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub file: usize,
    pub steps: Vec<String>,
}

impl Place {
    pub(super) fn at(&self, more: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.extend(more.split('.').filter(|step| !step.is_empty()).map(str::to_owned));
        Self { file: self.file, steps }
    }
}

/// The files, and the findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub files: Vec<SourceFile>,
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn error(&mut self, place: &Place, found: impl Into<String>, allowed: impl Into<String>) {
        let diagnostic = self.diagnostic(place, found.into(), allowed.into(), "the configuration is not used");
        self.errors.push(diagnostic);
    }

    pub(super) fn hinted(
        &mut self,
        place: &Place,
        found: impl Into<String>,
        allowed: impl Into<String>,
        hint: Option<String>,
    ) {
        self.error(place, found, allowed);
        if let Some(last) = self.errors.last_mut() {
            last.hint = hint;
        }
    }

    pub(super) fn warning(&mut self, place: &Place, found: impl Into<String>, consequence: &str) {
        let diagnostic = self.diagnostic(place, found.into(), String::new(), consequence);
        self.warnings.push(diagnostic);
    }

    fn diagnostic(&self, place: &Place, found: String, allowed: String, consequence: &str) -> Diagnostic {
        let file = self.files.get(place.file);
        Diagnostic {
            file: file.map(|file| file.path.clone()).unwrap_or_default(),
            line: file.and_then(|file| line_of(&file.text, &place.steps)),
            path: place.steps.join("."),
            found,
            allowed,
            consequence: consequence.to_owned(),
            hint: None,
        }
    }
}
