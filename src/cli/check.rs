//! `pulsegate check`: every diagnostic of a file, and what the plan comes to.

use super::timings::Wish;
use super::{EXIT_CONFIG, complain, print_out};
use crate::config::{self, Diagnostic};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn check(path: &Path, wish: &Wish) -> ExitCode {
    match config::load(path) {
        Ok(loaded) => {
            print_diagnostics("warning", &loaded.warnings);
            print_out(&wish.fulfil(&loaded.plan, config::summary(&loaded.plan)))
        }
        Err(diagnostics) => {
            print_refusal(path, &diagnostics);
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// Every error, and what follows from them.
pub(super) fn print_refusal(path: &Path, diagnostics: &[Diagnostic]) {
    print_diagnostics("error", diagnostics);
    let errors = if diagnostics.len() == 1 { "error" } else { "errors" };
    let (path, count) = (path.display(), diagnostics.len());
    complain(&format!("{path}: {count} {errors}; the configuration is not used, nothing starts with it"));
}

pub(super) fn print_diagnostics(kind: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        complain(&format!("{kind}: {diagnostic}"));
    }
}
