//! Which route does a request take?
//!
//! The most specific match wins, in the documented order: exact host before wildcard (longer suffix first) before any;
//! exact path before prefix (longer first); more header conditions before fewer; a method condition before none. Two
//! routes that cannot be told apart are a configuration error, found by [`conflicts`].
//!
//! A backend may know more names for a resource than a route does: it may ignore case, merge slashes, drop parameters. So where any route has a
//! guard there is a second table, of folded patterns ([`folded`]), and the guards of the route that a folding reader would take count too.
//!
//! Routes are grouped by host and, within a host, by path, so a lookup costs one hash per label of the host and one per segment of
//! the path, however many routes there are. Only what is no longer than the longest configured suffix or prefix is hashed: a
//! client that sends thousands of labels or segments pays for them, not we.

mod folded;

pub use crate::http::fields::Lines;
pub use folded::{Guarding, fold_alike};

use crate::plan::{HeaderCondition, HostMatch, PathMatch, RouteMatch, RoutePlan};
use std::collections::HashMap;
use std::fmt;

/// What a route may look at. `host` is lower case, without port; `path` is normalised.
pub struct Question<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub method: &'a str,
    /// A header by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Lines<'a>,
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)
    }
}

/// The compiled table of one plan.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    written: Hosts,
    /// `None`: no route has a guard.
    folded: Option<folded::Folded>,
}

/// Routes by the host that they match.
#[derive(Clone, Debug, Default)]
struct Hosts {
    exact_hosts: HashMap<String, Paths>,
    /// By suffix with its leading dot.
    suffix_hosts: HashMap<String, Paths>,
    longest_suffix: usize,
    any_host: Paths,
}

/// The routes of one host.
#[derive(Clone, Debug, Default)]
struct Paths {
    exact: HashMap<String, Candidates>,
    prefix: HashMap<String, Candidates>,
    longest_prefix: usize,
}

/// The routes of one host and path, most specific first.
type Candidates = Vec<(usize, RouteMatch)>;

impl RouteTable {
    /// Compiles the routes; the answer of [`Self::find`] is an index into `routes`.
    pub fn new(routes: &[RoutePlan]) -> Self {
        let mut written = Hosts::default();
        for (index, route) in routes.iter().enumerate() {
            written.insert(index, &route.matches);
        }
        let guarded = routes.iter().any(|route| route.admission.is_some());
        Self { written, folded: guarded.then(|| folded::Folded::of(routes)) }
    }

    /// The index of the most specific route that the request fulfils.
    pub fn find(&self, question: &Question<'_>) -> Option<usize> {
        self.written.find(question, question.path)
    }

    /// Whose guards must let the request pass too, beside those of the route that was found.
    pub fn guarding(&self, question: &Question<'_>, found: usize) -> Option<Guarding<'_>> {
        self.folded.as_ref()?.guarding(question, found)
    }
}

impl Hosts {
    fn insert(&mut self, index: usize, matches: &RouteMatch) {
        let paths = match &matches.host {
            HostMatch::Exact(host) => self.exact_hosts.entry(host.clone()).or_default(),
            HostMatch::Suffix(suffix) => {
                self.longest_suffix = self.longest_suffix.max(suffix.len());
                self.suffix_hosts.entry(suffix.clone()).or_default()
            }
            HostMatch::Any => &mut self.any_host,
        };
        paths.insert(index, matches);
    }

    /// For `path` in the place of the question's.
    fn find(&self, question: &Question<'_>, path: &str) -> Option<usize> {
        let exact = self.exact_hosts.get(question.host);
        exact
            .into_iter()
            .chain(suffixes(question.host, self.longest_suffix).filter_map(|suffix| self.suffix_hosts.get(suffix)))
            .chain([&self.any_host])
            .find_map(|paths| paths.find(question, path))
    }
}

impl Paths {
    fn insert(&mut self, index: usize, matches: &RouteMatch) {
        let candidates = match &matches.path {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default(),
            PathMatch::Prefix(prefix) => {
                self.longest_prefix = self.longest_prefix.max(prefix.len());
                self.prefix.entry(prefix.clone()).or_default()
            }
        };
        let place = candidates.partition_point(|(_, other)| conditions_of(other) >= conditions_of(matches));
        candidates.insert(place, (index, matches.clone()));
    }

    fn find(&self, question: &Question<'_>, path: &str) -> Option<usize> {
        let exact = self.exact.get(path);
        exact
            .into_iter()
            .chain(prefixes(path, self.longest_prefix).filter_map(|prefix| self.prefix.get(prefix)))
            .flatten()
            .find(|(_, matches)| conditions_hold(matches, question))
            .map(|(index, _)| *index)
    }
}

/// How specific a route is among those of one host and path: header conditions first, then whether it names methods.
fn conditions_of(matches: &RouteMatch) -> (usize, bool) {
    (matches.headers.len(), !matches.methods.is_empty())
}

fn conditions_hold(matches: &RouteMatch, question: &Question<'_>) -> bool {
    let method = matches.methods.is_empty() || matches.methods.iter().any(|method| method == question.method);
    method
        && matches.headers.iter().all(|(name, condition)| match ((question.header)(name), condition) {
            (Lines::None, _) => false,
            (Lines::One(_) | Lines::Several, HeaderCondition::Present) => true,
            (Lines::One(value), HeaderCondition::Equals(wanted)) => value == wanted.as_bytes(),
            (Lines::Several, HeaderCondition::Equals(_)) => false,
        })
}

/// ".b.example.com", ".example.com", ".com" of "a.b.example.com", as far as they are no longer than `longest`.
fn suffixes(host: &str, longest: usize) -> impl Iterator<Item = &str> {
    let starts = host.char_indices().filter(|(at, character)| *character == '.' && *at > 0);
    starts.filter_map(|(at, _)| host.get(at..)).filter(move |suffix| suffix.len() <= longest)
}

/// The prefixes by segment, longest first: "/a/b/c", "/a/b", "/a", "/", as far as they are no longer than `longest`. A trailing
/// slash belongs to the segment before it.
fn prefixes(path: &str, longest: usize) -> impl Iterator<Item = &str> {
    let whole = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let parents = whole.char_indices().rev().filter(|(at, character)| *character == '/' && *at > 0);
    let all = std::iter::once(whole).chain(parents.filter_map(|(at, _)| whole.get(..at))).chain(["/"]);
    all.filter(move |prefix| prefix.len() <= longest)
}

/// The pairs of routes (by index) that match the same requests with the same specificity.
pub fn conflicts(routes: &[&RouteMatch]) -> Vec<(usize, usize)> {
    let mut by_place: HashMap<(&HostMatch, &PathMatch), Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let neighbours = by_place.entry((&route.host, &route.path)).or_default();
        found.extend(neighbours.iter().filter(|other| alike(routes[**other], route)).map(|other| (*other, index)));
        neighbours.push(index);
    }
    found
}

fn alike(a: &RouteMatch, b: &RouteMatch) -> bool {
    a.headers.len() == b.headers.len() && methods_overlap(a, b) && headers_compatible(a, b)
}

/// Where one names methods and the other does not, the first is the more specific.
fn methods_overlap(a: &RouteMatch, b: &RouteMatch) -> bool {
    match (a.methods.is_empty(), b.methods.is_empty()) {
        (true, true) => true,
        (false, false) => a.methods.iter().any(|method| b.methods.contains(method)),
        _ => false,
    }
}

/// Can one request fulfil both? Not when they want different values of one header.
fn headers_compatible(a: &RouteMatch, b: &RouteMatch) -> bool {
    a.headers.iter().all(|(name, condition)| {
        b.headers.iter().filter(|(other, _)| other == name).all(|(_, other)| match (condition, other) {
            (HeaderCondition::Equals(a), HeaderCondition::Equals(b)) => a == b,
            _ => true,
        })
    })
}

#[cfg(test)]
mod tests;
