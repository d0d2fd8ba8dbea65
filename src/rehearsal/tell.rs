//! How is a rehearsal told? As a timeline for people, and as JSON for programs. The words for events are those of the log.

use super::Outcome;
use super::figures::Figures;
use super::story::{Moment, Story, Told};
use crate::clock::when;
use crate::telemetry;
use pulsegate_core::health::event::EventKind;
use pulsegate_core::health::standing::Cause;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Of the JSON.
const VERSION: u32 = 1;

/// "00:12.345", with hours where there are some.
pub(super) fn moment(at: Duration) -> String {
    let (secs, millis) = (at.as_secs(), at.subsec_millis());
    let (hours, minutes, secs) = (secs / 3_600, secs / 60 % 60, secs % 60);
    if hours > 0 {
        return format!("{hours}:{minutes:02}:{secs:02}.{millis:03}");
    }
    format!("{minutes:02}:{secs:02}.{millis:03}")
}

/// The timeline and what came of it.
pub fn text(outcome: &Outcome) -> String {
    let story = &outcome.story;
    let mut out = format!(
        "{} with {}, seed {}: {} of virtual time\n\n",
        story.scenario.display(),
        story.config.display(),
        story.seed,
        when::span(story.length)
    );
    for moment in story.moments.iter().filter(|moment| worth_a_line(moment)) {
        let _ = writeln!(out, "{}", line(moment));
    }
    let _ = writeln!(out, "\n{}", summary(story));
    for verdict in &outcome.verdicts {
        let _ = match &verdict.broken {
            None => writeln!(out, "met      {}", verdict.text),
            Some(found) => writeln!(out, "BROKEN   {}: {found}", verdict.text),
        };
    }
    let broken = outcome.verdicts.iter().filter(|verdict| verdict.broken.is_some()).count();
    let all = outcome.verdicts.len();
    let _ = match (all, broken) {
        (0, _) => writeln!(out, "nothing was expected: `expect` makes a test of it"),
        (_, 0) => writeln!(out, "{all} of {all} expectations met"),
        _ => writeln!(out, "{broken} of {all} expectations broken"),
    };
    out
}

/// That everybody joins and passes its first probe is how every rehearsal begins: one line tells it.
fn worth_a_line(moment: &Moment) -> bool {
    let Told::Event(event) = &moment.what else { return true };
    match &event.kind {
        EventKind::Transition { from: Cause::Unchecked, to: Cause::Up, .. } => false,
        EventKind::MemberJoined { .. } => !moment.at.is_zero(),
        _ => true,
    }
}

fn line(told: &Moment) -> String {
    let at = moment(told.at);
    match &told.what {
        Told::Scenario(text) => format!("{at}  scenario  {text}"),
        Told::Event(event) => {
            let (line, _) = telemetry::event::tell(event);
            let field = |name: &str| line.fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
            let who = match (field("upstream"), field("backend")) {
                (Some(upstream), Some(backend)) => format!("{upstream}/{backend}: "),
                (Some(upstream), None) => format!("{upstream}: "),
                _ => String::new(),
            };
            format!("{at}  gateway   {who}{}", line.message)
        }
    }
}

fn summary(story: &Story) -> String {
    let total = story.total();
    let mut rows = vec![
        format!("requests {}, in {} attempts", total.requests, total.attempts),
        format!("failed   {} ({:.3} %){}", total.failed(), total.failed_share() * 100.0, reasons(&total)),
        format!("saved    {} by asking another backend", total.saved),
        format!("ejected  {} times, {} refused by the cap", total.ejections, total.refused_ejections),
        format!("flaps    {} (returns that lasted less than a minute)", total.flaps),
        format!("probes   {}", total.probes),
    ];
    if total.hedges > 0 {
        rows.push(format!("hedged   {}, answered first {} times", total.hedges, total.hedges_won));
    }
    if total.copies > 0 {
        rows.push(format!("copied   {} to mirrors, {} dropped", total.copies, total.copies_dropped));
    }
    if story.upstreams.len() > 1 {
        rows.extend(story.upstreams.iter().map(|(name, figures)| of_upstream(name, figures)));
    }
    rows.push(String::new());
    rows.join("\n")
}

/// One of several upstreams.
fn of_upstream(name: &str, figures: &Figures) -> String {
    format!(
        "of these {name}: requests {}, failed {} ({:.3} %){}",
        figures.requests,
        figures.failed(),
        figures.failed_share() * 100.0,
        reasons(figures)
    )
}

fn reasons(figures: &Figures) -> String {
    let badly = (figures.answered_badly > 0).then(|| format!("{} a backend's 5xx", figures.answered_badly));
    let refused = figures.refused.iter().map(|(reason, count)| format!("{count} {reason}"));
    let all: Vec<String> = badly.into_iter().chain(refused).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join(", ")) }
}

/// The same for programs.
pub fn json(outcome: &Outcome) -> Value {
    let story = &outcome.story;
    let expectations: Vec<Value> = outcome
        .verdicts
        .iter()
        .map(|verdict| json!({ "expected": verdict.text, "met": verdict.broken.is_none(), "found": verdict.broken }))
        .collect();
    let upstreams: serde_json::Map<String, Value> =
        story.upstreams.iter().map(|(name, figures)| (name.to_string(), in_figures(figures))).collect();
    json!({
        "version": VERSION,
        "scenario": story.scenario,
        "config": story.config,
        "seed": story.seed,
        "length_ms": millis(story.length),
        "as_expected": outcome.as_expected(),
        "expectations": expectations,
        "summary": in_figures(&story.total()),
        "upstreams": upstreams,
        "timeline": story.moments.iter().map(entry).collect::<Vec<Value>>(),
    })
}

fn in_figures(figures: &Figures) -> Value {
    json!({
        "requests": figures.requests,
        "attempts": figures.attempts,
        "failed": figures.failed(),
        "failed_with_a_backends_5xx": figures.answered_badly,
        "refused": figures.refused,
        "saved": figures.saved,
        "hedges": figures.hedges,
        "hedges_won": figures.hedges_won,
        "copies": figures.copies,
        "copies_dropped": figures.copies_dropped,
        "ejections": figures.ejections,
        "ejections_refused": figures.refused_ejections,
        "flaps": figures.flaps,
        "probes": figures.probes,
    })
}

fn entry(told: &Moment) -> Value {
    let at = millis(told.at);
    match &told.what {
        Told::Scenario(text) => json!({ "at_ms": at, "event": "scenario", "message": text }),
        Told::Event(event) => {
            let (line, _) = telemetry::event::tell(event);
            let mut entry = serde_json::Map::new();
            entry.insert("at_ms".to_owned(), json!(at));
            entry.insert("event".to_owned(), json!(line.name));
            entry.insert("message".to_owned(), json!(line.message));
            for (key, value) in line.fields {
                entry.insert(key.to_owned(), json!(value));
            }
            Value::Object(entry)
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
