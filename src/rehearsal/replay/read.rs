//! What does a record hold? Its files in their order, as what the board was told and what it said.

use crate::config;
use crate::record::line::{LATENCIES, Line, VERSION, outcome};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::board::Found;
use pulsegate_core::health::order::{Order, Steer};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::SourceId;
use pulsegate_core::traffic::outcome::Outcome;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than any record, milliseconds: with a bound, no sum of its moments can overflow.
const LONGEST: u64 = 1_000 * 24 * 60 * 60 * 1_000;

/// More attempts than one backend gets between two others in a second.
const RUN: u32 = 1_000_000;

/// A record, read.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub files: Vec<PathBuf>,
    /// When it began, for people.
    pub wall: String,
    /// Moments of its first and last line.
    pub from: Duration,
    pub until: Duration,
    /// In the order of their moments.
    pub happenings: Vec<(Duration, Happening)>,
    /// By backend, in the order of their beginnings.
    pub probes: BTreeMap<BackendId, Vec<Probe>>,
    /// What the board said.
    pub transitions: Vec<Transition>,
    pub ejections: Vec<(Duration, BackendId)>,
    /// The configurations that were in force, in their order.
    pub fingerprints: Vec<String>,
    /// Lines that are missing.
    pub lost: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Happening {
    Found { upstream: String, source: SourceId, answer: Result<Vec<Found>, String> },
    Steered { backend: BackendId, what: Steer, lasts: Option<Duration> },
    Traffic(Box<Second>),
}

/// What requests came to within one second at one backend.
#[derive(Clone, Debug)]
pub(super) struct Second {
    pub backend: BackendId,
    pub runs: Vec<Run>,
    /// Of these the order is not known.
    pub unordered: u32,
    /// What a success took.
    pub latency: Vec<u32>,
    pub clients: bool,
    pub failed_clients: bool,
}

/// The same in a row, and after how long in the second the first and the last of it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub first: Duration,
    pub last: Duration,
    pub outcome: Outcome,
    pub count: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub began: Duration,
    pub reading: Reading,
    pub passed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub at: Duration,
    pub backend: BackendId,
    pub from: Cause,
    pub to: Cause,
}

/// Reads `path` and, before it, the older files that it continues.
///
/// # Errors
/// A sentence with file and line.
pub(super) fn read(path: &Path) -> Result<Recorded, String> {
    let mut files = vec![path.to_owned()];
    while let Some(last) = files.last()
        && continues(last)?
    {
        let older = PathBuf::from(format!("{}.{}", path.display(), files.len()));
        if !older.exists() {
            break;
        }
        files.push(older);
    }
    files.reverse();
    let mut recorded = Recorded { from: Duration::MAX, ..Recorded::default() };
    for file in &files {
        read_file(file, &mut recorded)?;
    }
    recorded.files = files;
    recorded.from = recorded.from.min(recorded.until);
    recorded.happenings.sort_by_key(|(at, _)| *at);
    for probes in recorded.probes.values_mut() {
        probes.sort_by_key(|probe| probe.began);
    }
    Ok(recorded)
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufReader::new(file))
}

/// Does this file continue another? Its first line says so.
fn continues(path: &Path) -> Result<bool, String> {
    let mut first = String::new();
    open(path)?.read_line(&mut first).map_err(|error| format!("{}: {error}", path.display()))?;
    match serde_json::from_str(&first) {
        Ok(Line::Begin { version: VERSION, continued, .. }) => Ok(continued),
        Ok(Line::Begin { version, .. }) => {
            Err(format!("{}:1: found version {version}, allowed: {VERSION}", path.display()))
        }
        _ => Err(format!("{}:1: found no beginning of a record (is it one? `record.file` names it)", path.display())),
    }
}

fn read_file(path: &Path, recorded: &mut Recorded) -> Result<(), String> {
    let mut lines = open(path)?.split(b'\n').enumerate().peekable();
    while let Some((number, text)) = lines.next() {
        let place = || format!("{}:{}", path.display(), number + 1);
        let text = text.map_err(|error| format!("{}: {error}", place()))?;
        match serde_json::from_slice(&text) {
            Ok(line) => recorded.take(line).map_err(|why| format!("{}: {why}", place()))?,
            // A process that was killed leaves half a line.
            Err(_) if lines.peek().is_none() => {}
            Err(error) => return Err(format!("{}: found no line of a record: {error}", place())),
        }
    }
    Ok(())
}

impl Recorded {
    fn take(&mut self, line: Line) -> Result<(), String> {
        let at = Duration::from_millis(line.at().min(LONGEST));
        if line != Line::Unknown {
            self.until = self.until.max(at);
            self.from = self.from.min(at);
        }
        match line {
            Line::Begin { wall, .. } => self.wall = wall,
            Line::Config { fingerprint, .. } => self.fingerprints.push(fingerprint),
            Line::Gap { lost, .. } => self.lost += lost,
            Line::Unknown => self.lost += 1,
            Line::Found { upstream, source, finds, error, .. } => {
                let found = finds.iter().map(|one| {
                    let address = address(&one.address)?;
                    Ok(Found { address, weight: one.weight, backup: one.backup })
                });
                let found: Vec<Found> = found.collect::<Result<_, String>>()?;
                let answer = error.map_or(Ok(found), Err);
                self.happenings.push((at, Happening::Found { upstream, source: source.into(), answer }));
            }
            Line::Probe { upstream, backend, began, took_us, result, passed, .. } => {
                let reading = Reading::new(result.reading(), Duration::from_micros(took_us.min(LONGEST)));
                let probe = Probe { began: Duration::from_millis(began.min(LONGEST)), reading, passed };
                self.probes.entry(id(&upstream, &backend)?).or_default().push(probe);
            }
            Line::Traffic { upstream, backend, runs, more, latency, clients, failed_clients, .. } => {
                let unordered = more.values().fold(0, |sum: u32, count| sum.saturating_add(*count));
                let millis = |millis: u32| Duration::from_millis(u64::from(millis));
                let run = |(first, last, word, count): &(u32, u32, String, u32)| {
                    Some(Run {
                        first: millis(*first),
                        last: millis(*last),
                        outcome: outcome(word)?,
                        count: (*count).min(RUN),
                    })
                };
                let mut known: Vec<Run> = runs.iter().filter_map(run).collect();
                let first = known.last().map_or(Duration::ZERO, |run| run.last);
                known.extend(more.iter().filter_map(|(word, count)| {
                    Some(Run { first, last: Duration::from_secs(1), outcome: outcome(word)?, count: (*count).min(RUN) })
                }));
                let backend = id(&upstream, &backend)?;
                let second = Second { backend, runs: known, unordered, latency, clients, failed_clients };
                self.happenings.push((at, Happening::Traffic(Box::new(second))));
            }
            Line::Event { event, fields, .. } => self.event(at, &event, &fields)?,
        }
        Ok(())
    }

    fn event(&mut self, at: Duration, event: &str, fields: &BTreeMap<String, String>) -> Result<(), String> {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let backend = || id(field("upstream"), field("backend"));
        match event {
            "backend.transition" => {
                if let (Some(from), Some(to)) = (cause(field("from")), cause(field("to"))) {
                    self.transitions.push(Transition { at, backend: backend()?, from, to });
                }
            }
            "backend.ejected" => self.ejections.push((at, backend()?)),
            "backend.steered" => {
                let lasts = field("for_ms").parse().ok().map(Duration::from_millis);
                if let Some(what) = steer(field("order")) {
                    self.happenings.push((at, Happening::Steered { backend: backend()?, what, lasts }));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn cause(word: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.word() == word)
}

fn steer(text: &str) -> Option<Steer> {
    let known = [
        Steer::Order(Order::Drain),
        Steer::Order(Order::ForceUp),
        Steer::Order(Order::ForceDown),
        Steer::Undrain,
        Steer::Release,
        Steer::Weight(None),
    ];
    let weight = || Some(Steer::Weight(Some(text.strip_prefix("weight ")?.parse().ok()?)));
    known.into_iter().find(|one| one.to_string() == text).or_else(weight)
}

fn address(text: &str) -> Result<pulsegate_core::base::identity::Address, String> {
    config::backend_address(text).map_err(|allowed| format!("found {text:?}, allowed: {allowed}"))
}

fn id(upstream: &str, backend: &str) -> Result<BackendId, String> {
    Ok(BackendId { upstream: upstream.into(), address: address(backend)? })
}

impl Second {
    /// What the `nth` success took, in the order of the classes: which one took what is not known.
    pub(super) fn took(&self, nth: u32) -> Duration {
        let mut before = 0;
        for (class, count) in self.latency.iter().enumerate() {
            before = count.saturating_add(before);
            if nth < before {
                let bound = LATENCIES.get(class).or(LATENCIES.last()).copied().unwrap_or_default();
                return Duration::from_millis(u64::from(bound));
            }
        }
        Duration::ZERO
    }
}

/// What a probe of another timeout would have read.
pub(super) fn within(reading: &Reading, timeout: Duration) -> Reading {
    if reading.took <= timeout {
        return reading.clone();
    }
    let connected = !matches!(reading.result, ReadingResult::TimedOut { connected: false });
    Reading::new(ReadingResult::TimedOut { connected }, timeout)
}
