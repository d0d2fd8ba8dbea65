//! Which route would a reader take who knows no difference between the spellings of a path? Patterns and paths folded as in the shield
//! (`http::shield`), in a table of the same precedence.
//!
//! It never chooses where a request goes. It says whose guards must let it pass as well, since a backend that folds would serve what that
//! route guards.

use super::{Hosts, Question};
use crate::http::shield::{folded_path, is_folded};
use crate::plan::{HostMatch, PathMatch, RouteMatch, RoutePlan};

/// Routes by their folded patterns.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    hosts: Hosts,
    /// Parallel to the routes.
    routes: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    host: HostMatch,
    path: PathMatch,
    /// It has guards of its own.
    guarded: bool,
}

impl Pattern {
    fn of(route: &RoutePlan) -> Self {
        let RouteMatch { host, path, .. } = &route.matches;
        Self { host: host.clone(), path: folded(path), guarded: route.admission.is_some() }
    }
}

/// A route whose guards must let a request pass too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarding<'a> {
    /// Its index.
    pub route: usize,
    /// The request's path, and the route's, as that route would match them.
    pub path: String,
    pub pattern: &'a PathMatch,
}

impl Folded {
    pub(super) fn of(routes: &[RoutePlan]) -> Self {
        let (mut hosts, patterns) = (Hosts::default(), routes.iter().map(Pattern::of).collect::<Vec<_>>());
        for (index, (route, pattern)) in routes.iter().zip(&patterns).enumerate() {
            hosts.insert(index, &RouteMatch { path: pattern.path.clone(), ..route.matches.clone() });
        }
        Self { hosts, routes: patterns }
    }

    /// None where the request is spelt as the table has it, where the same route is found, or one without guards; and where the operator
    /// has told the two routes apart by their spelling alone.
    pub(super) fn guarding(&self, question: &Question<'_>, found: usize) -> Option<Guarding<'_>> {
        if is_folded(question.path) || question.path == "*" {
            return None;
        }
        let path = folded_path(question.path);
        let route = self.hosts.find(question, &path).filter(|route| *route != found)?;
        let (own, other) = (self.routes.get(found)?, self.routes.get(route)?);
        let told_apart = own.host == other.host && own.path == other.path;
        (other.guarded && !told_apart).then_some(Guarding { route, path, pattern: &other.path })
    }
}

fn folded(path: &PathMatch) -> PathMatch {
    match path {
        PathMatch::Exact(path) => PathMatch::Exact(folded_path(path)),
        PathMatch::Prefix(prefix) => PathMatch::Prefix(folded_path(prefix)),
    }
}

/// Are two patterns that are not spelt alike the same to a reader who folds?
pub fn fold_alike(one: &RouteMatch, other: &RouteMatch) -> bool {
    one.host == other.host && one.path != other.path && folded(&one.path) == folded(&other.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::route_table::{Lines, RouteTable};
    use crate::plan::{AdmissionPlan, RateLimitPlan, RouteAction};

    /// "host path", guarded where it ends in "!"; a path that ends in "=" is exact.
    fn routes(texts: &[&str]) -> Vec<RoutePlan> {
        let route = |text: &&str| {
            let (text, guarded) = text.strip_suffix('!').map_or((*text, false), |text| (text, true));
            let (host, path) = text.split_once(' ').unwrap();
            let host = if host == "*" { HostMatch::Any } else { HostMatch::Exact(host.to_owned()) };
            let path = match path.strip_suffix('=') {
                Some(exact) => PathMatch::Exact(exact.to_owned()),
                None => PathMatch::Prefix(path.to_owned()),
            };
            let mut plan = RoutePlan::named(text, RouteAction::Forward(crate::plan::Forward::default()));
            plan.matches = RouteMatch { host, path, ..RouteMatch::default() };
            let guard = AdmissionPlan { rate_limit: Some(RateLimitPlan::of(1)), ..AdmissionPlan::default() };
            plan.admission = guarded.then(|| Box::new(guard));
            plan
        };
        texts.iter().map(route).collect()
    }

    #[test]
    fn whose_guards_count_too() {
        let all = [
            "* /",
            "* /admin!",
            "* /admin/health",
            "* /report=!",
            "b /x",
            "* /x!",
            "* /Api",
            "* /api!",
            "* /caf%C3%A9!",
        ];
        let all = routes(&all);
        let table = RouteTable::new(&all);
        for (host, path, found, guarding) in [
            ("a", "/admin", 1, None),
            ("a", "/ADMIN", 0, Some(1)),
            ("a", "//admin/x", 0, Some(1)),
            ("a", "/public/..;/admin", 0, Some(1)),
            ("a", "/%2Fadmin", 0, Some(1)),
            ("a", "/admin.", 0, Some(1)),
            ("a", "/admin/health", 2, None),
            ("a", "/ADMIN/health", 0, None),
            ("a", "/admin//health", 1, None),
            ("a", "/report", 3, None),
            ("a", "/report/", 0, Some(3)),
            ("a", "/report/x", 0, None),
            ("b", "/X", 0, None),
            ("a", "/X", 0, Some(5)),
            ("a", "/Api/y", 6, None),
            ("a", "/API", 0, None),
            ("a", "/CAF%C3%A9", 0, Some(8)),
            ("a", "/CAF%E9", 0, None),
            ("a", "*", 0, None),
            ("a", "//", 0, None),
        ] {
            let question = Question { host, path, method: "GET", header: &|_| Lines::None };
            assert_eq!(table.find(&question), Some(found), "{host}{path}");
            let found = table.guarding(&question, found).map(|guarding| guarding.route);
            assert_eq!(found, guarding, "{host}{path}");
        }
    }

    #[test]
    fn without_guards_nobody_looks_twice() {
        let table = RouteTable::new(&routes(&["* /", "* /admin"]));
        let question = Question { host: "a", path: "/ADMIN", method: "GET", header: &|_| Lines::None };
        assert!(table.folded.is_none() && table.guarding(&question, 0).is_none());
    }

    #[test]
    fn patterns_that_a_folding_reader_cannot_tell_apart() {
        let all = routes(&["* /api", "* /Api", "* /api", "a /API", "* /api/=", "* /api="]);
        let alike = |one: usize, other: usize| fold_alike(&all[one].matches, &all[other].matches);
        assert!(alike(0, 1) && alike(4, 5));
        assert!(!alike(0, 2) && !alike(0, 3) && !alike(0, 5));
    }
}
