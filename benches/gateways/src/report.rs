//! What is told of a run, and where is it written? On stdout, and with `--write` between two marks of a document.

use crate::figures::Figures;
use crate::gateways::Setting;
use crate::memory::Held;
use crate::options::Options;
use crate::peers::{Column, Work};
use crate::rows::Row;
use crate::{machine, table};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- The comparison: `make bench` writes what follows. -->";
const END: &str = "<!-- The end of the comparison. -->";

pub struct Report<'a> {
    pub options: &'a Options,
    pub setting: &'a Setting,
    pub columns: &'a [Column],
    pub rows: &'a [Row],
    pub figures: &'a Figures,
    pub held: &'a [Held],
}

pub fn tell(report: &Report<'_>) {
    let text = text(report);
    println!("{text}");
    if let Some(file) = &report.options.write {
        write(file, &text);
    }
}

fn text(report: &Report<'_>) -> String {
    let Report { options, setting, figures, held, .. } = report;
    let (newer, columns): (Vec<Column>, Vec<Column>) = report.columns.iter().partition(|column| column.is_newer());
    let mut text = format!(
        "Measured {}: {} rounds of {:.1} s a cell, medians; behind ratios, (least – most) of the rounds. {}. {}.\n",
        machine::today(),
        options.rounds,
        options.cell.as_secs_f64(),
        machine::described(),
        machine::versions(setting, report.columns),
    );
    let mut part = |title: &str, table: String| {
        let _ = write!(text, "\n### {title}\n\n{table}");
    };
    if !report.rows.is_empty() {
        let mut shown = table::efficiency(figures, report.rows, &columns);
        if let Some(workers) = table::two_workers(figures, &columns) {
            let _ = write!(shown, "\nTwo workers, per CPU-second, of one: {workers}.\n");
        }
        part("Requests per CPU-second, and µs of a request: user + system", shown);
        part("Requests per second, in the same windows", table::throughput(figures, report.rows, &columns));
    }
    if !figures.rates.is_empty() {
        let rate = figures.rates.iter().sum::<f64>() / figures.rates.len() as f64;
        part(&format!("Latency added, at {rate:.0} requests per second"), table::latency(figures, &columns));
    }
    if !held.is_empty() {
        part("Memory (RssAnon)", table::memory(held));
    }
    if !newer.is_empty() {
        let beside: Vec<Column> =
            report.columns.iter().copied().filter(|column| column.is_newer() || column.work == Work::Same).collect();
        let rows: Vec<Row> = report.rows.iter().copied().filter(|row| row.newer).collect();
        part("Newer gateways, requests per CPU-second", table::plain(figures, &rows, &beside));
    }
    let failed = figures.failures();
    let _ = match failed.is_empty() {
        true => write!(text, "\nRequests that failed: none.\n"),
        false => write!(text, "\nRequests that failed: {}.\n", failed.join("; ")),
    };
    text
}

/// What stood between the marks is replaced.
fn write(file: &Path, text: &str) {
    let shown = file.display();
    let before = fs::read_to_string(file).unwrap_or_else(|error| panic!("--write: {shown} cannot be read: {error}"));
    let parts = before.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.unwrap_or_else(|| panic!("--write: {shown} lacks the lines {BEGIN} and {END}"));
    let after = format!("{head}{BEGIN}\n\n{text}\n{END}{tail}");
    fs::write(file, after).unwrap_or_else(|error| panic!("--write: {shown} cannot be written: {error}"));
}
