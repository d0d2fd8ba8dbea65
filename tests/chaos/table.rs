//! How is a comparison shown? One Markdown table of medians, with what Pulsegate has to keep up with.

use super::gateway::Kind;
use super::result::{Record, Tally};
use super::scenarios::{self, Scenario};
use libtest_mimic::Failed;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- made by `make chaos` -->\n";
const END: &str = "<!-- end -->\n";

pub fn print(records: &[Record]) -> String {
    let runs =
        scenarios::all().iter().flat_map(|scenario| Kind::ALL.map(|kind| of(records, scenario, kind).len())).max();
    let mut text = format!("{}, runs: {}\n\n", &jiff::Timestamp::now().to_string()[..10], runs.unwrap_or(0));
    text += "| scenario | what happens | requests |";
    for kind in Kind::ALL {
        let _ = write!(text, " {} |", kind.name());
    }
    text += " allowed | |\n|---|---|---|---|---|---|---|---|---|\n";
    for scenario in scenarios::all() {
        if Kind::ALL.iter().any(|kind| !of(records, &scenario, *kind).is_empty()) {
            text += &row(records, &scenario);
        }
    }
    text
}

/// Puts the table in its place in a document.
pub fn write(path: &Path, table: &str) -> Result<(), String> {
    let document = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parts = document.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{}: it has no place for the table", path.display()))?;
    fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn of<'r>(records: &'r [Record], scenario: &Scenario, kind: Kind) -> Vec<&'r Record> {
    records.iter().filter(|record| record.scenario == scenario.name && record.gateway == kind.name()).collect()
}

fn row(records: &[Record], scenario: &Scenario) -> String {
    let total = records.iter().find(|record| record.scenario == scenario.name).map_or(0, Record::total);
    let mut row = format!("| `{}` | {} | {total} |", scenario.name, scenario.says);
    for kind in Kind::ALL {
        let _ = write!(row, " {} |", cell(&of(records, scenario, kind)));
    }
    let failed = |kind: Kind| median(of(records, scenario, kind).iter().map(|record| record.failed() as f64));
    let allowed = allowed(Kind::ALL[1..].iter().filter_map(|kind| failed(*kind)), total);
    let verdict = match (failed(Kind::Pulsegate), allowed) {
        (Some(own), Some(allowed)) if own <= allowed => "✔",
        (Some(_), Some(_)) => "✘",
        _ => "–",
    };
    let allowed = allowed.map_or("–".to_owned(), |allowed| format!("{allowed:.0}"));
    let _ = writeln!(row, " {allowed} | {verdict} |");
    row
}

/// What Pulsegate may fail: the best of its peers, and 2 or 0.1 % of the requests, whichever is more.
fn allowed(peers: impl Iterator<Item = f64>, total: usize) -> Option<f64> {
    peers.reduce(f64::min).map(|best| best + f64::max(2.0, total as f64 / 1000.0))
}

/// Failed GETs + failed POSTs; how many GETs were slow, and the 99th percentile of those that were answered.
fn cell(records: &[&Record]) -> String {
    let gets = |value: fn(&Tally) -> f64| median(records.iter().map(|record| value(&record.gets)));
    let posts = |value: fn(&Tally) -> f64| median(records.iter().map(|record| value(&record.posts)));
    let failed: fn(&Tally) -> f64 = |tally| tally.failed as f64;
    let (Some(failed_gets), Some(failed_posts)) = (gets(failed), posts(failed)) else { return "–".to_owned() };
    let slow = gets(|tally| tally.slow as f64).unwrap_or(0.0);
    let late = gets(|tally| tally.p99_ms).unwrap_or(0.0);
    let slow = if slow > 0.0 { format!("{slow:.0} slow, ") } else { String::new() };
    format!("**{failed_gets:.0} + {failed_posts:.0}** ({slow}{late:.0} ms)")
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// The arithmetic behind a verdict, as a test: a wrong bar would flatter.
pub fn check() -> Result<(), Failed> {
    let bars = [
        (allowed([7.0, 3.0, 5.0].into_iter(), 1600), Some(5.0)),
        (allowed([0.0].into_iter(), 4000), Some(4.0)),
        (allowed([].into_iter(), 1600), None),
    ];
    let medians = [(median([9.0, 1.0, 2.0].into_iter()), Some(2.0)), (median([].into_iter()), None)];
    match bars.into_iter().chain(medians).find(|(found, expected)| found != expected) {
        None => Ok(()),
        Some((found, expected)) => Err(format!("{found:?}, and not {expected:?}").into()),
    }
}
