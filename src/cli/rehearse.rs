//! `pulsegate simulate` and `replay`: a scenario or a record against the operator's own configuration, in virtual time.
//!
//! Exit codes: 0 it came as expected, 1 it did not, 64 the scenario, the record or the configuration cannot be used.

use super::check::print_diagnostics;
use super::{EXIT_CONFIG, print_out};
use crate::rehearsal;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The scenario
    scenario: PathBuf,
    /// The configuration that is rehearsed, in place of the one that the scenario names
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Another seed for what is drawn; one seed always tells one story
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn simulate(asked: &Simulate) -> ExitCode {
    let rehearsal = match rehearsal::load(&asked.scenario, asked.config.as_deref(), asked.seed) {
        Ok(rehearsal) => rehearsal,
        Err(diagnostics) => {
            print_diagnostics("error", &diagnostics);
            let errors = if diagnostics.len() == 1 { "error" } else { "errors" };
            eprintln!("{}: {} {errors}; nothing was rehearsed", asked.scenario.display(), diagnostics.len());
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let outcome = rehearsal::play(&rehearsal);
    if asked.json {
        print_out(&format!("{:#}\n", rehearsal::json(&outcome)));
    } else {
        print_out(&rehearsal::text(&outcome));
    }
    if outcome.as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The record (`record.file` of the configuration); older files that it continues are read too
    record: PathBuf,
    /// The configuration to play it under
    #[arg(short, long, default_value = "pulsegate.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(asked: &Replay) -> ExitCode {
    match rehearsal::replay::replay(&asked.record, &asked.config) {
        Ok(replay) if asked.json => print_out(&format!("{:#}\n", rehearsal::replay::json(&replay))),
        Ok(replay) => print_out(&rehearsal::replay::text(&replay)),
        Err(sentences) => {
            for sentence in sentences {
                eprintln!("error: {sentence}");
            }
            eprintln!("{}: nothing was replayed", asked.record.display());
            ExitCode::from(EXIT_CONFIG)
        }
    }
}
