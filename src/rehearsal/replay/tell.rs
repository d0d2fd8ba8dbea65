//! How is a replay told? A table of both ways, and what the record cannot know.

use super::Replay;
use super::compare::Row;
use super::read::Transition;
use crate::clock::when::span;
use crate::rehearsal::tell::moment;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

const VERSION: u32 = 1;

/// For people.
pub fn text(replay: &Replay) -> String {
    let mut out = head(replay);
    let _ = writeln!(out, "\n{:<38} {:>18} {:>18} {:>26}", "", "ejections", "flaps", "out");
    let _ = writeln!(
        out,
        "{:<38} {:>18} {:>18} {:>26}",
        "backend", "really / replay", "really / replay", "really / replay"
    );
    for (id, row) in &replay.rows {
        let both = |really: String, would: String| format!("{really} / {would}");
        let (really, would) = (row.really, row.replayed);
        let _ = writeln!(
            out,
            "{:<38} {:>18} {:>18} {:>26}",
            id.to_string(),
            both(really.ejections.to_string(), would.ejections.to_string()),
            both(really.flaps.to_string(), would.flaps.to_string()),
            both(span(really.out), span(would.out)),
        );
    }
    let told = &replay.replayed;
    let (avoided, moved) = totals(replay);
    let _ = writeln!(
        out,
        "\n{} attempts, {} of them failed; {avoided} of the failed ones would have gone elsewhere, and {moved} of the good ones",
        told.attempts, told.failed
    );
    let _ = writeln!(out, "\nwhat the record cannot know:");
    for line in unknown(replay) {
        let _ = writeln!(out, "- {line}");
    }
    out.push_str(&both_ways(replay));
    out
}

fn head(replay: &Replay) -> String {
    let recorded = &replay.recorded;
    let same = match (recorded.fingerprints.as_slice(), replay.same_config) {
        (_, true) => "the configuration that was recorded: what differs is chance".to_owned(),
        ([_], false) => "which is not the configuration that was recorded".to_owned(),
        (several, false) => format!("while {} configurations were recorded, one after the other", several.len()),
    };
    let files = recorded.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    format!(
        "{files}: {} from {} on\nwith {}, {same}\n",
        span(recorded.until.saturating_sub(recorded.from)),
        recorded.wall,
        replay.config.display()
    )
}

fn totals(replay: &Replay) -> (u64, u64) {
    (replay.replayed.avoided.values().sum(), replay.replayed.moved.values().sum())
}

fn unknown(replay: &Replay) -> Vec<String> {
    let (told, probes) = (&replay.replayed, &replay.replayed.probes);
    let blind: Duration = replay.rows.values().map(|row: &Row| row.blind).sum();
    let mut lines = vec![
        format!(
            "{} of backends that would have been in while they were really out: no request was sent to them, so nobody knows what it would have met",
            span(blind)
        ),
        format!(
            "probes at other moments: {} began within 100 ms of a recorded one, {} took the answer of one within a period, {} had none so near (or one with a shorter timeout) and took the nearest",
            probes.exact, probes.near, probes.unknown
        ),
        "what the requests that would have gone elsewhere would have met there, and what their load would have done"
            .to_owned(),
    ];
    if told.unordered > 0 {
        lines.push(format!("the order of {} outcomes within their second", told.unordered));
    }
    if told.strangers > 0 {
        lines.push(format!("{} attempts at backends that this configuration does not have", told.strangers));
    }
    if replay.recorded.lost > 0 {
        lines.push(format!("{} lines that could not be written or are of another version", replay.recorded.lost));
    }
    lines
}

/// All transitions, those of both ways in the order of time.
fn both_ways(replay: &Replay) -> String {
    let really = replay.recorded.transitions.iter().map(|one| (one, "really"));
    let would = replay.replayed.transitions.iter().map(|one| (one, "replay"));
    let mut all: Vec<(&Transition, &str)> = really.chain(would).collect();
    all.sort_by_key(|(one, way)| (one.at, *way));
    let mut out = String::from("\n");
    for (one, way) in all {
        let _ = writeln!(out, "{}  {way}  {}: {} -> {}", moment(one.at), one.backend, one.from, one.to);
    }
    out
}

/// For programs.
pub fn json(replay: &Replay) -> Value {
    let (recorded, told) = (&replay.recorded, &replay.replayed);
    let (avoided, moved) = totals(replay);
    let backends: Vec<Value> = replay
        .rows
        .iter()
        .map(|(id, row)| {
            let figures = |one: super::compare::Figures| {
                json!({ "ejections": one.ejections, "flaps": one.flaps, "out_ms": millis(one.out) })
            };
            json!({
                "upstream": &*id.upstream, "backend": id.address.to_string(),
                "really": figures(row.really), "replayed": figures(row.replayed),
                "failures_avoided": row.avoided, "successes_moved": row.moved, "unknown_ms": millis(row.blind),
            })
        })
        .collect();
    json!({
        "version": VERSION,
        "files": recorded.files,
        "begun": recorded.wall,
        "config": replay.config,
        "same_config": replay.same_config,
        "attempts": told.attempts,
        "failed": told.failed,
        "failures_avoided": avoided,
        "successes_moved": moved,
        "probes": { "exact": told.probes.exact, "near": told.probes.near, "unknown": told.probes.unknown },
        "outcomes_without_order": told.unordered,
        "attempts_at_unknown_backends": told.strangers,
        "lines_lost": recorded.lost,
        "backends": backends,
        "transitions": {
            "really": recorded.transitions.iter().map(transition).collect::<Vec<Value>>(),
            "replayed": told.transitions.iter().map(transition).collect::<Vec<Value>>(),
        },
    })
}

fn transition(one: &Transition) -> Value {
    json!({
        "at_ms": millis(one.at), "upstream": &*one.backend.upstream, "backend": one.backend.address.to_string(),
        "from": one.from.word(), "to": one.to.word(),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
