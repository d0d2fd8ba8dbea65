//! Is no byte of one request ever part of another? The protocol corpus: every row of `tests/data/requests.yaml` and
//! `tests/data/answers.yaml`, sent whole and in the smallest pieces, between exact bytes on both sides.
//!
//! The upstream is permissive and keeps every byte it saw; what it saw is then parsed strictly. A deliberately broken proxy runs
//! over the same rows as the control: a check that finds nothing there could not find anything here either.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod broken;
mod line;
mod pace;
mod permissive;
mod requests;
mod rows;
mod strict;
mod world;

use std::collections::BTreeSet;
use std::io::Write;
use support::Pulsegate;
use world::{Finding, Worlds};

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// How many gateways share the rows.
const GATEWAYS: usize = 3;
/// The control waits for most of its findings, so more of it runs at once.
const CONTROLS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_served_refused_or_made_harmless() {
    let rows = rows::requests();
    assert!(rows.len() >= 200, "only {} rows", rows.len());
    let (gateways, controls) = tokio::join!(Worlds::gateways(GATEWAYS, &[]), Worlds::broken(CONTROLS, &[]));
    let (found, control) = tokio::join!(gateways.run(&rows, requests::run), controls.run(&rows, requests::run));
    conclude("requests", rows.len(), &found, &control, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_backends_are_framed_anew_or_replaced() {
    let rows = rows::answers();
    assert!(rows.len() >= 60, "only {} rows", rows.len());
    let (gateways, controls) = tokio::join!(Worlds::gateways(GATEWAYS, &rows), Worlds::broken(CONTROLS, &rows));
    let (found, control) = tokio::join!(gateways.run(&rows, answers::run), controls.run(&rows, answers::run));
    conclude("answers", rows.len(), &found, &control, 100);
}

/// No finding at the gateway, and at least `expected` rows with one at the control.
fn conclude(what: &str, rows: usize, found: &[Finding], control: &[Finding], expected: usize) {
    let caught = control.iter().map(|finding| finding.row.as_str()).collect::<BTreeSet<_>>().len();
    let summary = format!("{rows} rows of {what}: {} findings; the broken control: {caught} rows\n", found.len());
    // Not through `eprint!`, which a passing test swallows.
    let _ = std::io::stderr().write_all(summary.as_bytes());
    let told: Vec<String> = found.iter().map(Finding::to_string).collect();
    assert!(found.is_empty(), "{summary}{}", told.join("\n"));
    assert!(caught >= expected, "the control must fail in at least {expected} rows: {summary}");
}
