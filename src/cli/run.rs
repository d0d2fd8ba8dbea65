//! `pulsegate run`: read the configuration, build a runtime of its size, run until told to leave.

use super::check::{print_diagnostics, print_refusal};
use super::{EXIT_CONFIG, complain};
use crate::telemetry::flush_logging;
use crate::{config, runtime};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(path: &Path, takeover: bool) -> ExitCode {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            print_refusal(path, &diagnostics);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    print_diagnostics("warning", &loaded.warnings);
    let runtime = match build_runtime(loaded.plan.threads) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&[format!("the runtime could not be started: {error}")]),
    };
    let outcome = runtime.block_on(runtime::run(loaded, path, takeover));
    // Connections that outlived the grace are cut here, without waiting for them.
    runtime.shutdown_background();
    flush_logging();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentences) => fail(&sentences),
    }
}

/// A multi-threaded runtime with `threads` workers; 0 = one per core.
pub(super) fn build_runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("pulsegate").build()
}

pub(super) fn fail(sentences: &[String]) -> ExitCode {
    for sentence in sentences {
        complain(&format!("pulsegate: {sentence}"));
    }
    ExitCode::FAILURE
}
