//! What does a plain text say? A word, or a line for each part: `database: PASSED`.

use super::shelf::{Shelf, Statement};
use super::words::{hear, parts};

/// Longer texts tell a story, and no word that a person would look up.
const LONGEST: usize = 64;
const MOST_PARTS: usize = 4;
const MOST_LINES: usize = 1000;

pub(super) fn read(text: &str, shelf: &mut Shelf) -> Option<Statement> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next()?;
    if lines.next().is_none() {
        return word(first).or_else(|| named(first, shelf));
    }
    let mut whole = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()).take(MOST_LINES) {
        let heard = hear(line);
        if heard.means.is_some() && whole.is_none() {
            whole = Some(Statement {
                word: heard.word.to_owned(),
                means: heard.means,
                reason: heard.reason.map(str::to_owned),
            });
        } else {
            named(line, shelf);
        }
    }
    whole
}

/// A text of one line. One that no list knows counts where it is short enough for a word.
fn word(line: &str) -> Option<Statement> {
    let heard = hear(line);
    let short = line.len() <= LONGEST && parts(line).len() <= MOST_PARTS && !line.contains(": ");
    (heard.means.is_some() || short).then(|| Statement {
        word: heard.word.to_owned(),
        means: heard.means,
        reason: heard.reason.map(str::to_owned),
    })
}

/// `database: PASSED Schema version: 20`: a name, a word that a list knows, its reason. It is said of a part, never of the whole.
fn named(line: &str, shelf: &mut Shelf) -> Option<Statement> {
    let (name, rest) = line.split_once(':').or_else(|| line.split_once('='))?;
    let (name, rest) = (name.trim_start_matches(['-', '*', ' ']).trim(), rest.trim());
    if name.is_empty() || name.len() > LONGEST || rest.is_empty() {
        return None;
    }
    let (first, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let heard = hear(rest);
    let (word, means, reason) = match heard.means {
        Some(_) => (heard.word, heard.means, heard.reason.unwrap_or_default()),
        None => (first.trim_end_matches([':', ',']), hear(first.trim_end_matches([':', ','])).means, reason.trim()),
    };
    means?;
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    shelf.put(name, &Statement { word: word.to_owned(), means, reason }, None);
    None
}
