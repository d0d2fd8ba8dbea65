//! What the admission of routes is compiled to, and which are refused.

use crate::config::load_text;
use pulsegate_core::plan::{AdmissionPlan, LimitBy, Plan, RateLimitPlan};
use std::path::Path;
use std::time::Duration;

/// A configuration with this route and this upstream (keys of one mapping each).
fn yaml(route: &str, upstream: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a, {route} }}]\nupstreams:\n  a: {{ backends: [\"10.0.0.1:8000\"], \
         {upstream} }}\n  b: {{ backends: [\"10.0.0.2:8000\"], shield_health: true, readiness: {{ path: /b/ready }} }}\n"
    )
}

const READY: &str = "readiness: { path: /ready }";

fn load(yaml: &str) -> Plan {
    load_text(yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}")).plan
}

fn admission(route: &str, upstream: &str) -> AdmissionPlan {
    load(&yaml(route, upstream)).routes[0].admission.as_deref().cloned().unwrap_or_default()
}

fn limit(route: &str) -> RateLimitPlan {
    admission(route, READY).rate_limit.unwrap()
}

fn errors(route: &str) -> String {
    let told = load_text(&yaml(route, READY), Path::new(".")).map(|_| ()).expect_err(route);
    told.iter().map(|one| format!("{one}\n")).collect()
}

fn warnings(route: &str, upstream: &str) -> String {
    let yaml = yaml(route, upstream);
    let loaded = load_text(&yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}"));
    let about = loaded.warnings.iter().map(|one| format!("{one}\n"));
    about.filter(|line| line.contains("hidden")).collect()
}

#[test]
fn a_route_without_guards_has_none() {
    for route in ["name: x", "deny: []", "allow: [\"::/0\", \"0.0.0.0/0\"]"] {
        assert!(load(&yaml(route, READY)).routes[0].admission.is_none(), "{route}");
    }
}

#[test]
fn limits_and_their_defaults() {
    let expected = |requests, per, burst, by, enforce| RateLimitPlan {
        per: Duration::from_millis(per),
        burst,
        by,
        enforce,
        ..RateLimitPlan::of(requests)
    };
    for (written, plan) in [
        ("requests: 5", expected(5, 1000, 5, LimitBy::Client, true)),
        ("requests: 100, per: 1m, burst: 200, by: route", expected(100, 60_000, 200, LimitBy::Route, true)),
        (
            "requests: 1, per: 500ms, by: \"header:X-Api-Key\", enforce: false",
            expected(1, 500, 1, LimitBy::Header("x-api-key".to_owned()), false),
        ),
        ("requests: 1000000, by: client", expected(1_000_000, 1000, 1_000_000, LimitBy::Client, true)),
    ] {
        let found = limit(&format!("rate_limit: {{ {written} }}"));
        assert_eq!(RateLimitPlan { id: 0, ..found }, plan, "{written}");
    }
    assert_eq!(limit("rate_limit: { requests: 3 }").interval(), Duration::from_nanos(333_333_333));
}

#[test]
fn the_id_follows_the_limit_and_its_route_and_nothing_else() {
    let id = |route: &str| limit(route).id;
    let plain = id("name: x, rate_limit: { requests: 5 }");
    for (route, same) in [
        ("name: x, rate_limit: { requests: 5, per: 1s, burst: 5, by: client }", true),
        ("name: x, rate_limit: { requests: 5, enforce: false }", true),
        ("name: x, match: { path: /api }, timeouts: { total: 5s }, rate_limit: { requests: 5 }", true),
        ("name: y, rate_limit: { requests: 5 }", false),
        ("name: x, rate_limit: { requests: 6, burst: 5 }", false),
        ("name: x, rate_limit: { requests: 5, burst: 6 }", false),
        ("name: x, rate_limit: { requests: 5, per: 2s }", false),
        ("name: x, rate_limit: { requests: 5, by: route }", false),
    ] {
        assert_eq!(id(route) == plain, same, "{route}");
    }
    let twins = "listeners: [{ address: \"127.0.0.1:8080\" }]\nroutes:\n  - { respond: {}, match: { methods: [GET] }, rate_limit: { requests: 5 } }\n  \
                 - { respond: {}, match: { methods: [POST] }, rate_limit: { requests: 5 } }\n";
    let routes = load(twins).routes;
    let of = |index: usize| routes[index].admission.as_ref().unwrap().rate_limit.as_ref().unwrap().id;
    assert_eq!(routes[0].name, routes[1].name);
    assert_ne!(of(0), of(1), "they share a name, not a bucket");
}

#[test]
fn an_admission_that_cannot_be_is_told_in_a_sentence() {
    for (route, words) in [
        ("rate_limit: { requests: 0 }", "rate_limit.requests: found 0, allowed: at least 1; to let nobody in"),
        ("rate_limit: { requests: 1, per: 0s }", "rate_limit.per: found 0s, allowed: more than 0s"),
        ("rate_limit: { requests: 1, burst: 0 }", "rate_limit.burst: found 0, allowed: at least 1"),
        ("rate_limit: { requests: 2000000 }", "found 2000000 requests per 1s, allowed: at most one request per micro"),
        ("rate_limit: { requests: 1, per: 30days, burst: 13 }", "allowed: a burst that may come again within a year"),
        ("rate_limit: { requests: 4294967295, per: 1000days, burst: 4294967295 }", "within a year"),
        ("rate_limit: { requests: 1, by: header }", "the header's name is missing, as in header:X-Api-Key"),
        ("rate_limit: { requests: 1, by: \"header:\" }", "client, header:NAME or route"),
        ("rate_limit: { requests: 1, by: \"header:a b\" }", "client, header:NAME or route"),
        ("rate_limit: { requests: 1, by: ip }", "write client"),
        ("rate_limit: { requests: 1, by: \"client:x\" }", "client, header:NAME or route"),
        ("rate_limit: { per: 1s }", "requests"),
        ("rate_limit: { requests: 1, per: 1 }", "such as 500ms, 2s or 1m"),
        ("rate_limit: { requests: 1, bursts: 1 }", "did you mean `burst`?"),
        ("allow: []", "allow: found an empty list, allowed: at least one network; without `allow` everybody"),
        ("allow: [nonsense]", "allow.0: found \"nonsense\", allowed: an address or a network, such as 10.0.0.0/8"),
        ("deny: [\"10.0.0.0/8\", \"10.0.0.0/33\"]", "deny.1: found \"10.0.0.0/33\""),
        ("deny: [\"::/129\"]", "deny.0"),
        ("shield_health: maybe", "shield_health"),
    ] {
        let told = errors(route);
        assert!(told.contains(words), "{route}: {words:?} not in\n{told}");
        assert_eq!(told.lines().count(), 1, "{route}: {told}");
    }
}

#[test]
fn addresses_are_let_in_by_their_network() {
    let admission =
        admission("allow: [\"10.0.0.0/8\", \"::ffff:192.0.2.0/120\"], deny: [\"10.9.0.0/16\", \"10.8.7.6\"]", READY);
    let allow = admission.allow.unwrap();
    for (address, allowed, denied) in [
        ("10.1.2.3", true, false),
        ("10.9.2.3", true, true),
        ("10.8.7.6", true, true),
        ("192.0.2.200", true, false),
        ("198.51.100.1", false, false),
    ] {
        let address = address.parse().unwrap();
        assert_eq!((allow.contains(address), admission.deny.contains(address)), (allowed, denied), "{address}");
    }
}

#[test]
fn a_shield_hides_probed_paths_alone() {
    let three = "startup: { path: /start }, readiness: { path: \"/ready?full=1\" }, liveness: { path: /live }";
    let shielded = format!("shield_health: true, {three}");
    for (route, upstream, path, hidden) in [
        ("name: x", three, "/ready", false),
        ("name: x", &*shielded, "/start", true),
        ("name: x", &shielded, "/ready", true),
        ("name: x", &shielded, "/live", true),
        ("name: x", &shielded, "/b/ready", false),
        ("shield_health: false", &shielded, "/ready", false),
        ("shield_health: true", three, "/ready", true),
        ("mirror: { upstream: b }", three, "/b/ready", true),
        ("mirror: { upstream: b }", three, "/ready", false),
        ("mirror: { upstream: b }", &shielded, "/ready", true),
        (
            "name: x",
            "shield_health: true, readiness: { path: /ready, port: 9000 }, liveness: { path: /live }",
            "/ready",
            false,
        ),
        ("name: x", "shield_health: true, readiness: { path: /ready, port: 8000 }", "/ready", true),
        (
            "name: x",
            "shield_health: true, protocol: http2, readiness: { grpc: {} }",
            "/grpc.health.v1.Health/Watch",
            true,
        ),
    ] {
        assert_eq!(admission(route, upstream).shield.hides(path), hidden, "{route} {upstream} {path}");
    }
    let split = load(&yaml("name: x", READY).replace("upstream: a,", "split: { a: 1, b: 1 },"));
    let shield = &split.routes[0].admission.as_ref().unwrap().shield;
    assert!(shield.hides("/b/ready") && !shield.hides("/ready"));
}

#[test]
fn a_shield_that_hides_nothing_or_the_front_page_is_told() {
    let tcp = "readiness: { tcp: true }";
    for (route, upstream, words) in [
        ("name: x", "shield_health: true, readiness: { path: /ready }", ""),
        ("shield_health: true", tcp, "routes.0.shield_health: found true; nothing is hidden"),
        (
            "name: x",
            "shield_health: true, readiness: { tcp: true }",
            "upstreams.a.shield_health: found true; nothing is hidden",
        ),
        ("name: x", "shield_health: true, readiness: { path: /ready, port: 9000 }", "nothing is hidden"),
        ("name: x", "shield_health: true, readiness: { path: / }", "the path / hidden on the route x"),
        ("name: x", "shield_health: true, readiness: { path: \"/?health\" }", "404 for the front page"),
    ] {
        let told = warnings(route, upstream);
        assert!(
            told.contains(words) && told.is_empty() == words.is_empty(),
            "{route} {upstream}: {words:?} not in\n{told}"
        );
    }
}

#[test]
fn a_plan_says_what_its_doors_do() {
    let plan = load(&yaml(
        "allow: [10.0.0.0/8], deny: [10.9.0.0/16], rate_limit: { requests: 100, burst: 200, by: \"header:X-Api-Key\", enforce: false }",
        "shield_health: true, readiness: { path: /READY }, liveness: { grpc: {} }, protocol: http2",
    ));
    let said = crate::config::summary(&plan);
    for line in [
        "  only the networks of `allow` come in, without those of `deny`\n",
        "  at most 100 requests per 1s and 200 at once, by header x-api-key (it denies nobody and only tells)\n",
        "  hidden: /ready, the calls of grpc.health.v1.Health\n",
    ] {
        assert!(said.contains(line), "{line:?} not in\n{said}");
    }
}
