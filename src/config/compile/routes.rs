//! Which request goes where? Matches, actions, and routes that cannot be told apart.

use super::attempts::{retries, timeouts};
use super::headers::{header, header_name};
use super::targets::{Known, forward};
use super::{Item, admission};
use crate::config::files::{Findings, Place};
use crate::config::schema::{
    EditsSpec, MatchSpec, RedirectSpec, RespondSpec, RetriesSpec, RouteSpec, TimeoutsSpec, UpstreamSpec,
};
use crate::config::words::not_exactly_one;
use pulsegate_core::http::head::host::canonical;
use pulsegate_core::plan::route_table::conflicts;
use pulsegate_core::plan::{HeaderCondition, HeaderEdits, HostMatch, PathMatch, RouteAction, RouteMatch, RoutePlan};
use std::collections::BTreeMap;
use std::time::Duration;

/// The first exact host that routes to each upstream: what a probe sends as Host.
pub(super) fn hosts_by_upstream(items: &[Item<RouteSpec>]) -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::new();
    for item in items {
        let rewritten = item.spec.host.as_deref().filter(|host| *host != "keep");
        let exact = item.spec.matches.host.as_deref().filter(|host| !host.contains('*'));
        let Some(host) = rewritten.or(exact) else { continue };
        for (upstream, _) in item.spec.targets() {
            hosts.entry(upstream.clone()).or_insert_with(|| host.to_ascii_lowercase());
        }
    }
    hosts
}

pub(super) fn compile(
    items: &[Item<RouteSpec>],
    upstreams: &[(String, Item<UpstreamSpec>)],
    names: &[String],
    root: &Place,
    findings: &mut Findings,
) -> Vec<RoutePlan> {
    if items.is_empty() {
        findings.error(&root.at("routes"), "no route", "at least one, such as { upstream: NAME }");
    }
    let plans: Vec<(usize, RoutePlan)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| route(item, upstreams, names, findings).map(|plan| (index, plan)))
        .collect();
    let matches: Vec<&RouteMatch> = plans.iter().map(|(_, plan)| &plan.matches).collect();
    for (first, second) in conflicts(&matches) {
        let (Some((first, _)), Some((second, plan))) = (plans.get(first), plans.get(second)) else { continue };
        let (Some(first), Some(second)) = (items.get(*first), items.get(*second)) else { continue };
        let found = format!("route {} that matches the same requests as {}", plan.name, first.place.steps.join("."));
        findings.error(&second.place, found, "routes that differ in host, path, methods or headers");
    }
    for (name, item) in upstreams {
        let leads = |route: &RouteSpec| {
            let mirrored = route.mirror.iter().map(|mirror| &mirror.upstream);
            route.targets().map(|(target, _)| target).chain(mirrored).any(|target| target == name)
        };
        if !items.iter().any(|route| leads(&route.spec)) {
            findings.warning(
                &item.place,
                format!("the upstream {name}, to which no route leads"),
                "it is probed, but gets no traffic",
            );
        }
    }
    plans.into_iter().map(|(_, plan)| plan).collect()
}

fn route(
    item: &Item<RouteSpec>,
    upstreams: &[(String, Item<UpstreamSpec>)],
    names: &[String],
    findings: &mut Findings,
) -> Option<RoutePlan> {
    let (spec, place) = (&item.spec, &item.place);
    let matches = matches(&spec.matches, &place.at("match"), findings);
    // Of several pools, the first says how long things may take.
    let base = spec.targets().next().and_then(|(name, _)| upstreams.iter().find(|(known, _)| known == name));
    let (base_timeouts, base_retries) = match base {
        Some((_, upstream)) => (upstream.spec.timeouts.clone(), upstream.spec.retries.clone()),
        None => (TimeoutsSpec::default(), RetriesSpec::default()),
    };
    let own_timeouts = spec.timeouts.clone().unwrap_or_default();
    let own_retries = spec.retries.clone().unwrap_or_default();
    Some(RoutePlan {
        name: spec.name.clone().unwrap_or_else(|| generated_name(&spec.matches)).into(),
        action: action(spec, place, upstreams, names, findings)?,
        admission: admission::compile(spec, place, findings),
        hedge: hedge(spec, place, findings),
        matches,
        allow_encoded_slashes: spec.allow_encoded_slashes,
        request_headers: edits(&spec.request_headers, &place.at("request_headers"), findings),
        response_headers: edits(&spec.response_headers, &place.at("response_headers"), findings),
        timeouts: timeouts(
            &TimeoutsSpec {
                connect: own_timeouts.connect.or(base_timeouts.connect),
                per_try: own_timeouts.per_try.or(base_timeouts.per_try),
                expect_continue: own_timeouts.expect_continue.or(base_timeouts.expect_continue),
                idle: own_timeouts.idle.or(base_timeouts.idle),
                total: own_timeouts.total.or(base_timeouts.total),
            },
            &place.at("timeouts"),
            findings,
        ),
        retries: retries(
            &RetriesSpec { limit: own_retries.limit.or(base_retries.limit), on: own_retries.on.or(base_retries.on) },
            &place.at("retries"),
            findings,
        ),
    })
}

fn hedge(spec: &RouteSpec, place: &Place, findings: &mut Findings) -> Option<Duration> {
    let after = spec.hedge?.0;
    if after.is_zero() {
        findings.error(
            &place.at("hedge"),
            "0s",
            "more than 0s: half of the answers should be there by then; absent = never",
        );
    }
    Some(after)
}

fn generated_name(matches: &MatchSpec) -> String {
    let host = matches.host.as_deref().unwrap_or("*");
    let path = matches
        .path_exact
        .as_deref()
        .map_or_else(|| matches.path.clone().unwrap_or_else(|| "/".to_owned()), |path| format!("={path}"));
    format!("{host}{path}")
}

fn matches(spec: &MatchSpec, place: &Place, findings: &mut Findings) -> RouteMatch {
    RouteMatch {
        host: host(spec.host.as_deref(), &place.at("host"), findings),
        path: path(spec, place, findings),
        methods: spec.methods.iter().map(|method| method.to_ascii_uppercase()).collect(),
        headers: spec
            .headers
            .iter()
            .map(|(name, value)| {
                let name = header_name(name, &place.at("headers"), findings);
                let condition = match value.as_str() {
                    "*" => HeaderCondition::Present,
                    // It is compared in its one form.
                    host if name == "host" => HeaderCondition::Equals(canonical(host)),
                    value => HeaderCondition::Equals(value.to_owned()),
                };
                (name, condition)
            })
            .collect(),
    }
}

fn host(text: Option<&str>, place: &Place, findings: &mut Findings) -> HostMatch {
    let Some(text) = text.filter(|text| *text != "*") else { return HostMatch::Any };
    let (suffix, written) = match text.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, text),
    };
    let lower = written.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    let fits = !name.split('.').any(str::is_empty)
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':'));
    let has_port = !name.starts_with('[') && name.contains(':');
    if !fits || has_port {
        findings.error(
            place,
            format!("{text:?}"),
            "a host name without port, such as api.example.com or *.example.com",
        );
    }
    if suffix { HostMatch::Suffix(format!(".{name}")) } else { HostMatch::Exact(canonical(name)) }
}

fn path(spec: &MatchSpec, place: &Place, findings: &mut Findings) -> PathMatch {
    let (text, key, exact) = match (&spec.path, &spec.path_exact) {
        (Some(_), Some(_)) => {
            findings.error(place, "both `path` and `path_exact`", "one of them");
            return PathMatch::default();
        }
        (Some(path), None) => (path, "path", false),
        (None, Some(path)) => (path, "path_exact", true),
        (None, None) => return PathMatch::default(),
    };
    let normal = pulsegate_core::http::path::normalise(text).ok().map(|normal| normal.path);
    if !text.starts_with('/') || normal.as_deref() != Some(text) {
        findings.hinted(
            &place.at(key),
            format!("{text:?}"),
            "a normalised path that begins with / (no dot segments, no needless escapes)",
            normal.filter(|normal| normal.starts_with('/')).map(|normal| format!("write {normal}")),
        );
    }
    if exact {
        PathMatch::Exact(text.clone())
    } else {
        let prefix = if text.len() > 1 { text.trim_end_matches('/') } else { text };
        PathMatch::Prefix(if prefix.is_empty() { "/".to_owned() } else { prefix.to_owned() })
    }
}

fn action(
    spec: &RouteSpec,
    place: &Place,
    upstreams: &[(String, Item<UpstreamSpec>)],
    names: &[String],
    findings: &mut Findings,
) -> Option<RouteAction> {
    let known = Known { upstreams, names };
    match (&spec.upstream, spec.split.is_empty(), &spec.redirect, &spec.respond) {
        (Some(_), true, None, None) | (None, false, None, None) => forward(spec, place, &known, findings),
        (None, true, Some(redirect), None) => redirect_to(redirect, &place.at("redirect"), findings),
        (None, true, None, Some(respond)) => respond_with(respond, &place.at("respond"), findings),
        (upstream, split, redirect, respond) => {
            let choices = [
                ("upstream", upstream.is_some()),
                ("split", !split),
                ("redirect", redirect.is_some()),
                ("respond", respond.is_some()),
            ];
            findings.error(place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
            None
        }
    }
}

fn redirect_to(spec: &RedirectSpec, place: &Place, findings: &mut Findings) -> Option<RouteAction> {
    let status = spec.status.unwrap_or(RouteAction::REDIRECT_STATUS);
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        findings.error(&place.at("status"), status.to_string(), "301, 302, 303, 307 or 308");
    }
    if http::HeaderValue::from_str(&spec.location).is_err() || spec.location.is_empty() {
        findings.error(&place.at("location"), format!("{:?}", spec.location), "a URL or path in visible ASCII");
    }
    Some(RouteAction::Redirect { status, location: spec.location.clone() })
}

fn respond_with(spec: &RespondSpec, place: &Place, findings: &mut Findings) -> Option<RouteAction> {
    let status = spec.status.unwrap_or(RouteAction::RESPOND_STATUS);
    if !(200..=599).contains(&status) {
        findings.error(&place.at("status"), status.to_string(), "200 to 599");
    }
    let content_type = spec.content_type.clone().unwrap_or_else(|| RouteAction::RESPOND_TYPE.to_owned());
    if http::HeaderValue::from_str(&content_type).is_err() {
        findings.error(&place.at("content_type"), format!("{content_type:?}"), "a media type");
    }
    Some(RouteAction::Respond { status, content_type, body: spec.body.clone() })
}

/// Headers that say where a message ends or what becomes of its connection: the gateway's own business on each side.
const FRAMING: [&str; 8] =
    ["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

fn edits(spec: &EditsSpec, place: &Place, findings: &mut Findings) -> HeaderEdits {
    for (key, names) in [
        ("set", spec.set.keys().collect::<Vec<_>>()),
        ("add", spec.add.keys().collect()),
        ("remove", spec.remove.iter().collect()),
    ] {
        for name in names.into_iter().filter(|name| FRAMING.contains(&name.to_ascii_lowercase().as_str())) {
            findings.error(&place.at(key), format!("{name:?}"), "no header that frames messages or steers connections");
        }
    }
    let mut pairs = |pairs: &BTreeMap<String, String>, key: &str| -> Vec<(String, String)> {
        let place = place.at(key);
        pairs.iter().map(|(name, value)| header(name, value, &place, findings)).collect()
    };
    let (set, add) = (pairs(&spec.set, "set"), pairs(&spec.add, "add"));
    HeaderEdits {
        remove: spec.remove.iter().map(|name| header_name(name, &place.at("remove"), findings)).collect(),
        set,
        add,
    }
}
