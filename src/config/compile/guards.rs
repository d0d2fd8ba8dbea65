//! Does a guard keep out whom it should? Ways around one that no spelling of a path explains, and spellings that two routes tell apart.

use super::Item;
use crate::config::files::Findings;
use crate::config::schema::RouteSpec;
use pulsegate_core::plan::route_table::fold_alike;
use pulsegate_core::plan::{PathMatch, RouteAction, RouteMatch, RoutePlan};

/// The plans are parallel to the items.
pub(super) fn check(items: &[Item<RouteSpec>], plans: &[RoutePlan], findings: &mut Findings) {
    for (item, plan) in items.iter().zip(plans).filter(|(_, plan)| is_guarded(plan)) {
        if let Some(other) = plans.iter().find(|other| leads_around(other, plan)) {
            let found = format!(
                "guards on the route {}, and none on {}, which leads to the same upstream",
                plan.name, other.name
            );
            let consequence = "whoever says another host or other headers comes in there; guard both, or give them upstreams of their own";
            findings.warning(&item.place, found, consequence);
        }
        let alike = |other: &&RoutePlan| fold_alike(&plan.matches, &other.matches) && other.admission != plan.admission;
        if let Some(other) = plans.iter().find(alike) {
            let found = format!(
                "guards on the route {} that do not hold for {}, whose path differs in its spelling alone",
                plan.name, other.name
            );
            let consequence = "a backend that ignores case or reads escapes and slashes alike serves one for the other, past the guards";
            findings.warning(&item.place, found, consequence);
        }
    }
}

/// What the operator asked for at this route's door; hidden health endpoints are the upstream's matter.
fn is_guarded(plan: &RoutePlan) -> bool {
    plan.admission
        .as_ref()
        .is_some_and(|guard| guard.allow.is_some() || !guard.deny.is_empty() || guard.rate_limit.is_some())
}

/// Can the same path of the same upstream be had by `other`, without a guard, by another host or other headers?
fn leads_around(other: &RoutePlan, guarded: &RoutePlan) -> bool {
    let (its, own) = (&other.matches, &guarded.matches);
    let differs = its.host != own.host || its.headers != own.headers;
    differs
        && !is_guarded(other)
        && covers(&its.path, &own.path)
        && shares_a_method(its, own)
        && shares_an_upstream(other, guarded)
}

fn covers(wide: &PathMatch, narrow: &PathMatch) -> bool {
    let (PathMatch::Exact(inner) | PathMatch::Prefix(inner)) = narrow;
    match wide {
        PathMatch::Exact(_) => wide == narrow,
        PathMatch::Prefix(prefix) if prefix == "/" => true,
        PathMatch::Prefix(prefix) => {
            inner.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

fn shares_a_method(one: &RouteMatch, other: &RouteMatch) -> bool {
    one.methods.is_empty()
        || other.methods.is_empty()
        || one.methods.iter().any(|method| other.methods.contains(method))
}

fn shares_an_upstream(one: &RoutePlan, other: &RoutePlan) -> bool {
    let upstreams = |plan: &RoutePlan| -> Vec<usize> {
        match &plan.action {
            RouteAction::Forward(forward) => forward.targets.iter().map(|target| target.upstream).collect(),
            RouteAction::Redirect { .. } | RouteAction::Respond { .. } => Vec::new(),
        }
    };
    let others = upstreams(other);
    upstreams(one).iter().any(|upstream| others.contains(upstream))
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use std::path::Path;

    /// The warnings about guards, of routes that lead to the upstream `app`.
    fn warnings(routes: &str) -> Vec<String> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:0\" }}]\nroutes:\n{routes}\nupstreams:\n  app: {{ backends: [\"127.0.0.1:1\"] }}\n  other: {{ backends: \
             [\"127.0.0.1:2\"] }}\n"
        );
        let loaded =
            load_text(&yaml, Path::new("/nowhere")).map_err(|errors| errors.first().map(ToString::to_string)).unwrap();
        loaded.warnings.iter().map(ToString::to_string).filter(|warning| warning.contains("guards on")).collect()
    }

    #[test]
    fn a_way_around_a_guard_is_told_where_host_or_headers_differ() {
        const DENY: &str = "upstream: app, deny: [\"0.0.0.0/0\"]";
        for (guarded, other, told) in [
            ("match: { host: admin.example.com }", "match: { path: / }, upstream: app", true),
            ("match: { headers: { x-a: b } }", "match: { path: / }, upstream: app", true),
            ("match: { host: a.example }", "match: { host: b.example }, upstream: app", true),
            ("match: { host: a.example, path: /x }", "match: { path: /x }, upstream: app", true),
            ("match: { host: a.example }", "match: { path: / }, upstream: other", false),
            ("match: { host: a.example }", "match: { path: / }, upstream: app, allow: [10.0.0.0/8]", false),
            ("match: { host: a.example }", "match: { path: /health }, upstream: app", false),
            ("match: { host: a.example, methods: [POST] }", "match: { methods: [GET] }, upstream: app", false),
            ("match: { path: /admin }", "match: { path: / }, upstream: app", false),
            ("match: { path: /admin }", "match: { path: /admin/health }, upstream: app", false),
        ] {
            let found = warnings(&format!(
                "  - {{ {guarded}, {DENY} }}\n  - {{ {other} }}\n  - {{ match: {{ path: /o }}, upstream: other }}"
            ));
            assert_eq!(found.len(), usize::from(told), "{guarded} beside {other}: {found:?}");
            assert!(found.iter().all(|warning| warning.contains("which leads to the same upstream")), "{found:?}");
        }
    }

    #[test]
    fn patterns_that_differ_in_their_spelling_alone_are_told() {
        let other = "\n  - { match: { path: /o }, upstream: other }";
        let guarded = "  - { match: { path: /api }, upstream: app, deny: [\"0.0.0.0/0\"] }\n";
        for (also, told) in [("/Api", true), ("/api%3A", false), ("/apis", false)] {
            let found = warnings(&format!("{guarded}  - {{ match: {{ path: {also} }}, upstream: app }}{other}"));
            assert_eq!(found.len(), usize::from(told), "{also}: {found:?}");
            assert!(found.iter().all(|warning| warning.contains("differs in its spelling alone")), "{found:?}");
        }
        let both = "  - { match: { path: /API }, upstream: app, deny: [\"0.0.0.0/0\"] }";
        assert!(warnings(&format!("{guarded}{both}{other}")).is_empty());
    }
}
