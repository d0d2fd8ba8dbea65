//! How are the figures shown? In Markdown tables of medians.

use crate::figures::{Figures, Sample};
use crate::memory::Held;
use crate::peers::{Column, PULSEGATE, Program, Work};
use crate::rows::{Row, USUAL};
use std::fmt::Write;

/// Requests per CPU-second, with the microseconds, and how Pulsegate's compare with the better of the others.
pub fn efficiency(figures: &Figures, rows: &[Row], columns: &[Column]) -> String {
    let mut text = header(columns, &["× the better at its barest", "× the better at the same work"]);
    for row in rows {
        let cells = columns.iter().map(|column| cost(figures.of(row.key, *column)));
        let ratios = [Work::Barest, Work::Same].map(|work| better(figures, row, columns, work));
        line(&mut text, row.title, cells.chain(ratios));
    }
    text
}

/// Requests per CPU-second and microseconds alone.
pub fn plain(figures: &Figures, rows: &[Row], columns: &[Column]) -> String {
    let mut text = header(columns, &[]);
    for row in rows {
        line(&mut text, row.title, columns.iter().map(|column| cost(figures.of(row.key, *column))));
    }
    text
}

/// Requests per second in the same windows.
pub fn throughput(figures: &Figures, rows: &[Row], columns: &[Column]) -> String {
    let mut text = header(columns, &[]);
    for row in rows {
        let cell = |column: &Column| {
            median(figures.of(row.key, *column), |sample| sample.per_second).map_or_else(none, thousands)
        };
        line(&mut text, row.title, columns.iter().map(cell));
    }
    text
}

/// What two workers do with a CPU-second, of what one does in the same round.
pub fn two_workers(figures: &Figures, columns: &[Column]) -> Option<String> {
    let shown = columns.iter().filter_map(|column| {
        let ratios = ratios(figures.of("workers", *column), figures.of(USUAL, *column));
        (!ratios.is_empty()).then(|| format!("{} {}", column.name(), spread(ratios, 2)))
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

pub fn latency(figures: &Figures, columns: &[Column]) -> String {
    let columns: Vec<Column> = columns.iter().copied().filter(|column| !figures.added(*column).is_empty()).collect();
    let mut text = header(&columns, &[]);
    let cell = |column: &Column, of: fn(&crate::figures::Added) -> f64| {
        spread(figures.added(*column).iter().map(of).collect(), 0)
    };
    line(&mut text, "p50 added, µs", columns.iter().map(|column| cell(column, |added| added.p50)));
    line(&mut text, "p99 added, µs", columns.iter().map(|column| cell(column, |added| added.p99)));
    text
}

pub fn memory(held: &[Held]) -> String {
    let columns: Vec<Column> = held.iter().map(|held| held.column).collect();
    let mut text = header(&columns, &[]);
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let idle = held.iter().map(|held| format!("{:.1} ({:.0})", mib(held.idle), mib(held.huge)));
    line(&mut text, "idle process, MiB (of it in huge pages)", idle);
    for (at, kind) in ["plain", "TLS", "HTTP/2"].into_iter().enumerate() {
        let each = held.iter().map(|held| format!("{:.2}", held.each[at] / 1024.0));
        line(&mut text, &format!("idle connection, {kind}, KiB"), each);
    }
    text
}

fn header(columns: &[Column], more: &[&str]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name()).chain(more.iter().copied()).collect();
    format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()))
}

fn line(text: &mut String, title: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
}

fn none() -> String {
    "–".to_owned()
}

/// `117 k, 1.5 + 6.8`.
fn cost(samples: &[Sample]) -> String {
    let of = |value: fn(&Sample) -> f64| median(samples, value);
    match (of(|sample| sample.per_cpu), of(|sample| sample.user), of(|sample| sample.system)) {
        (Some(count), Some(user), Some(system)) => format!("{}, {user:.1} + {system:.1}", thousands(count)),
        _ => none(),
    }
}

/// Against whoever comes off better beside us: its name, the median of the rounds' ratios, least and most. Bold where we lose.
fn better(figures: &Figures, row: &Row, columns: &[Column], work: Work) -> String {
    let own = figures.of(row.key, PULSEGATE);
    let others = columns.iter().filter(|column| column.program != Program::Pulsegate && column.work == work);
    let against = others.map(|column| (column, ratios(own, figures.of(row.key, *column))));
    let least = against.filter_map(|(column, ratios)| Some((middle(ratios.clone())?, column, ratios)));
    match least.min_by(|one, other| one.0.total_cmp(&other.0)) {
        None => none(),
        Some((median, column, ratios)) => {
            let shown = format!("{} {}", spread(ratios, 2), column.name().trim_end_matches(" barest"));
            if median < 1.0 { format!("**{shown}**") } else { shown }
        }
    }
}

/// Within each round, so that the machine's drift cancels.
fn ratios(own: &[Sample], other: &[Sample]) -> Vec<f64> {
    own.iter().zip(other).map(|(own, other)| own.per_cpu / other.per_cpu).collect()
}

fn median<T>(samples: &[T], value: fn(&T) -> f64) -> Option<f64> {
    middle(samples.iter().map(value).collect())
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[at - 1], values[at])),
        _ => Some(values[at]),
    }
}

fn spread(values: Vec<f64>, digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    middle(values).map_or_else(none, |middle| format!("{middle:.digits$} ({least:.digits$} – {most:.digits$})"))
}

fn thousands(value: f64) -> String {
    match value / 1e3 {
        many if many >= 100.0 => format!("{many:.0} k"),
        some if some >= 10.0 => format!("{some:.1} k"),
        few => format!("{few:.2} k"),
    }
}
