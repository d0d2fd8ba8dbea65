//! In which order are the plays of a comparison? Run by run, scenario by scenario, and within a scenario every gateway in turn, so
//! that a machine that is slow for a minute is slow for all of them. Or several gateways at once: their namespaces keep them apart, and what is
//! counted is failures, not microseconds.

use super::gateway::Kind;
use super::namespace;
use super::result::{Record, Tally};
use super::scenarios::Scenario;
use futures_util::future::join_all;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// What a play may take beyond its load.
const AROUND: Duration = Duration::from_secs(60);
/// What it usually takes.
const USUALLY: u64 = 3;

pub struct Comparison {
    pub scenarios: Vec<Scenario>,
    pub gateways: Vec<Kind>,
    pub runs: usize,
    /// Gateways that play at the same time, each in namespaces of its own.
    pub at_once: usize,
    pub pulsegate: PathBuf,
    pub folder: PathBuf,
}

impl Comparison {
    /// Runs it, or as much of it as there is before a signal; the number of plays that failed. Every record is a line of
    /// `results.jsonl` in the folder as soon as it is there.
    pub async fn run(&self) -> Result<usize, String> {
        if !nix::unistd::Uid::effective().is_root() {
            return Err("a comparison makes namespaces and packet filters of its own: run it as root".to_owned());
        }
        fs::create_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let mut terminated = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        // What is running ends with the future that waits for it.
        tokio::select! {
            failed = self.all() => failed,
            _ = interrupted.recv() => Err("interrupted".to_owned()),
            _ = terminated.recv() => Err("terminated".to_owned()),
        }
    }

    async fn all(&self) -> Result<usize, String> {
        let seconds: u64 = self.scenarios.iter().map(|scenario| scenario.seconds + USUALLY).sum();
        let turns = self.runs * self.gateways.len().div_ceil(self.at_once.max(1));
        let minutes = seconds * turns as u64 / 60;
        eprintln!(
            "{} scenarios, {} gateways, {} runs: about {minutes} minutes",
            self.scenarios.len(),
            self.gateways.len(),
            self.runs
        );
        let path = self.folder.join("results.jsonl");
        let mut results = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut failed = 0;
        for run in 0..self.runs {
            for (number, scenario) in self.scenarios.iter().enumerate() {
                let order = (0..self.gateways.len()).map(|turn| (run + number + turn) % self.gateways.len());
                let turns: Vec<Kind> = order.map(|place| self.gateways[place]).collect();
                for together in turns.chunks(self.at_once.max(1)) {
                    let plays = together.iter().map(|kind| self.play(scenario, *kind));
                    for (kind, played) in together.iter().zip(join_all(plays).await) {
                        match played {
                            Ok(line) => {
                                eprintln!("run {} of {}: {}", run + 1, self.runs, told(&line));
                                writeln!(results, "{line}").map_err(|error| format!("{}: {error}", path.display()))?;
                            }
                            Err(error) => {
                                let (name, gateway) = (scenario.name, kind.name());
                                eprintln!("run {} of {}: {name} {gateway}: {error}", run + 1, self.runs);
                                failed += 1;
                            }
                        }
                    }
                }
            }
        }
        Ok(failed)
    }

    /// One play in namespaces of its own; its record as it was printed.
    async fn play(&self, scenario: &Scenario, kind: Kind) -> Result<String, String> {
        let scratch = tempfile::TempDir::new_in(&self.folder).map_err(|error| error.to_string())?;
        let binary = self.pulsegate.to_str().ok_or("the path of pulsegate is not plain text")?;
        let mut command = namespace::command(&["play", scenario.name, kind.name(), "--pulsegate", binary]);
        let child = command
            .env("TMPDIR", scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let length = Duration::from_secs(scenario.seconds) + AROUND;
        let output = timeout(length, child.wait_with_output()).await;
        let output = output.map_err(|_| format!("not within {length:?}"))?.map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match printed.lines().last() {
            Some(line) if output.status.success() => Ok(line.to_owned()),
            _ => Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))),
        }
    }
}

fn told(line: &str) -> String {
    let Ok(record) = serde_json::from_str::<Record>(line) else { return line.to_owned() };
    let part = |tally: &Tally| {
        let (failed, total, slow, late) = (tally.failed, tally.total, tally.slow, tally.p99_ms);
        let when =
            tally.failed_between.map(|(first, last)| format!(" ({first:.1} s to {last:.1} s)")).unwrap_or_default();
        format!("{failed} of {total} failed{when}, {slow} slow, p99 {late:.0} ms {:?}", tally.failures)
    };
    format!("{} {}: GET {}; POST {}", record.scenario, record.gateway, part(&record.gets), part(&record.posts))
}

/// The records of a file that a comparison wrote.
pub fn read(path: &Path) -> Result<Vec<Record>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display())))
        .collect()
}
