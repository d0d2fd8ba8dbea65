//! What do clients feel when something fails, beside HAProxy, nginx and Envoy in the same place?
//!
//! Without arguments it is a test: six scenarios in front of Pulsegate alone, and what it must decide in each. `compare` plays all of them in front of
//! all four (`make chaos`); `play` is one play, which `compare` starts in namespaces of its own; `table` shows what was recorded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod certificate;
mod compare;
mod config;
mod gateway;
mod manner;
mod namespace;
mod play;
mod result;
mod scenarios;
mod smoke;
mod table;
mod tools;
mod trixter;

use clap::Parser;
use gateway::Kind;
use manner::Manner;
use result::Record;
use scenarios::Scenario;
use std::path::PathBuf;
use std::process::ExitCode;
use tools::Tools;

const PULSEGATE: &str = env!("CARGO_BIN_EXE_pulsegate");

#[derive(Debug, Parser)]
#[command(name = "chaos")]
enum Command {
    /// Play scenarios in front of all gateways, in turns, and print the table
    Compare {
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// Gateways that play at the same time
        #[arg(long, default_value_t = 1)]
        at_once: usize,
        /// Scenarios; all when absent
        #[arg(long, value_delimiter = ',', value_parser = scenario)]
        only: Vec<Scenario>,
        /// Gateways; all when absent
        #[arg(long, value_delimiter = ',', value_parser = kind)]
        gateways: Vec<Kind>,
        /// The binary to try
        #[arg(long, default_value = PULSEGATE)]
        pulsegate: PathBuf,
        /// Where results.jsonl is written
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/chaos"))]
        folder: PathBuf,
        /// Put the table into this document
        #[arg(long)]
        write: Option<PathBuf>,
    },
    /// Play one scenario in front of one gateway and print its record
    Play {
        #[arg(value_parser = scenario)]
        scenario: Scenario,
        #[arg(value_parser = kind)]
        gateway: Kind,
        #[arg(long, default_value = PULSEGATE)]
        pulsegate: PathBuf,
    },
    /// Print the table of what was recorded
    Table {
        results: Vec<PathBuf>,
        /// Put it into this document
        #[arg(long)]
        write: Option<PathBuf>,
    },
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let names: Vec<&str> = scenarios::all().iter().map(|scenario| scenario.name).collect();
    Scenario::named(name).ok_or_else(|| format!("there are {}", names.join(", ")))
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| format!("there are {}", Kind::ALL.map(Kind::name).join(", ")))
}

fn main() -> ExitCode {
    support::server::run_if_asked();
    if !matches!(std::env::args().nth(1).as_deref(), Some("compare" | "play" | "table")) {
        return smoke::run(PULSEGATE);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    match runtime.block_on(run(Command::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Compare { runs, at_once, only, gateways, pulsegate, folder, write } => {
            let comparison = compare::Comparison {
                scenarios: if only.is_empty() { scenarios::all() } else { only },
                gateways: if gateways.is_empty() { Kind::ALL.into() } else { gateways },
                runs,
                at_once,
                pulsegate,
                folder,
            };
            let failed = comparison.run().await?;
            show(&[comparison.folder.join("results.jsonl")], write)?;
            if failed == 0 { Ok(()) } else { Err(format!("{failed} plays failed")) }
        }
        Command::Play { scenario, gateway, pulsegate } => {
            let played = play::play(&scenario, gateway, Manner::COMPARED, &Tools { pulsegate }).await;
            let record = Record::of(scenario.name, gateway.name(), &played);
            println!("{}", serde_json::to_string(&record).map_err(|error| error.to_string())?);
            Ok(())
        }
        Command::Table { results, write } => show(&results, write),
    }
}

fn show(results: &[PathBuf], document: Option<PathBuf>) -> Result<(), String> {
    let mut records = Vec::new();
    for path in results {
        records.extend(compare::read(path)?);
    }
    let table = table::print(&records);
    println!("{table}");
    document.map_or(Ok(()), |path| table::write(&path, &table))
}
