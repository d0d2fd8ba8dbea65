//! Which path does a backend see?

use crate::proxy::target::Target;
use pulsegate_core::plan::{Forward, PathMatch, RouteAction, RoutePlan};
use std::borrow::Cow;

/// What a route changes about what it forwards.
pub(super) fn rewrites(route: &RoutePlan) -> Option<&Forward> {
    match &route.action {
        RouteAction::Forward(forward) => Some(forward),
        RouteAction::Redirect { .. } | RouteAction::Respond { .. } => None,
    }
}

/// The path for the backend, without the query.
pub(in crate::proxy) fn rewritten_path<'t>(target: &'t Target, route: &RoutePlan) -> Cow<'t, str> {
    replaced(&target.path, &route.matches.path, route)
}

/// The path for the backend, of a path that this pattern has matched.
pub(in crate::proxy) fn replaced<'t>(path: &'t str, pattern: &PathMatch, route: &RoutePlan) -> Cow<'t, str> {
    // The server as a whole has no path (RFC 9112 §3.2.4).
    let replaced = rewrites(route).and_then(|forward| forward.replace_prefix.as_ref()).filter(|_| path != "*");
    match (replaced, pattern) {
        (Some(with), PathMatch::Prefix(prefix) | PathMatch::Exact(prefix)) => {
            let rest = path.strip_prefix(prefix.as_str()).unwrap_or(path);
            let joined = format!("{}/{}", with.trim_end_matches('/'), rest.trim_start_matches('/'));
            Cow::Owned(if rest.is_empty() && !with.is_empty() { with.clone() } else { joined })
        }
        (None, _) => Cow::Borrowed(path),
    }
}
