//! Which components of a document count? The words of one upstream's rules, applied to the list that a backend gives.
//!
//! Nested components are named by their path (`db/primary`), and a rule that names a component means everything below it too. Where the
//! parts of a component are listed, they speak for it: it may say DOWN only because of one that is ignored.

use crate::health::document::{Component, Document, Meaning};
use crate::health::reason::{Part, Parts, Unknown};
use crate::plan::DocumentPlan;

/// Components that a sentence names; the rest is counted.
const NAMED: usize = 3;
/// Characters of a word or a message that a sentence takes over.
const SHOWN: usize = 120;

/// Is it (or what it is a part of) ignored?
pub(super) fn ignored(component: &Component, rules: &DocumentPlan) -> bool {
    rules.ignore.iter().any(|name| covers(name, &component.name))
}

fn covers(rule: &str, name: &str) -> bool {
    name.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The components that count.
pub(super) fn counted<'a>(document: &'a Document, rules: &'a DocumentPlan) -> impl Iterator<Item = &'a Component> {
    document.components.iter().filter(|component| !ignored(component, rules))
}

/// The first critical component that cannot serve.
pub(super) fn critical_failing<'a>(document: &'a Document, rules: &DocumentPlan) -> Option<&'a Component> {
    let cannot = |component: &&Component| component.said.means >= Some(Meaning::Drain) && !ignored(component, rules);
    rules.critical.iter().find_map(|name| named(document, name).find(cannot))
}

/// Critical components that the document does not name.
pub(super) fn critical_missing<'a>(document: &Document, rules: &'a DocumentPlan) -> Vec<&'a str> {
    rules.critical.iter().map(String::as_str).filter(|name| named(document, name).next().is_none()).collect()
}

/// What goes by this name: the component itself, else its parts.
fn named<'a>(document: &'a Document, name: &str) -> impl Iterator<Item = &'a Component> {
    let itself = document.components.iter().any(|component| component.name == name);
    document.components.iter().filter(
        move |component| {
            if itself { component.name == name } else { covers(name, &component.name) }
        },
    )
}

/// Is it only because of ignored components that the whole is as bad as `whole`? One of unknown word may be the reason as well, so there
/// must be none.
pub(super) fn only_ignored_offend(document: &Document, rules: &DocumentPlan, whole: Meaning) -> bool {
    let offends = |component: &&Component| component.said.means.is_none_or(|means| means >= whole);
    let mut known = false;
    for component in speakers(document).into_iter().filter(offends) {
        if !ignored(component, rules) {
            return false;
        }
        known |= component.said.means.is_some();
    }
    known
}

/// Those that no listed part of theirs speaks for.
fn speakers(document: &Document) -> Vec<&Component> {
    let has_parts = |one: &Component| {
        document.components.iter().any(|other| other.name.len() > one.name.len() && covers(&one.name, &other.name))
    };
    document.components.iter().filter(|component| !has_parts(component)).collect()
}

/// The names of those that fail and count, in one order whatever the document's is.
pub(super) fn failing<'a>(document: &'a Document, rules: &DocumentPlan) -> Vec<&'a str> {
    let fails = |component: &&Component| component.said.means == Some(Meaning::Fail) && !ignored(component, rules);
    let mut names: Vec<&str> = speakers(document).into_iter().filter(fails).map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.truncate(NAMED);
    names
}

/// Those that are as bad as `least` and count: "redis DOWN (connection refused), queue DOWN".
pub(super) fn told(document: &Document, rules: &DocumentPlan, least: Meaning) -> Option<Parts> {
    let mut bad: Vec<&Component> = speakers(document)
        .into_iter()
        .filter(|component| component.said.means >= Some(least) && !ignored(component, rules))
        .collect();
    // The worst first; among equals as they are listed.
    bad.sort_by_key(|component| std::cmp::Reverse(component.said.means));
    let named: Vec<Part> = bad.iter().take(NAMED).map(|component| part(component)).collect();
    (!named.is_empty()).then(|| Parts { named, more: bad.len().saturating_sub(NAMED) })
}

/// Those that count whose word no list knows. Without messages, which change from probe to probe.
pub(super) fn unknown(document: &Document, rules: &DocumentPlan) -> Option<Unknown> {
    let unknown: Vec<_> = counted(document, rules).filter(|one| one.said.means.is_none()).collect();
    let named: Vec<_> = unknown.iter().take(NAMED).map(|one| (cut(&one.name), cut(&one.said.word))).collect();
    let more = unknown.len().saturating_sub(NAMED);
    (!named.is_empty()).then_some(Unknown::Components { named, more })
}

pub(super) fn part(component: &Component) -> Part {
    let message = component.message.as_deref().filter(|message| !message.is_empty());
    Part { name: cut(&component.name), word: cut(&component.said.word), message: message.map(cut) }
}

pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}
