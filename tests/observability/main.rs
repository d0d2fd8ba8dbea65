//! Do dashboard, alert rules and metrics say what their readers take them to say? Asked of those readers: promtool, a real Prometheus, and
//! Grafana's own types; `make test-needs` brings them.
//!
//! - `metrics`: promtool and a Prometheus that shows its token read a gateway with everything configured, under traffic and under names
//!   made to break a format;
//! - `rules`: each alert is tested firing and silent, and leads to a heading of docs/operations.md;
//! - `shape`: the dashboard is one that Grafana reads without loss, and names nothing that does not exist;
//! - `story`: a Prometheus with the configuration of conf/observability/README.md watches `pulsegate demo`; every query of the dashboard
//!   then has data.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod dashboard;
mod expressions;
mod metrics;
mod prometheus;
mod rules;
mod shape;
mod story;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::Pulsegate;
use support::needs::tool;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// The folder of what is tested here.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/observability")
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs promtool with `input`; what it said, if it is content.
fn promtool(arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new(tool("PROMTOOL"));
    command.args(arguments).current_dir(folder());
    run(command, input)
}

/// Runs a program with `input`; what it said.
fn run(mut command: Command, input: &str) -> Result<String, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}: run `make test-needs`"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{command:?} exits with {}:\n{said}", output.status)) }
}
