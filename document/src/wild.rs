//! What does a JSON document say, whoever wrote it? The rules that all vocabularies share; what is special to one stands in its own file.
//!
//! - **The whole** is what the object says of itself: a word under `status` or one of its like; otherwise the answer to a question
//!   (`healthy: false`); otherwise a word that a list knows under a name that often holds one (`message: "pong"`); otherwise an `error`
//!   that is not empty. An envelope (`data`, `result`) is opened, and the worse of the two counts.
//! - **The parts** stand under names such as `components`, `checks`, `entries`, as a map or as a list of objects with names; or beside the
//!   word; or alone in a flat map. An object is a part where it says something of itself. Parts in parts are joined with `/`.
//! - **A flat map** (`{"database": "online"}`) is one of parts where no word stands for the whole, or where at least one of its values is a
//!   word that a list knows. What says who, where, when and how long (`version`, `startedAt`) is no part. Booleans are parts only where
//!   nothing but booleans and known words stands beside them: a setting must not take a backend out.
//! - **What stands under `errors` or `failures`**, and does not say how it is, has failed.

use super::json::{Json, Number};
use super::names;
use super::shelf::{Shelf, Statement};
use super::words::{self, code_means, compact, hear, truth};
use pulsegate_core::health::document::Meaning;
use std::collections::BTreeMap;

/// How much of the single values in a map counts as parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flat {
    /// None: they describe the part that holds them.
    No,
    /// All, if one of them is a word that a list knows.
    IfOneIsKnown,
    /// All: nothing else stands here.
    Yes,
}

/// Reads a whole document; what it says of itself is returned, its parts are put on the shelf.
pub(super) fn read(json: &Json, shelf: &mut Shelf) -> Option<Statement> {
    match json {
        Json::Map(_) => read_map(json, shelf),
        Json::List(items) => read_list(items, shelf),
        _ => single(json),
    }
}

fn read_map(json: &Json, shelf: &mut Shelf) -> Option<Statement> {
    let mut whole = statement(json);
    let mut envelope = None;
    if let Some(inner) = json.members().iter().find(|(name, value)| is_envelope(name, value)) {
        envelope = Some(inner.0.as_str());
        whole = match (whole, read_map(&inner.1, shelf)) {
            (Some(outer), Some(inner)) => Some(outer.worse(inner)),
            (outer, inner) => outer.or(inner),
        };
    }
    let flat = if whole.is_some() { Flat::IfOneIsKnown } else { Flat::Yes };
    for_parts(json, "", flat, envelope, shelf);
    whole
}

/// An object that says something of itself, under a name that says nothing.
fn is_envelope(name: &str, value: &Json) -> bool {
    let holds =
        |(name, value): &(String, Json)| names::holds_parts(name) && matches!(value, Json::Map(_) | Json::List(_));
    names::may_be_an_envelope(name)
        && matches!(value, Json::Map(_))
        && (statement(value).is_some() || value.members().iter().any(holds))
}

/// A list of parts; a word at its head stands for the whole (`["OK"]`).
fn read_list(items: &[Json], shelf: &mut Shelf) -> Option<Statement> {
    let head = items.first().filter(|item| !matches!(item, Json::Map(_) | Json::List(_))).and_then(single);
    let rest = if head.is_some() { items.get(1..).unwrap_or_default() } else { items };
    list("", rest, None, shelf);
    head
}

/// A value that stands alone where a word is due. A number counts if it looks like an HTTP status.
fn single(value: &Json) -> Option<Statement> {
    match value {
        Json::Text(text) if !text.trim().is_empty() => {
            let heard = hear(text);
            Some(Statement { word: heard.word.to_owned(), means: heard.means, reason: heard.reason.map(str::to_owned) })
        }
        Json::Bool(yes) => {
            Some(Statement::new(yes.to_string(), Some(if *yes { Meaning::Pass } else { Meaning::Fail })))
        }
        Json::Number(number @ Number::Whole(code)) => Some(Statement::new(number.to_string(), code_means(*code))),
        Json::Number(number) => Some(Statement::new(number.to_string(), None)),
        _ => None,
    }
}

/// What an object says of itself.
pub(super) fn statement(json: &Json) -> Option<Statement> {
    certain(json).or_else(|| by_word(json, names::perhaps_status_rank, true)).or_else(|| by_error(json))
}

/// The same, where there is no doubt that it is meant so.
fn certain(json: &Json) -> Option<Statement> {
    by_word(json, names::status_rank, false).or_else(|| by_answer(json))
}

/// A word under one of the names for it. A number that is no HTTP status leaves the word to the next name (`status: 0`,
/// `status_name: "check_result_ok"`).
fn by_word(json: &Json, rank: fn(&str) -> Option<usize>, only_known: bool) -> Option<Statement> {
    let mut found: BTreeMap<usize, Statement> = BTreeMap::new();
    for (name, value) in json.members() {
        let Some((rank, said)) = rank(name).and_then(|rank| Some((rank, single(value)?))) else { continue };
        let said = match found.remove(&rank) {
            Some(other) => other.worse(said),
            None => said,
        };
        found.insert(rank, said);
    }
    let is_number = |said: &Statement| said.word.parse::<f64>().is_ok();
    let first = found.values().find(|said| said.means.is_some() || !only_known && !is_number(said));
    first.or_else(|| found.values().find(|_| !only_known)).cloned()
}

/// The answers to questions, the worst of them.
fn by_answer(json: &Json) -> Option<Statement> {
    let answers = json.members().iter().filter_map(|(name, value)| {
        let yes = truth(value)?;
        let means = names::answer_means(name, yes)?;
        Some(Statement::new(format!("{name}: {}", value.shown()), Some(means)))
    });
    answers.reduce(Statement::worse)
}

/// Something under `error` that is not empty.
fn by_error(json: &Json) -> Option<Statement> {
    let (name, _) = json.members().iter().find(|(name, value)| {
        matches!(compact(name).as_str(), "error" | "exception" | "failure") && says_what_failed(value)
    })?;
    Some(Statement::new(name.as_str(), Some(Meaning::Fail)))
}

fn says_what_failed(value: &Json) -> bool {
    match value {
        Json::Text(text) => {
            let nothing = matches!(compact(text).as_str(), "" | "none" | "null" | "nil" | "na" | "false" | "no" | "0");
            !nothing && words::meaning(text) != Some(Meaning::Pass)
        }
        Json::Map(_) => {
            explanation(value).is_some() && !value.members().iter().any(|(_, inner)| certain(inner).is_some())
        }
        _ => false,
    }
}

/// What explains the word, if anything does: a text under a name for it, or one level below.
pub(super) fn explanation(json: &Json) -> Option<String> {
    let ranked = |json: &'_ Json| -> Vec<(usize, usize)> {
        let ranks =
            json.members().iter().enumerate().filter_map(|(at, (name, _))| Some((names::message_rank(name)?, at)));
        let mut ranks: Vec<_> = ranks.collect();
        ranks.sort_unstable();
        ranks
    };
    let direct = |json: &Json| {
        let values = ranked(json).into_iter().filter_map(|(_, at)| json.members().get(at)?.1.text());
        values.filter(|text| !text.trim().is_empty()).map(str::to_owned).next()
    };
    let inner = || {
        let values = ranked(json).into_iter().filter_map(|(_, at)| json.members().get(at));
        values.map(|(_, value)| value).filter(|value| matches!(value, Json::Map(_))).find_map(direct)
    };
    direct(json).or_else(inner)
}

/// The single values under `data`, as MicroProfile and ASP.NET have it.
fn data(json: &Json) -> Option<String> {
    const MOST: usize = 8;
    let (_, data) = json.members().iter().find(|(name, _)| name.eq_ignore_ascii_case("data"))?;
    let single = data.members().iter().filter(|(_, value)| !matches!(value, Json::Map(_) | Json::List(_) | Json::Null));
    let single = single.filter(|(_, value)| value.text() != Some(""));
    let shown: Vec<String> = single.take(MOST).map(|(name, value)| format!("{name}: {}", value.shown())).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// Everything in an object that may be a part of it.
fn for_parts(json: &Json, prefix: &str, flat: Flat, opened: Option<&str>, shelf: &mut Shelf) {
    let rule = flat_rule(json, flat);
    let inner = if flat == Flat::No { Flat::No } else { Flat::IfOneIsKnown };
    for (name, value) in json.members() {
        if opened == Some(name.as_str()) {
            continue;
        }
        match value {
            Json::Map(_) => map_part(name, value, prefix, inner, shelf),
            Json::List(items) => list_part(name, items, prefix, shelf),
            _ => flat_part(name, value, prefix, rule, shelf),
        }
    }
}

/// What counts of the single values here: words, booleans.
#[derive(Clone, Copy)]
struct FlatRule {
    words: bool,
    booleans: bool,
    numbers: bool,
}

fn flat_rule(json: &Json, flat: Flat) -> FlatRule {
    let values = json.members().iter().filter(|(name, _)| !names::is_status(name) && !names::is_aside(name));
    let (mut known, mut booleans, mut others) = (false, false, false);
    for (_, value) in values {
        match value {
            Json::Text(text) if hear(text).means.is_some() => known = true,
            Json::Bool(_) => booleans = true,
            Json::Map(_) | Json::List(_) | Json::Null => {}
            _ => others = true,
        }
    }
    let words = flat == Flat::Yes || flat == Flat::IfOneIsKnown && known;
    FlatRule { words, booleans: words && booleans && !others, numbers: false }
}

fn flat_part(name: &str, value: &Json, prefix: &str, rule: FlatRule, shelf: &mut Shelf) {
    let taken = names::is_status(name) || names::is_message(name) || names::is_aside(name);
    let wanted = match value {
        Json::Text(text) => rule.words && !text.trim().is_empty(),
        Json::Bool(_) => rule.booleans,
        Json::Number(_) => rule.numbers,
        _ => false,
    };
    if taken || !wanted {
        return;
    }
    let answer = truth(value).and_then(|yes| names::answer_means(name, yes));
    if answer.is_some() && prefix.is_empty() && matches!(value, Json::Bool(_)) {
        // It is said of the whole.
        return;
    }
    if let Some(found) = single(value) {
        let found = Statement { means: answer.or(found.means), ..found };
        shelf.put(&join(prefix, name), &found, None);
    }
}

fn map_part(name: &str, value: &Json, prefix: &str, flat: Flat, shelf: &mut Shelf) {
    let verdict = names::verdict(name).filter(|_| !is_error_object(value));
    if names::holds_parts(name) {
        members(value, prefix, None, shelf);
    } else if let Some(means) = verdict {
        members(value, prefix, Some((name, means)), shelf);
    } else if names::may_hold_parts(name) {
        for_parts(value, prefix, flat, None, shelf);
    } else if !names::is_message(name) {
        part(&join(prefix, name), value, None, shelf);
    }
}

/// `{"code": 500, "message": "..."}`: one error, not several by name.
fn is_error_object(value: &Json) -> bool {
    let explains = |(name, value): &(String, Json)| names::is_message(name) && value.text().is_some();
    value.members().iter().any(explains)
}

fn list_part(name: &str, items: &[Json], prefix: &str, shelf: &mut Shelf) {
    match names::verdict(name) {
        Some(means) => list(prefix, items, Some((name, means)), shelf),
        None if names::holds_parts(name) || names::may_hold_parts(name) => list(prefix, items, None, shelf),
        None if names::is_message(name) || names::is_aside(name) => {}
        None => list(&join(prefix, name), items, None, shelf),
    }
}

/// A map of parts by name. `said`: the name that all of them stand under, and what it says of those that don't say it themselves.
fn members(json: &Json, prefix: &str, said: Option<(&str, Meaning)>, shelf: &mut Shelf) {
    let rule = FlatRule { words: said.is_none(), booleans: true, numbers: true };
    for (name, value) in json.members() {
        let path = join(prefix, name);
        match (value, said) {
            (Json::Map(_), _) => part(&path, value, said, shelf),
            (Json::List(items), _) => list(&path, items, said, shelf),
            (Json::Text(text), Some((word, means))) => shelf.put(&path, &Statement::new(word, Some(means)), Some(text)),
            _ => flat_part(name, value, prefix, rule, shelf),
        }
    }
}

/// An object that is a part where it says something of itself, and may have parts.
fn part(path: &str, value: &Json, said: Option<(&str, Meaning)>, shelf: &mut Shelf) {
    let found = statement(value).or_else(|| said.map(|(word, means)| Statement::new(word, Some(means))));
    let flat = if found.is_some() { Flat::No } else { Flat::IfOneIsKnown };
    if let Some(found) = found {
        shelf.put(path, &found, explanation(value).or_else(|| data(value)).as_deref());
    }
    for_parts(value, path, flat, None, shelf);
}

fn list(prefix: &str, items: &[Json], said: Option<(&str, Meaning)>, shelf: &mut Shelf) {
    for (at, item) in items.iter().enumerate() {
        match item {
            Json::Map(_) => match name_of(item) {
                Some((name, is_word)) if is_word || items.len() > 1 => part(&join(prefix, &name), item, said, shelf),
                None if statement(item).is_none() => for_parts(item, prefix, Flat::IfOneIsKnown, None, shelf),
                _ if items.len() == 1 && !prefix.is_empty() => part(prefix, item, said, shelf),
                Some((name, _)) => part(&join(prefix, &name), item, said, shelf),
                None => part(&join(prefix, &at.to_string()), item, said, shelf),
            },
            Json::Text(text) => line(prefix, at, text, said, shelf),
            _ => {}
        }
    }
}

/// What a part in a list is called, and whether that is more than an id.
fn name_of(item: &Json) -> Option<(String, bool)> {
    let named = item.members().iter().filter_map(|(name, value)| {
        let text = match value {
            Json::Text(text) if !text.trim().is_empty() => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((names::name_rank(name)?, text, !compact(name).ends_with("id")))
    });
    named.min_by_key(|(rank, ..)| *rank).map(|(_, name, is_word)| (name, is_word))
}

/// `redis: connection refused` in a list of errors, or a bare word in another list.
fn line(prefix: &str, at: usize, text: &str, said: Option<(&str, Meaning)>, shelf: &mut Shelf) {
    let Some((word, means)) = said else {
        if words::meaning(text).is_some()
            && let Some(found) = single(&Json::Text(text.to_owned()))
        {
            shelf.put(&join(prefix, &at.to_string()), &found, None);
        }
        return;
    };
    let statement = Statement::new(word, Some(means));
    match text.split_once(": ") {
        Some((name, message)) if is_short_name(name) => shelf.put(&join(prefix, name), &statement, Some(message)),
        _ if at == 0 => shelf.put(&join(prefix, word), &statement, Some(text)),
        _ => shelf.put(&join(prefix, &format!("{word}/{at}")), &statement, Some(text)),
    }
}

fn is_short_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 48 && !name.contains(char::is_whitespace)
}

/// The name of a part in a part. It is bounded here, since every part below repeats it.
fn join(prefix: &str, name: &str) -> String {
    const LONGEST: usize = 256;
    let mut joined = String::new();
    let letters = prefix.chars().chain((!prefix.is_empty()).then_some('/')).chain(name.chars());
    joined.extend(letters.take(LONGEST));
    joined
}
