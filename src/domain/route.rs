//! Which route does a request take?
//!
//! The most specific match wins, in the documented order: exact host before wildcard (longer suffix first) before any;
//! exact path before prefix (longer first); more header conditions before fewer; a method condition before none. Two
//! routes that cannot be told apart are a configuration error, found by [`conflicts`].

use super::plan::{RouteMatch, RoutePlan};

/// What a route may look at. `host` is lower case, without port; `path` is normalised.
pub struct Question<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub method: &'a str,
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// The compiled table of one plan.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {}

impl RouteTable {
    /// Compiles the routes; the answer of [`Self::find`] is an index into `routes`.
    pub fn new(_routes: &[RoutePlan]) -> Self {
        todo!()
    }

    pub fn find(&self, _question: &Question<'_>) -> Option<usize> {
        todo!()
    }
}

/// The pairs of routes (by index) that match the same requests with the same specificity.
pub fn conflicts(_routes: &[&RouteMatch]) -> Vec<(usize, usize)> {
    todo!()
}
