//! Does a rehearsal tell what would happen, the same every time, and does it fail when it should?
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod independence;
mod replay;
mod requests;
mod scenarios;
mod written;

use std::path::{Path, PathBuf};
use std::process::Output;
use support::Pulsegate;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scenario(name: &str) -> PathBuf {
    repository().join("conf/scenarios").join(name)
}

fn pulsegate(arguments: &[&str]) -> Output {
    PULSEGATE.command().current_dir(repository()).args(arguments).output().unwrap()
}

/// Not a test of its own: with `PULSEGATE_BACKEND` set, this process is a backend.
#[test]
fn backend_process() {
    support::server::run_if_asked();
}
