//! Which parts are kept of all that a document names? Each name once, with the worst that was said of it; no more than can be shown.

use super::redact::Redactor;
use super::words::badness;
use crate::domain::document::{Component, Meaning, Said};
use std::collections::BTreeMap;

/// More are not listed, only counted.
const MOST: usize = 100;
const LONGEST_NAME: usize = 100;
const LONGEST_WORD: usize = 64;
const LONGEST_MESSAGE: usize = 200;

#[derive(Default)]
pub(super) struct Shelf {
    components: Vec<Component>,
    places: BTreeMap<String, usize>,
    redactor: Redactor,
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
        let long = (statement.word.chars().count() > LONGEST_WORD).then_some(statement.word.as_str());
        let message = message.or(statement.reason.as_deref()).or(long).and_then(|message| self.message(message));
        let component = Component { name: self.redactor.show(name, LONGEST_NAME), said: self.said(statement), message };
        match self.places.get(name).and_then(|place| self.components.get_mut(*place)) {
            Some(known) => merge(known, component),
            None => {
                self.places.insert(name.to_owned(), self.components.len());
                self.components.push(component);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    pub(super) fn redactor(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// Those to keep, in the document's order; how many are left out; the kinds of secrets that were seen.
    pub(super) fn close(self, critical: &[String]) -> (Vec<Component>, u32, Vec<String>) {
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        let worth = |at: &usize| {
            self.components
                .get(*at)
                .map_or((false, 0), |component| (critical.contains(&component.name), badness(component.said.means)))
        };
        order.sort_by_key(|at| std::cmp::Reverse(worth(at)));
        order.truncate(MOST);
        order.sort_unstable();
        let left_out = u32::try_from(self.components.len() - order.len()).unwrap_or(u32::MAX);
        let kept = order.into_iter().filter_map(|at| self.components.get(at).cloned()).collect();
        (kept, left_out, self.redactor.leaks())
    }
}

fn merge(known: &mut Component, other: Component) {
    if badness(other.said.means) > badness(known.said.means) {
        let message = known.message.take();
        *known = Component { message: other.message.or(message), ..other };
    } else if known.message.is_none() {
        known.message = other.message;
    }
}
