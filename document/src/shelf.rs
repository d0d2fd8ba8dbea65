//! Which parts are kept of all that a document names? Each name once, with the worst that was said of it; no more than can be shown.

use super::redact::Redactor;
use super::words::badness;
use pulsegate_core::health::document::{Component, Leak, Meaning, Said};
use std::collections::BTreeMap;

/// More are not listed, only counted.
const MOST: usize = 100;
const LONGEST_NAME: usize = 100;
const LONGEST_WORD: usize = 64;
const LONGEST_MESSAGE: usize = 200;

#[derive(Default)]
pub(super) struct Shelf {
    parts: Vec<Part>,
    places: BTreeMap<String, usize>,
    redactor: Redactor,
}

/// A part as it was found. What is shown of it is made when it is known which are kept: to look for secrets takes the most time of all.
struct Part {
    name: String,
    statement: Statement,
    message: Option<String>,
}

/// A word and what explains it, as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) word: String,
    pub(super) means: Option<Meaning>,
    pub(super) reason: Option<String>,
}

impl Statement {
    pub(super) fn new(word: impl Into<String>, means: Option<Meaning>) -> Self {
        Self { word: word.into(), means, reason: None }
    }

    /// The worse of two statements about one thing; of equally bad ones the first.
    pub(super) fn worse(self, other: Self) -> Self {
        if badness(other.means) > badness(self.means) { other } else { self }
    }
}

impl Shelf {
    /// A word as it may be shown.
    pub(super) fn said(&mut self, statement: &Statement) -> Said {
        Said { word: self.redactor.show(&statement.word, LONGEST_WORD), means: statement.means }
    }

    /// A message as it may be shown; `None` where nothing is said.
    pub(super) fn message(&mut self, text: &str) -> Option<String> {
        let shown = self.redactor.show(text, LONGEST_MESSAGE);
        (!shown.is_empty()).then_some(shown)
    }

    pub(super) fn put(&mut self, name: &str, statement: &Statement, message: Option<&str>) {
        let message = message.or(statement.reason.as_deref()).map(str::to_owned);
        let part = Part { name: name.to_owned(), statement: statement.clone(), message };
        match self.places.get(name).and_then(|place| self.parts.get_mut(*place)) {
            Some(known) => known.merge(part),
            None => {
                self.places.insert(name.to_owned(), self.parts.len());
                self.parts.push(part);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn redactor(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// Those to keep, in the document's order; how many are left out; the kinds of secrets that were seen.
    pub(super) fn close(mut self, critical: &[String]) -> (Vec<Component>, u32, Vec<Leak>) {
        let parts = std::mem::take(&mut self.parts);
        let worth = |part: &Part| (critical.contains(&part.name), badness(part.statement.means));
        let mut order: Vec<(usize, &Part)> = parts.iter().enumerate().collect();
        order.sort_by_key(|(_, part)| std::cmp::Reverse(worth(part)));
        order.truncate(MOST);
        order.sort_unstable_by_key(|(at, _)| *at);
        let left_out = u32::try_from(parts.len() - order.len()).unwrap_or(u32::MAX);
        let kept = order.into_iter().map(|(_, part)| self.component(part)).collect();
        (kept, left_out, self.redactor.leaks())
    }

    fn component(&mut self, part: &Part) -> Component {
        let word = &part.statement.word;
        let long = (word.chars().count() > LONGEST_WORD).then_some(word);
        let message = part.message.as_ref().or(long);
        Component {
            name: self.redactor.show(&part.name, LONGEST_NAME),
            said: self.said(&part.statement),
            message: message.and_then(|message| self.message(message)),
        }
    }
}

impl Part {
    fn merge(&mut self, other: Self) {
        if badness(other.statement.means) > badness(self.statement.means) {
            let message = self.message.take();
            *self = Self { message: other.message.or(message), ..other };
        } else if self.message.is_none() {
            self.message = other.message;
        }
    }
}
