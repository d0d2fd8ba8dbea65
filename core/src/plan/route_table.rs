//! Which route does a request take?
//!
//! The most specific match wins, in the documented order: exact host before wildcard (longer suffix first) before any;
//! exact path before prefix (longer first); more header conditions before fewer; a method condition before none. Two
//! routes that cannot be told apart are a configuration error, found by [`conflicts`].
//!
//! Routes are grouped by host and, within a host, by path, so a lookup costs one hash per label of the host and one per segment of
//! the path, however many routes there are. Only what is no longer than the longest configured suffix or prefix is hashed: a
//! client that sends thousands of labels or segments pays for them, not we.

use crate::plan::{HeaderCondition, HostMatch, PathMatch, RouteMatch, RoutePlan};
use std::collections::HashMap;
use std::fmt;

/// What a route may look at. `host` is lower case, without port; `path` is normalised.
pub struct Question<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub method: &'a str,
    /// A header's value by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)
    }
}

/// The compiled table of one plan.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
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
        let mut table = Self::default();
        for (index, route) in routes.iter().enumerate() {
            table.insert(index, &route.matches);
        }
        table
    }

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

    /// The index of the most specific route that the request fulfils.
    pub fn find(&self, question: &Question<'_>) -> Option<usize> {
        let exact = self.exact_hosts.get(question.host);
        exact
            .into_iter()
            .chain(suffixes(question.host, self.longest_suffix).filter_map(|suffix| self.suffix_hosts.get(suffix)))
            .chain([&self.any_host])
            .find_map(|paths| paths.find(question))
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

    fn find(&self, question: &Question<'_>) -> Option<usize> {
        let exact = self.exact.get(question.path);
        exact
            .into_iter()
            .chain(prefixes(question.path, self.longest_prefix).filter_map(|prefix| self.prefix.get(prefix)))
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
            (None, _) => false,
            (Some(_), HeaderCondition::Present) => true,
            (Some(value), HeaderCondition::Equals(wanted)) => value == wanted,
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
mod tests {
    use super::*;

    fn host(text: &str) -> HostMatch {
        match text {
            "*" => HostMatch::Any,
            _ if text.starts_with('.') => HostMatch::Suffix(text.to_owned()),
            _ => HostMatch::Exact(text.to_owned()),
        }
    }

    /// "host path", where a path that ends in "=" is exact.
    fn route(text: &str) -> RouteMatch {
        let (host_text, path) = text.split_once(' ').unwrap();
        let path = match path.strip_suffix('=') {
            Some(exact) => PathMatch::Exact(exact.to_owned()),
            None => PathMatch::Prefix(path.to_owned()),
        };
        RouteMatch { host: host(host_text), path, ..RouteMatch::default() }
    }

    fn table(routes: &[RouteMatch]) -> RouteTable {
        let mut table = RouteTable::default();
        routes.iter().enumerate().for_each(|(index, route)| table.insert(index, route));
        table
    }

    fn find(table: &RouteTable, host: &str, path: &str) -> Option<usize> {
        table.find(&Question { host, path, method: "GET", header: &|_| None })
    }

    #[test]
    fn the_most_specific_host_and_path_win() {
        let routes = [
            "* /",
            "* /a",
            "a.example.com /",
            "a.example.com /x",
            ".example.com /",
            ".a.example.com /",
            "* /a/b=",
            "* /a/b",
        ];
        let table = table(&routes.map(route));
        for (host, path, expected) in [
            ("other", "/", 0),
            ("other", "/ab", 0),
            ("other", "/a", 1),
            ("other", "/a/", 1),
            ("other", "/a/c/d", 1),
            ("other", "/a/b", 6),
            ("other", "/a/b/", 7),
            ("other", "/a/b/c", 7),
            ("a.example.com", "/", 2),
            ("a.example.com", "/x/1", 3),
            ("b.example.com", "/x", 4),
            ("b.a.example.com", "/x", 5),
            ("example.com", "/", 0),
        ] {
            assert_eq!(find(&table, host, path), Some(expected), "{host}{path}");
        }
    }

    #[test]
    fn a_host_without_a_fitting_path_falls_back_to_the_wider_hosts() {
        let table = table(&["a.example.com /only", "* /"].map(route));
        assert_eq!(find(&table, "a.example.com", "/other"), Some(1));
    }

    #[test]
    fn more_conditions_are_tried_first() {
        let mut with_method = route("* /");
        with_method.methods = vec!["POST".to_owned()];
        let mut with_header = route("* /");
        with_header.headers = vec![("x-env".to_owned(), HeaderCondition::Equals("beta".to_owned()))];
        let table = table(&[route("* /"), with_method, with_header]);
        let ask = |method, env: Option<&'static str>| {
            table.find(&Question { host: "h", path: "/", method, header: &move |name| env.filter(|_| name == "x-env") })
        };
        assert_eq!(ask("GET", None), Some(0));
        assert_eq!(ask("POST", None), Some(1));
        assert_eq!(ask("POST", Some("beta")), Some(2));
        assert_eq!(ask("GET", Some("alpha")), Some(0));
    }

    #[test]
    fn nothing_matches_an_empty_table() {
        assert_eq!(find(&RouteTable::default(), "h", "/"), None);
    }

    #[test]
    fn segments_and_labels_beyond_every_route_are_not_looked_up() {
        let (host, path) = ("x.".repeat(10_000) + "example.com", "/b/c".to_owned() + &"/d".repeat(10_000));
        let table = table(&["* /a", ".example.com /b/c"].map(route));
        assert_eq!(find(&table, &host, &path), Some(1));
        assert_eq!(suffixes(&host, ".example.com".len()).collect::<Vec<_>>(), [".example.com", ".com"]);
        assert_eq!(prefixes(&path, "/b/c".len()).collect::<Vec<_>>(), ["/b/c", "/b", "/"]);
    }

    /// The documented order, told by looking at every route.
    fn most_specific(routes: &[RouteMatch], question: &Question<'_>) -> Option<usize> {
        let host_rank = |route: &RouteMatch| match &route.host {
            HostMatch::Exact(host) => (host == question.host).then_some((2, 0)),
            HostMatch::Suffix(suffix) => (question.host.ends_with(suffix.as_str())
                && question.host.len() > suffix.len())
            .then_some((1, suffix.len())),
            HostMatch::Any => Some((0, 0)),
        };
        let path_rank = |route: &RouteMatch| match &route.path {
            PathMatch::Exact(path) => (path == question.path).then_some((1, 0)),
            PathMatch::Prefix(prefix) => {
                let rest = if prefix == "/" { Some("/") } else { question.path.strip_prefix(prefix.as_str()) };
                rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|_| (0, prefix.len()))
            }
        };
        let ranked = routes.iter().enumerate().filter(|(_, route)| conditions_hold(route, question));
        ranked
            .filter_map(|(at, route)| {
                let place = (host_rank(route)?, path_rank(route)?);
                Some((place, conditions_of(route), std::cmp::Reverse(at)))
            })
            .max()
            .map(|(_, _, std::cmp::Reverse(at))| at)
    }

    #[test]
    fn the_table_answers_as_a_look_at_every_route_would() {
        let mut rng = crate::base::rng::Rng::new(7);
        let hosts = ["*", "a.example.com", "b.a.example.com", ".example.com", ".a.example.com", "example.com"];
        let paths = ["/", "/a", "/a=", "/a/b", "/a/b=", "/a/bc", "/a//b", "/a/b/c/d"];
        let asked = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/bc", "/a//b", "/a/b/c", "/a/b/c/d/e", "/x", "//", "/a//"];
        let mut draw = |from: &[&'static str]| from[rng.below(from.len() as u32) as usize];
        for _ in 0..300 {
            let routes: Vec<RouteMatch> = (0..12)
                .map(|_| {
                    let mut route = route(&format!("{} {}", draw(&hosts), draw(&paths)));
                    route.methods = [draw(&["", "", "GET", "POST"])].map(str::to_owned).into();
                    route.methods.retain(|method| !method.is_empty());
                    if draw(&["", "x-env"]) == "x-env" {
                        route.headers = vec![("x-env".to_owned(), HeaderCondition::Present)];
                    }
                    route
                })
                .collect();
            let table = table(&routes);
            for host in ["example.com", "a.example.com", "b.a.example.com", "c.b.a.example.com", "other"] {
                for path in asked {
                    let env = draw(&["", "beta"]);
                    let header = |name: &str| Some(env).filter(|env| name == "x-env" && !env.is_empty());
                    let question = Question { host, path, method: draw(&["GET", "PUT"]), header: &header };
                    assert_eq!(
                        table.find(&question),
                        most_specific(&routes, &question),
                        "{question:?} among {routes:#?}"
                    );
                }
            }
        }
    }

    #[test]
    fn conflicts_are_pairs_that_cannot_be_told_apart() {
        let mut get = route("* /a");
        get.methods = vec!["GET".to_owned()];
        let mut post = route("* /a");
        post.methods = vec!["POST".to_owned()];
        let all = [route("* /a"), route("* /b"), route("* /a"), get.clone(), post, get];
        assert_eq!(conflicts(&all.iter().collect::<Vec<_>>()), [(0, 2), (3, 5)]);
    }
}
