//! `pulsegate run`: read the configuration, build the runtime that everything but connections lives on, run until told to leave.

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
    let runtime = match build_runtime() {
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

/// The runtime of everything but connections, which are served by workers of their own: the control task, probes, discovery, operators, signals.
///
/// Two threads, and not one: what takes long here (a report on thousands of backends, a page of metrics, a handshake of an operator's TLS)
/// must not make a probe late or hold up `/livez`. More would find nothing to do.
pub(super) fn build_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("pulsegate").build()
}

pub(super) fn fail(sentences: &[String]) -> ExitCode {
    for sentence in sentences {
        complain(&format!("pulsegate: {sentence}"));
    }
    ExitCode::FAILURE
}
