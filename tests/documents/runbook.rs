//! Does `docs/operations.md` say what to do about everything that the program can say? Events, metrics, reasons and log lines are
//! read off the sources.

use super::markdown::{bare, rows};
use super::{read, repository};
use pulsegate::telemetry::table;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/operations.md";

/// The first cells of the tables headed `head`.
fn entries(head: &str) -> BTreeSet<String> {
    let rows = rows(&read(PAGE), head);
    for row in &rows {
        assert!(row.len() >= 3 && row.iter().all(|cell| !cell.is_empty()), "{PAGE}: {row:?} leaves a cell empty");
    }
    rows.iter().flat_map(|row| row[0].split(", ").map(|cell| bare(cell).to_owned())).collect()
}

/// The page has an entry for each of `said` and for nothing else.
fn assert_entries(head: &str, said: &BTreeSet<String>) {
    let entries = entries(head);
    let missing: Vec<_> = said.difference(&entries).collect();
    let stale: Vec<_> = entries.difference(said).collect();
    assert!(missing.is_empty(), "{PAGE}: the tables headed `{head}` have no entry for {missing:?}");
    assert!(stale.is_empty(), "{PAGE}: the tables headed `{head}` explain {stale:?}, which nothing says");
}

/// The sources under `folder` without their tests, comments left out.
fn sources(folder: &Path) -> String {
    if folder.is_file() {
        let text = fs::read_to_string(folder).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        return code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |all, line| all + line + "\n");
    }
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let tests = |path: &Path| path.file_name().is_some_and(|name| name == "tests" || name == "tests.rs");
    paths.iter().filter(|path| !tests(path)).map(|path| sources(path)).collect()
}

/// The string literals of `code`.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((_, begun)) = rest.split_once('"') {
        let mut end = 0;
        while let Some(at) = begun[end..].find(['"', '\\']) {
            end += at;
            if begun[end..].starts_with('"') {
                break;
            }
            end += 2;
        }
        found.push(begun[..end].to_owned());
        rest = begun.get(end + 1..).unwrap_or_default();
    }
    found
}

/// The sources under a path of the repository.
pub(super) fn source(path: &str) -> String {
    sources(&repository().join(path))
}

#[test]
fn every_event_has_an_entry_and_every_entry_an_event() {
    let code = source("src/telemetry/event.rs");
    let named = code.split("Line::new(").skip(1).filter_map(|call| literals(call).into_iter().next());
    let mut events: BTreeSet<String> = named.collect();
    // Of the process, and no event of the board.
    let own = source("src/telemetry/panics.rs");
    events.extend(own.split("event = \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    assert!(events.contains("backend.transition") && events.len() > 10, "the source was not understood: {events:?}");
    assert_entries("event", &events);
}

#[test]
fn every_metric_has_an_entry_and_every_entry_a_metric() {
    let metrics: BTreeSet<String> = table::ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert_entries("metric", &metrics);
}

/// The words for reasons: lower case, joined by `_`, or one of a few that are single words.
fn reasons(code: &str) -> BTreeSet<String> {
    let word = |text: &String| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && (text.contains('_') || text == "cut" || text == "overloaded")
    };
    literals(code).into_iter().filter(word).collect()
}

#[test]
fn every_reason_of_the_access_log_has_an_entry() {
    let mut answered = reasons(&source("core/src/http/problem.rs"));
    answered.extend(reasons(&source("core/src/traffic/admission.rs")));
    answered.extend(reasons(&source("core/src/traffic/request/ended.rs")));
    answered.extend(["internal", "idle_timeout", "client_stalled"].map(str::to_owned));
    let answered: BTreeSet<String> = answered.into_iter().filter(|word| word != "request_id").collect();
    assert!(answered.contains("none_eligible") && answered.contains("cut"), "{answered:?}");
    assert_entries("reason", &answered);
}

#[test]
fn every_refusal_and_every_end_of_retries_has_an_entry() {
    let refused = reasons(&source("src/front"));
    assert!(refused.contains("tls_failed") && refused.contains("too_many_connections"), "{refused:?}");
    assert_entries("refused", &refused);
    let mut stopped = reasons(&source("core/src/traffic/retry.rs"));
    stopped.extend(["limit".to_owned(), "budget".to_owned()]);
    // No refusal of a retry: nothing failed that somebody else could do better.
    stopped.retain(|word| word != "not_retriable");
    assert_entries("retry_stopped", &stopped);
}

/// The longest part of a log line's text that is always the same.
fn fixed_part(text: &str) -> String {
    let joined = text.split("\\\n").map(str::trim_start).collect::<String>();
    let parts = joined.split(['{', '}']).enumerate().filter(|(index, _)| index % 2 == 0);
    let longest =
        parts.map(|(_, part)| part.trim_matches([' ', ':', ';', '(', ')', ','])).max_by_key(|part| part.len());
    longest.unwrap_or_default().to_owned()
}

#[test]
fn every_other_log_line_has_an_entry() {
    let code = source("src/");
    let page = read(PAGE);
    let mut seen = 0;
    for level in ["log::warn!(", "log::error!(", "log::info!("] {
        for call in code.split(level).skip(1) {
            let text = literals(call).into_iter().next().unwrap_or_default();
            let fixed = fixed_part(&text);
            assert!(fixed.len() >= 4 && page.contains(&fixed), "{PAGE} does not explain the line {text:?} ({fixed:?})");
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} log lines were found");
}

#[test]
fn literals_are_found_whole() {
    assert_eq!(literals(r#"a("x", "y \" z")"#), ["x", r#"y \" z"#]);
    assert_eq!(fixed_part("leaving: {left} connections are still open"), "connections are still open");
}
