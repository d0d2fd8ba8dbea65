//! How does a command that needs the configuration and a runtime, and no gateway, begin? What stands in its way is told on stderr.

use super::{EXIT_CONFIG, check};
use crate::config;
use pulsegate_core::plan::Plan;
use std::path::Path;
use std::process::ExitCode;

/// Reads the configuration at `path` and runs what `command` makes of it.
pub(super) fn with_plan(path: &Path, command: impl AsyncFnOnce(Plan) -> ExitCode) -> ExitCode {
    match config::load(path) {
        Ok(loaded) => run(command(loaded.plan)),
        Err(diagnostics) => {
            check::print_refusal(path, &diagnostics);
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// Runs it on this thread.
fn run(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => {
            eprintln!("pulsegate: the runtime could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}
