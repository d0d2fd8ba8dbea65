//! How is a check shown? The verdict first, then each step with its time, what the backend says of itself, and the command that asks the
//! same by hand.

use super::Asked;
use crate::telemetry::escape;
use pulsegate_core::health::document::{Document, Meaning, Said};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::{HttpAnswer, ReadingResult};
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::Vocabulary;
use serde_json::{Value, json};
use std::time::Duration;

/// Components that the text shows; the JSON form has all.
const COMPONENTS: usize = 20;

pub(super) fn passes(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass { .. })
}

pub(super) fn text(asked: &[Asked]) -> String {
    asked.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(asked: &Asked) -> String {
    let verdict = judge(&asked.reading, &asked.job.probe);
    let (passed, why, hint) = said(&verdict);
    let result = if passed { "PASS" } else { "FAIL" };
    let backend = &asked.job.backend;
    let mut lines = vec![format!("{} {} {result}: {}", backend.upstream, backend.address, clean(&why))];
    lines.extend(hint.map(|hint| format!("  hint        {}", clean(&hint))));
    for (name, step) in steps(asked) {
        lines.push(format!("  {name:<11} {}", step.map_or_else(|| "-".to_owned(), fine)));
    }
    if let Some(answer) = answer(asked) {
        lines.push(format!("  status      {}", answer.status));
        lines.extend(answer.location.as_ref().map(|location| format!("  location    {}", clean(location))));
        lines.extend(answer.document.as_deref().into_iter().flat_map(document));
    }
    lines.push(format!("  by hand     {}", clean(&asked.by_hand.line)));
    lines.extend(asked.by_hand.notes.iter().map(|note| format!("  note        {note}")));
    lines.join("\n") + "\n"
}

fn document(document: &Document) -> Vec<String> {
    let overall = document.overall.as_ref().map_or_else(|| "no word for the whole".to_owned(), word);
    let vocabulary = format!("{:?}", document.vocabulary).to_lowercase();
    let mut lines = vec![match document.vocabulary {
        Vocabulary::None => "  document    none that speaks of health: the status decides".to_owned(),
        _ => format!("  document    {vocabulary}: {overall}"),
    }];
    lines.extend(document.malformed.iter().map(|why| format!("  malformed   {}", clean(why))));
    for component in document.components.iter().take(COMPONENTS) {
        let message = component.message.as_ref().map(|message| format!(": {}", clean(message))).unwrap_or_default();
        lines.push(format!("    {} {}{message}", clean(&component.name), word(&component.said)));
    }
    let more = document.components.len().saturating_sub(COMPONENTS);
    lines.extend((more > 0).then(|| format!("    … {more} more with --json")));
    lines.extend(document.broken_assertions.iter().map(|broken| format!("  assertion   {}", clean(&broken.why))));
    lines.extend(document.leaks.iter().map(|leak| format!("  leak        {leak} is in it, and not shown")));
    lines
}

/// "UP (pass)", "MAYBE (unknown)".
fn word(said: &Said) -> String {
    format!("{} ({})", clean(&said.word), meaning(said.means))
}

const fn meaning(means: Option<Meaning>) -> &'static str {
    match means {
        None => "unknown",
        Some(Meaning::Pass) => "pass",
        Some(Meaning::Degraded) => "degraded",
        Some(Meaning::Drain) => "drain",
        Some(Meaning::Fail) => "fail",
    }
}

/// Passed, why, and a hint.
fn said(verdict: &Verdict) -> (bool, String, Option<String>) {
    match verdict {
        Verdict::Fail { why, hint, .. } => (false, why.to_string(), hint.as_ref().map(ToString::to_string)),
        Verdict::Drain { why } => (false, format!("it asks for a drain: {why}"), None),
        Verdict::Pass { degraded: Some(how), .. } => (true, format!("it would serve, degraded: {how}"), None),
        Verdict::Pass { warning, note, .. } => {
            let told = warning.as_ref().map(ToString::to_string).or(note.as_ref().map(ToString::to_string));
            (true, told.unwrap_or_else(|| "it would serve".to_owned()), None)
        }
    }
}

fn answer(asked: &Asked) -> Option<&HttpAnswer> {
    match &asked.reading.result {
        ReadingResult::Http(answer) => Some(answer),
        _ => None,
    }
}

fn steps(asked: &Asked) -> [(&'static str, Option<Duration>); 5] {
    let steps = asked.reading.steps;
    [
        ("dns", asked.dns),
        ("connect", steps.connect),
        ("tls", steps.tls),
        ("first byte", steps.first_byte),
        ("total", Some(asked.reading.took)),
    ]
}

fn fine(step: Duration) -> String {
    format!("{:.1} ms", step.as_secs_f64() * 1e3)
}

fn clean(text: &str) -> String {
    let mut clean = String::new();
    escape::control(&mut clean, text);
    clean
}

pub(super) fn json(asked: &[Asked]) -> String {
    let all: Vec<Value> = asked.iter().map(object).collect();
    format!("{:#}\n", Value::Array(all))
}

fn object(asked: &Asked) -> Value {
    let (passed, why, hint) = said(&judge(&asked.reading, &asked.job.probe));
    let answer = answer(asked);
    let millis = |step: Duration| (step.as_secs_f64() * 1e6).round() / 1e3;
    let steps = steps(asked).map(|(name, step)| (name.replace(' ', "_"), json!(step.map(millis))));
    json!({
        "upstream": &*asked.job.backend.upstream,
        "backend": asked.job.backend.address.to_string(),
        "passed": passed,
        "why": why,
        "hint": hint,
        "status": answer.map(|answer| answer.status),
        "location": answer.and_then(|answer| answer.location.as_deref()),
        "steps_ms": serde_json::Map::from_iter(steps),
        "document": answer.and_then(|answer| answer.document.as_deref()).map(document_object),
        "by_hand": asked.by_hand.line,
        "notes": asked.by_hand.notes,
    })
}

fn document_object(document: &Document) -> Value {
    let said = |said: &Said| json!({ "word": said.word, "means": meaning(said.means) });
    let components: Vec<Value> = document
        .components
        .iter()
        .map(|one| json!({ "name": one.name, "said": said(&one.said), "message": one.message }))
        .collect();
    let broken: Vec<&str> = document.broken_assertions.iter().map(|broken| &*broken.why).collect();
    json!({
        "vocabulary": format!("{:?}", document.vocabulary).to_lowercase(),
        "overall": document.overall.as_ref().map(said),
        "components": components,
        "broken_assertions": broken,
        "malformed": document.malformed,
        "leaks": document.leaks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
