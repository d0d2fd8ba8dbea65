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

impl Place {
    /// The same value, the list that holds it, or a part of it.
    fn is_about(&self, other: &Self) -> bool {
        let (short, long) = if self.steps.len() < other.steps.len() { (self, other) } else { (other, self) };
        self.file == other.file && long.steps.len() - short.steps.len() <= 1 && long.steps.starts_with(&short.steps)
    }
}

/// The files, and the findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub files: Vec<SourceFile>,
    pub errors: Vec<Diagnostic>,
    /// Places that something was said of whatever else is wrong with them follows from.
    told: Vec<Place>,
    pub warnings: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn error(&mut self, place: &Place, found: impl Into<String>, allowed: impl Into<String>) {
        self.hinted(place, found, allowed, None);
    }

    pub(super) fn hinted(
        &mut self,
        place: &Place,
        found: impl Into<String>,
        allowed: impl Into<String>,
        hint: Option<String>,
    ) {
        if !self.told.iter().any(|told| place.is_about(told)) {
            let diagnostic = self.diagnostic(place, found.into(), allowed.into(), "");
            self.errors.push(Diagnostic { hint, ..diagnostic });
        }
    }

    /// A variable that is not set.
    pub(super) fn unset(&mut self, place: &Place, name: &str) {
        self.error(
            place,
            format!("${{{name}}}, which is not set"),
            "a variable of the environment, or ${NAME:-default}",
        );
        self.is_told(place);
    }

    /// Nothing more is said of this place: it would follow from what was said.
    pub(super) fn is_told(&mut self, place: &Place) {
        self.told.push(place.clone());
    }

    /// In the order in which a reader meets them: by file, then by line.
    pub(super) fn sort(&mut self) {
        let files: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
        let place = |diagnostic: &Diagnostic| {
            let file = files.iter().position(|file| *file == diagnostic.file);
            (file.unwrap_or(usize::MAX), diagnostic.line.unwrap_or(usize::MAX))
        };
        self.errors.sort_by_key(place);
        self.warnings.sort_by_key(place);
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
