//! What does the verbose text of Kubernetes say? One line for each check, `[+]ping ok` or `[-]etcd failed: reason withheld`, and a last
//! one for the whole: `readyz check failed`.

use super::shelf::{Shelf, Statement};
use super::words::hear;
use pulsegate_core::health::document::Meaning;

pub(super) fn speaks(text: &str) -> bool {
    text.lines().any(|line| check(line).is_some())
}

pub(super) fn read(text: &str, shelf: &mut Shelf) -> Option<Statement> {
    let mut whole = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match check(line) {
            Some((name, statement)) => shelf.put(name, &statement, None),
            None => whole = said(line).or(whole),
        }
    }
    whole
}

/// The sign counts; the words behind the name are those of the check.
fn check(line: &str) -> Option<(&str, Statement)> {
    let line = line.trim();
    let (means, rest) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
        (Some(rest), _) => (Meaning::Pass, rest),
        (_, Some(rest)) => (Meaning::Fail, rest),
        _ => return None,
    };
    let (name, words) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let (word, reason) = words.split_once(':').unwrap_or((words, ""));
    let (word, reason) = (word.trim(), reason.trim());
    let word = if word.is_empty() { if means == Meaning::Pass { "ok" } else { "failed" } } else { word };
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    (!name.is_empty())
        .then(|| (name.trim_end_matches(':'), Statement { word: word.to_owned(), means: Some(means), reason }))
}

/// `healthz check passed`, `ok`.
fn said(line: &str) -> Option<Statement> {
    let heard = hear(line);
    let means = heard.means?;
    Some(Statement { word: heard.word.to_owned(), means: Some(means), reason: heard.reason.map(str::to_owned) })
}
