//! `pulsegate check`: every diagnostic of a file, and what the plan comes to.

use super::{EXIT_CONFIG, print_out};
use crate::config::{self, Diagnostic};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn check(path: &Path) -> ExitCode {
    match config::load(path) {
        Ok(loaded) => {
            print_diagnostics("warning", &loaded.warnings);
            print_out(&config::summary(&loaded.plan))
        }
        Err(diagnostics) => {
            print_diagnostics("error", &diagnostics);
            eprintln!("{}: {} error(s); nothing would start with this file", path.display(), diagnostics.len());
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

pub(super) fn print_diagnostics(kind: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        eprintln!("{kind}: {diagnostic}");
    }
}
