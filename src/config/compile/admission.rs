//! Who is let in at a route's door, how often, and what is hidden there?

use super::listeners::networks;
use super::{Item, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{RateLimitSpec, RouteSpec, UpstreamSpec};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::rng::hash_bytes;
use pulsegate_core::http::networks::Networks;
use pulsegate_core::http::shield::Shield;
use pulsegate_core::plan::{
    AdmissionPlan, DnsQuery, LimitBy, ProbeCheck, ProbePlan, RateLimitPlan, RouteAction, RoutePlan, SourcePlan,
    UpstreamPlan,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A token per microsecond: more than this machine can serve.
const FASTEST: u128 = 1_000;
/// Until a bucket is full again.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the route itself says; its shield and its limit's id come from [`finish`].
pub(super) fn compile(spec: &RouteSpec, place: &Place, findings: &mut Findings) -> Option<Box<AdmissionPlan>> {
    let mut listed = |texts: &[String], key: &str| Networks::new(&networks(texts, &place.at(key), findings));
    let (allow, deny) = (spec.allow.as_ref().map(|texts| listed(texts, "allow")), listed(&spec.deny, "deny"));
    if spec.allow.as_ref().is_some_and(Vec::is_empty) {
        let allowed =
            "at least one network; without `allow` everybody comes in, with `deny: [\"0.0.0.0/0\", \"::/0\"]` nobody";
        findings.error(&place.at("allow"), "an empty list", allowed);
    }
    let plan = AdmissionPlan {
        allow: allow.filter(|allow| !allow.is_everybody()),
        deny,
        rate_limit: spec.rate_limit.as_ref().map(|limit| rate_limit(limit, &place.at("rate_limit"), findings)),
        shield: Shield::default(),
    };
    (!plan.is_empty()).then(|| Box::new(plan))
}

fn rate_limit(spec: &RateLimitSpec, place: &Place, findings: &mut Findings) -> RateLimitPlan {
    let default = RateLimitPlan::of(spec.requests);
    let plan = RateLimitPlan {
        per: span(spec.per, default.per),
        burst: spec.burst.unwrap_or(default.burst),
        by: spec.by.as_deref().map_or(default.by, |text| by(text, &place.at("by"), findings)),
        enforce: spec.enforce.unwrap_or(default.enforce),
        ..default
    };
    let found = findings.errors.len();
    if plan.requests == 0 {
        findings.error(
            &place.at("requests"),
            "0",
            "at least 1; to let nobody in, write `deny: [\"0.0.0.0/0\", \"::/0\"]`",
        );
    }
    if plan.per.is_zero() {
        findings.error(&place.at("per"), "0s", "more than 0s, such as 1s or 1m");
    }
    if plan.burst == 0 && plan.requests > 0 {
        findings.error(&place.at("burst"), "0", "at least 1: with nobody at once, nobody comes in at all");
    }
    if findings.errors.len() > found {
        return plan;
    }
    if plan.per.as_nanos() < FASTEST * u128::from(plan.requests) {
        let found = format!("{} requests per {:?}", plan.requests, plan.per);
        findings.error(place, found, "at most one request per microsecond; without `rate_limit` there is no limit");
    } else if plan.interval().as_secs_f64() * f64::from(plan.burst) > LONGEST.as_secs_f64() {
        let found = format!("a burst of {} at {} requests per {:?}", plan.burst, plan.requests, plan.per);
        findings.error(place, found, "a burst that may come again within a year");
    }
    plan
}

fn by(text: &str, place: &Place, findings: &mut Findings) -> LimitBy {
    match text.split_once(':').unwrap_or((text, "")) {
        ("client", "") => LimitBy::Client,
        ("route", "") => LimitBy::Route,
        ("header", name) if http::HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            LimitBy::Header(name.to_ascii_lowercase())
        }
        (word, _) => {
            let hint = match word {
                "header" => Some("the header's name is missing, as in header:X-Api-Key".to_owned()),
                "ip" | "client_address" | "client_ip" | "remote_address" => Some("write client".to_owned()),
                _ => None,
            };
            findings.hinted(place, format!("{text:?}"), "client, header:NAME or route", hint);
            LimitBy::default()
        }
    }
}

/// The upstreams as they are written, and their plans, in the same order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pools<'a> {
    pub items: &'a [(String, Item<UpstreamSpec>)],
    pub plans: &'a [Arc<UpstreamPlan>],
}

/// What needs the other routes and the upstreams. The plans are parallel to the items.
pub(super) fn finish(routes: (&[Item<RouteSpec>], &mut [RoutePlan]), upstreams: Pools<'_>, findings: &mut Findings) {
    let mut namesakes: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for (item, plan) in routes.0.iter().zip(routes.1) {
        let before = namesakes.entry(plan.name.clone()).and_modify(|before| *before += 1).or_default();
        if let Some(limit) = plan.admission.as_mut().and_then(|admission| admission.rate_limit.as_mut()) {
            let same =
                format!("{} {before} {} {:?} {} {:?}", plan.name, limit.requests, limit.per, limit.burst, limit.by);
            limit.id = hash_bytes(same.as_bytes());
        }
        let shield = shield(item, plan, upstreams);
        if item.spec.shield_health == Some(true) && shield.is_empty() {
            let consequence =
                "nothing is hidden: no upstream of this route has an HTTP or gRPC probe on the port of its traffic";
            findings.warning(&item.place.at("shield_health"), "true", consequence);
        }
        if shield.hides_root() {
            let place =
                if item.spec.shield_health.is_some() { item.place.at("shield_health") } else { item.place.clone() };
            let found = format!("the path / hidden on the route {}, since a probe asks for it", plan.name);
            findings.warning(&place, found, "clients get 404 for the front page; probe a path of its own");
        }
        if !shield.is_empty() {
            plan.admission.get_or_insert_default().shield = shield;
        }
    }
    for (index, (_, item)) in upstreams.items.iter().enumerate() {
        let probed = upstreams.plans.get(index).is_some_and(|plan| probes(plan).next().is_some());
        if item.spec.shield_health && !probed {
            let consequence = "nothing is hidden: it has no HTTP or gRPC probe on the port of its traffic";
            findings.warning(&item.place.at("shield_health"), "true", consequence);
        }
    }
}

/// What the route hides of all pools that it leads to, its mirror included.
fn shield(item: &Item<RouteSpec>, plan: &RoutePlan, upstreams: Pools<'_>) -> Shield {
    let mut shield = Shield::default();
    let RouteAction::Forward(forward) = &plan.action else { return shield };
    let mirror = forward.mirror.iter().map(|mirror| mirror.upstream);
    for index in forward.targets.iter().map(|target| target.upstream).chain(mirror) {
        let (Some((_, upstream)), Some(plan)) = (upstreams.items.get(index), upstreams.plans.get(index)) else {
            continue;
        };
        if !item.spec.shield_health.unwrap_or(upstream.spec.shield_health) {
            continue;
        }
        for probe in probes(plan) {
            match &probe.kind {
                ProbeCheck::Http(check) => shield.hide_path(&check.path),
                ProbeCheck::Grpc(_) => shield.hide_grpc(),
                ProbeCheck::Tcp => {}
            }
        }
    }
    shield
}

/// Those that ask for something at the port of traffic: what only another port serves, no client can reach.
fn probes(plan: &UpstreamPlan) -> impl Iterator<Item = &ProbePlan> {
    let all = [&plan.startup, &plan.readiness, &plan.liveness].into_iter().flatten();
    all.filter(|probe| probe.kind != ProbeCheck::Tcp && probe.port.is_none_or(|port| may_be_traffic(plan, port)))
}

fn may_be_traffic(plan: &UpstreamPlan, port: u16) -> bool {
    plan.sources.iter().any(|source| match source {
        SourcePlan::Static(backends) => backends.iter().any(|backend| match &backend.address {
            Address::Socket(address) => address.port() == port,
            Address::Unix(_) => false,
        }),
        SourcePlan::Dns(dns) => match &dns.query {
            DnsQuery::Host { port: traffic, .. } => *traffic == port,
            DnsQuery::Srv { .. } => true,
        },
        SourcePlan::File { .. } => true,
    })
}

#[cfg(test)]
mod tests;
