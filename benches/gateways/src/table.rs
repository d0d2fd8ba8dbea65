//! How are the figures shown? One Markdown table of medians, each with its spread.

use crate::figures::{Figures, Seen};
use std::fmt::Write;

pub fn print(figures: &Figures, rounds: usize) -> String {
    let mut text = format!("{rounds} rounds; median (least – most)\n\n");
    text += "| gateway | requests per CPU-second | × bare pingora | p50 added, µs | p99 added, µs | memory idle, MiB | with 10 000 idle connections, MiB |\n";
    text += "|---|---|---|---|---|---|---|\n";
    let bare = figures.0.iter().find(|seen| seen.name == "bare pingora");
    for seen in &figures.0 {
        let ratios: Vec<f64> = bare.map_or_else(Vec::new, |bare| ratio(seen, bare));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.0} | {:.0} |",
            seen.name,
            spread(&seen.efficiency, 0),
            spread(&ratios, 2),
            spread(&seen.added_p50, 0),
            spread(&seen.added_p99, 0),
            seen.idle_bytes as f64 / 1_048_576.0,
            seen.crowd_bytes as f64 / 1_048_576.0,
        );
    }
    text
}

/// Within each round, so that the machine's drift cancels.
fn ratio(seen: &Seen, bare: &Seen) -> Vec<f64> {
    seen.efficiency.iter().zip(&bare.efficiency).map(|(own, bare)| own / bare).collect()
}

fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(least), Some(median), Some(most)) => format!("{median:.digits$} ({least:.digits$} – {most:.digits$})"),
        _ => "–".to_owned(),
    }
}
