//! What does a word about health mean? One list for all vocabularies: they agree where they overlap.
//!
//! Case, punctuation and spaces do not count (`OUT_OF_SERVICE`, `Out of service`, `outOfService`), nor do the fillers around a word
//! (`Server is ready`, `Status: OK`, `check_result_ok`, `Prometheus Server is Healthy.`). `not` before a word of the first list turns it
//! into a failure. A word may be followed by its reason, behind a colon or a dash (`CRITICAL - disk full`, `Unavailable: timed out`).
//!
//! - **pass**: [`PASS`], and 200 to 399 in digits
//! - **degraded**: [`DEGRADED`]
//! - **drain** (wants no new traffic, and means it): [`DRAIN`]
//! - **fail**: [`FAIL`], and 400 to 599 in digits
//!
//! Everything else is a word that no list knows, among it Spring's `UNKNOWN`: it says itself that it does not know. Longer texts are no
//! words at all.

use super::json::{Json, Number};
use pulsegate_core::health::document::Meaning;

/// A word is no longer than this, fillers included.
const LONGEST: usize = 64;
const MOST_PARTS: usize = 8;

#[rustfmt::skip]
const PASS: &[&str] = &[
    "up", "ok", "okay", "pass", "passed", "passing", "healthy", "good", "great", "fine", "well", "success", "successful", "succeeded",
    "succeed", "ready", "alive", "live", "online", "available", "running", "active", "operational", "serving", "working", "works",
    "normal", "green", "connected", "reachable", "started", "stable", "nominal", "optimal", "pong",
    "imok", "nofailures", "noerror", "noerrors", "noproblem", "noproblems", "nothingtoreport", "uprunning", "established", 
    "valid", "accepting", "acceptingtraffic", "correct", "responding", "responsive", "synced", "insync", "complete", "completed", "clean",
    "notshuttingdown", "notterminating", "notdraining", "notfailing", "notdown", "sane", "perfect", 
    "skip", "skipped", "ignored", "excluded", "notapplicable", "notconfigured", "goodtogo", "✓", "✔", "✅", "👍", "🟢", "💚",
];
#[rustfmt::skip]
const DEGRADED: &[&str] = &[
    "degraded", "warn", "warning", "warnings", "partial", "partially", "partiallyavailable", "partiallydegraded", "partialoutage", "limited",
    "impaired", "yellow", "amber", "orange", "slow", "unstable", "flapping", "overloaded", "throttled", "reduced", "degradedperformance",
    "minor", "minoroutage", "suboptimal", "busy", "readonly", "attention", "recovering", "⚠", "🟡", "🟠",
];
#[rustfmt::skip]
const DRAIN: &[&str] = &[
    "outofservice", "oos", "drain", "draining", "drained", "maint", "maintenance", "inmaintenance", "undermaintenance", "maintenancemode",
    "shuttingdown", "shutdown", "stopping", "terminating", "leaving", "lameduck", "quiesce", "quiescing", "quiesced", "paused", "suspended",
    "suspending", "closing", "refusingtraffic", "exiting", "goingdown", "decommissioned", "decommissioning",
];
#[rustfmt::skip]
const FAIL: &[&str] = &[
    "down", "fail", "failed", "failing", "failure", "failures", "error", "errors", "errored", "err", "unhealthy", "critical", "crit", "red",
    "fatal", "dead", "bad", "ko", "nok", "nack", "broken", "crashed", "crash", "unavailable", "serviceunavailable", "offline", "inactive",
    "stopped", "unreachable", "disconnected", "timeout", "timedout", "refused", "connectionrefused",
    "unready", "unsuccessful", "severe", "major", "majoroutage", "outage", "emergency", "alert", "panic", "exception", "invalid", "killed",
    "terminated", "expired", "unserving", "noserving", "missing", "lost", "aborted", "blocked", "exhausted", "internalerror",
    "internalservererror", "starting", "startingup", "initializing", "initialising", "booting", "warmingup", "loading",
    "pending", "connecting", "reconnecting", "unresponsive", "sick", "ill", "✗", "✘", "✖", "❌", "❎", "🔴", "👎",
];

/// Words that say nothing by themselves.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "server", "service", "services", "application", "app", "api", "system", "systems", "status", "state", "health", "healthz", "readyz",
    "livez", "readiness", "liveness", "is", "are", "the", "all", "and", "everything", "currently", "now", "check", "checks", "result",
    "results", "i", "am", "im", "it", "its", "has", "been", "to", "a", "an", "with",
];

/// What one word means, and the reason that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard<'a> {
    pub(super) word: &'a str,
    pub(super) means: Option<Meaning>,
    pub(super) reason: Option<&'a str>,
}

/// Reads a text that stands where a word is due.
pub(super) fn hear(text: &str) -> Heard<'_> {
    let text = text.trim();
    if let Some(means) = meaning(text) {
        return Heard { word: text, means: Some(means), reason: None };
    }
    let separated =
        [": ", " - ", " – ", ":\n"].into_iter().filter_map(|by| text.split_once(by)).min_by_key(|(word, _)| word.len());
    if let Some((word, reason)) = separated
        && let Some(means) = meaning(word)
    {
        return Heard { word: word.trim(), means: Some(means), reason: Some(reason.trim()) };
    }
    Heard { word: text, means: None, reason: None }
}

/// What a word means; `None` where no list knows it.
pub(super) fn meaning(word: &str) -> Option<Meaning> {
    if word.len() > LONGEST || word.contains(['{', '}', '"', '<', '>']) {
        return None;
    }
    let word = word.trim();
    if let Ok(code) = word.parse::<i128>() {
        return code_means(code);
    }
    if let Some(yes) = truth_in_words(word) {
        return Some(if yes { Meaning::Pass } else { Meaning::Fail });
    }
    let parts = parts(word);
    if parts.is_empty() || parts.len() > MOST_PARTS {
        return None;
    }
    look_up(&parts.concat()).or_else(|| without_fillers(&parts)).or_else(|| behind_is(&parts))
}

/// `Server is ready`: what stands between words that say nothing.
fn without_fillers(parts: &[String]) -> Option<Meaning> {
    let kept: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !FILLERS.contains(part)).collect();
    look_up(&kept.concat())
}

/// `Prometheus Server is Healthy`: what is said of something with a name.
fn behind_is(parts: &[String]) -> Option<Meaning> {
    let is = parts.iter().rposition(|part| part == "is" || part == "are")?;
    without_fillers(parts.get(is + 1..)?)
}

fn look_up(word: &str) -> Option<Meaning> {
    const LISTS: [(&[&str], Meaning); 4] =
        [(PASS, Meaning::Pass), (DEGRADED, Meaning::Degraded), (DRAIN, Meaning::Drain), (FAIL, Meaning::Fail)];
    let listed = |word: &str| LISTS.into_iter().find(|(list, _)| list.contains(&word)).map(|(_, means)| means);
    listed(word).or_else(|| {
        let negated = word.strip_prefix("not").or_else(|| word.strip_prefix("isnt"))?;
        (listed(negated) == Some(Meaning::Pass)).then_some(Meaning::Fail)
    })
}

/// The letters and digits of a text in lower case, apart where a space, a sign or a capital divides them.
pub(super) fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut open, mut small) = (false, false);
    for letter in text.chars() {
        let counts = letter.is_alphanumeric() || !letter.is_ascii() && !letter.is_whitespace() && letter != '\u{FE0F}';
        if !counts {
            // An apostrophe divides nothing: isn't.
            open = open && letter == '\'';
            continue;
        }
        let capital = letter.is_uppercase() && small;
        small = letter.is_lowercase() || letter.is_numeric();
        let lower = letter.to_lowercase();
        match parts.last_mut() {
            Some(part) if open && !capital => part.extend(lower),
            _ => parts.push(lower.collect()),
        }
        open = true;
    }
    parts
}

/// The same without anything between: how names of members are compared.
pub(super) fn compact(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A number that looks like an HTTP status is judged as one.
pub(super) fn code_means(code: i128) -> Option<Meaning> {
    match code {
        200..=399 => Some(Meaning::Pass),
        400..=599 => Some(Meaning::Fail),
        _ => None,
    }
}

/// Is it so? Of a value behind a name that is a question, such as `healthy`.
pub(super) fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(yes) => Some(*yes),
        Json::Number(Number::Whole(1)) => Some(true),
        Json::Number(Number::Whole(0)) => Some(false),
        Json::Text(text) => truth_in_words(text),
        _ => None,
    }
}

pub(super) fn truth_in_words(text: &str) -> Option<bool> {
    match compact(text).as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// How bad it is: a word that no list knows is worse than a good one, and better than any that says something bad.
pub(super) fn badness(means: Option<Meaning>) -> u8 {
    match means {
        Some(Meaning::Pass) => 0,
        None => 1,
        Some(Meaning::Degraded) => 2,
        Some(Meaning::Drain) => 3,
        Some(Meaning::Fail) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_every_dress() {
        use Meaning::{Degraded, Drain, Fail, Pass};
        let rows: &[(&str, Option<Meaning>)] = &[
            ("UP", Some(Pass)),
            ("ok", Some(Pass)),
            ("OK!", Some(Pass)),
            ("  Healthy\r\n", Some(Pass)),
            ("SERVER_IS_READY", Some(Pass)),
            ("SERVER_IS_NOT_READY", Some(Fail)),
            ("SERVER_IS_NOT_SHUTTING_DOWN", Some(Pass)),
            ("SERVER_IS_SHUTTING_DOWN", Some(Drain)),
            ("Prometheus Server is Healthy.", Some(Pass)),
            ("Prometheus Server is Ready.", Some(Pass)),
            ("Service is healthy", Some(Pass)),
            ("All systems operational", Some(Pass)),
            ("up and running", Some(Pass)),
            ("Status: OK", Some(Pass)),
            ("I'm alive", Some(Pass)),
            ("check_result_critical", Some(Fail)),
            ("Partially Available", Some(Degraded)),
            ("WARNING", Some(Degraded)),
            ("yellow", Some(Degraded)),
            ("OUT_OF_SERVICE", Some(Drain)),
            ("outOfService", Some(Drain)),
            ("maintenance", Some(Drain)),
            ("not ready", Some(Fail)),
            ("NotServing", Some(Fail)),
            ("isn't ready", Some(Fail)),
            ("unhealthy", Some(Fail)),
            ("✅", Some(Pass)),
            ("❌", Some(Fail)),
            ("200", Some(Pass)),
            ("503", Some(Fail)),
            ("true", Some(Pass)),
            ("0", None),
            ("1", None),
            ("UNKNOWN", None),
            ("wobbly", None),
            ("", None),
            ("-", None),
            ("Error 111 connecting to localhost:16379. Connection refused.", None),
            ("this is the longest way of saying that everything is quite well and healthy", None),
        ];
        for (word, means) in rows {
            assert_eq!(meaning(word), *means, "{word:?}");
        }
    }

    #[test]
    fn a_word_may_have_a_reason() {
        let heard = hear("Unavailable: connection failed");
        assert_eq!(heard, Heard { word: "Unavailable", means: Some(Meaning::Fail), reason: Some("connection failed") });
        let heard = hear("CRITICAL - disk: full");
        assert_eq!(heard, Heard { word: "CRITICAL", means: Some(Meaning::Fail), reason: Some("disk: full") });
        let heard = hear("Unexpected Result: Connection Error");
        assert_eq!(heard, Heard { word: "Unexpected Result: Connection Error", means: None, reason: None });
    }

    #[test]
    fn no_word_stands_in_two_lists() {
        let mut all: Vec<&str> = [PASS, DEGRADED, DRAIN, FAIL].concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
