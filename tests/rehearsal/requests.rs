//! Do requests of a rehearsal fare as at the gateway? Queues, hedges, copies and clients that are bound to a backend.

use super::written::{figure, told};

/// A backend that is full for the whole rehearsal with the first request that it gets: each other one waits for its turn.
fn full(beside: &str) -> String {
    format!(
        "routes:
  - {{ name: orders, match: {{ host: orders.test }}, upstream: orders, timeouts: {{ per_try: 10m, total: 10m }} }}
{}upstreams:
  orders:
    backends: [\"10.0.0.7:8000\"]
    limits: {{ requests_per_backend: 1, queue: 1000, queue_timeout: 1s }}
{beside}",
        if beside.is_empty() { "" } else { "  - { name: users, match: { host: users.test }, upstream: users }\n" }
    )
}

/// Its backends come and go several times in a second, and each time there is a publication.
const FLAPPING: &str = "  users:
    backends: [\"10.0.1.7:8000\", \"10.0.1.8:8000\"]
    readiness: { path: /ready, period: 100ms, fast_period: 100ms, timeout: 50ms, failure_threshold: 1, success_threshold: 1 }
";

/// Requests of the first upstream, and how many of them failed.
fn failed(beside: &str, length: u32, seed: u64) -> (u64, u64) {
    let flaps =
        if beside.is_empty() { "" } else { "  - { at: 0s, backend: \"users/*\", flapping: { every: 300ms } }\n" };
    let scenario = format!(
        "length: {length}s
load: [{{ requests_per_second: 10, upstream: orders }}]
timeline:
  - {{ at: 0s, backend: \"orders/*\", slow: 20m }}
{flaps}"
    );
    let told = told(&full(beside), &scenario, seed);
    assert_eq!(figure(&told, "orders", "attempts"), 1, "{told:#}");
    let all = figure(&told, "orders", "failed");
    assert_eq!(told["upstreams"]["orders"]["refused"]["overloaded"].as_u64().unwrap_or_default(), all, "{told:#}");
    if !beside.is_empty() {
        let changes =
            told["timeline"].as_array().unwrap().iter().filter(|moment| moment["upstream"] == "users").count();
        assert!(changes > 20, "{changes}");
    }
    (figure(&told, "orders", "requests"), all)
}

#[test]
fn a_place_in_the_queue_is_left_when_its_time_is_over_whoever_else_is_published() {
    for seed in 1..=5 {
        let lengths = [2, 3, 5, 8, 11];
        let alone = lengths.map(|length| failed("", length, seed));
        assert_eq!(alone, lengths.map(|length| failed(FLAPPING, length, seed)), "seed {seed}");
        // Whoever came more than a second before the end has failed, but for the first, which is under way; nobody else has.
        for (length, (_, failures)) in lengths.iter().zip(alone) {
            let (came, _) = failed("", length - 1, seed);
            assert_eq!(failures, came - 1, "seed {seed}: after {length} s");
        }
    }
}

/// Two backends, the first of which takes `slow` for each answer; nothing but the route's time says that this is too long.
fn hedged(keys: &str, slow: &str, both: bool, seed: u64) -> serde_json::Value {
    let config = format!(
        "routes: [{{ upstream: orders, timeouts: {{ total: 300ms }}, {keys} }}]
upstreams:
  orders:
    backends: [\"10.0.0.7:8000\", \"10.0.0.8:8000\"]
    passive: {{ enabled: false }}
    balance: {{ policy: random }}
    retry_budget: {{ ratio: 0%, min_per_second: 100 }}
"
    );
    let whom = if both { "*" } else { "10.0.0.7:8000" };
    let scenario = format!(
        "length: 30s
load: [{{ requests_per_second: 20 }}]
timeline: [{{ at: 0s, backend: \"{whom}\", slow: {slow} }}]
"
    );
    told(&config, &scenario, seed)
}

#[test]
fn a_late_answer_has_another_backend_asked_and_the_first_answer_wins() {
    for seed in 1..=5 {
        // From half to one and a half of a second: too late for everybody who gets there.
        let without = hedged("retries: { limit: 0 }", "1s", false, seed);
        let late = figure(&without, "orders", "failed");
        assert!(late > 200, "{without:#}");
        assert_eq!((figure(&without, "orders", "hedges"), figure(&without, "orders", "hedges_won")), (0, 0));

        let with = hedged("retries: { limit: 0 }, hedge: 100ms", "1s", false, seed);
        assert_eq!(figure(&with, "orders", "failed"), 0, "{with:#}");
        let (sent, won) = (figure(&with, "orders", "hedges"), figure(&with, "orders", "hedges_won"));
        assert!(sent.abs_diff(late) < late / 4, "{sent} hedges in place of {late} failures");
        // Those that are under way at the end have no answer yet.
        assert!(sent - won <= 2, "{won} of {sent} hedges answered first");
        assert_eq!(figure(&with, "orders", "attempts"), figure(&with, "orders", "requests"));
    }
}

#[test]
fn nobody_else_is_asked_before_an_answer_is_late_and_a_late_hedge_loses() {
    // From 30 to 90 ms.
    let in_time = hedged("hedge: 100ms", "60ms", true, 1);
    assert_eq!((figure(&in_time, "orders", "hedges"), figure(&in_time, "orders", "failed")), (0, 0), "{in_time:#}");
    // From 60 to 180 ms, and the hedge begins 100 ms later.
    let both = hedged("hedge: 100ms", "120ms", true, 1);
    let (sent, won) = (figure(&both, "orders", "hedges"), figure(&both, "orders", "hedges_won"));
    assert!(sent > 100 && won > 0 && won < sent / 2, "{won} of {sent} hedges answered first");
    assert_eq!(figure(&both, "orders", "failed"), 0, "{both:#}");
}

#[test]
fn hedges_keep_within_the_retry_budget() {
    let config = |per_second: u32| {
        format!(
            "routes: [{{ upstream: orders, hedge: 100ms }}]
upstreams:
  orders:
    backends: [\"10.0.0.7:8000\", \"10.0.0.8:8000\"]
    passive: {{ enabled: false }}
    retry_budget: {{ ratio: 0%, min_per_second: {per_second} }}
"
        )
    };
    let scenario = "length: 30s
load: [{ requests_per_second: 50 }]
timeline: [{ at: 0s, backend: \"*\", slow: 1s }]
";
    let hedges = |per_second| figure(&told(&config(per_second), scenario, 1), "orders", "hedges");
    assert_eq!(hedges(0), 0);
    let (few, many) = (hedges(2), hedges(100));
    assert!((30..=62).contains(&few), "{few} hedges at two a second, a second's reserve included");
    assert!(many > 1_000, "{many}");
}

/// Orders with a mirror, which has a client of its own that is refused when its only backend is busy.
fn mirrored(mirror: &str, timeline: &str, seed: u64) -> serde_json::Value {
    let config = format!(
        "routes:
  - {{ name: orders, match: {{ host: orders.test }}, upstream: orders{mirror} }}
  - {{ name: shadow, match: {{ host: shadow.test }}, upstream: shadow }}
upstreams:
  orders:
    backends: [\"10.0.0.7:8000\", \"10.0.0.8:8000\"]
    readiness: {{ path: /ready }}
  shadow:
    backends: [\"10.0.2.7:8000\"]
    limits: {{ requests_per_backend: 1 }}
"
    );
    let scenario = format!(
        "length: 60s
load:
  - {{ requests_per_second: 40, upstream: orders }}
  - {{ requests_per_second: 2, upstream: shadow }}
timeline: [{timeline}]
"
    );
    told(&config, &scenario, seed)
}

#[test]
fn a_mirror_gets_copies_of_its_share_and_no_client_hears_of_them() {
    let slow = "{ at: 0s, backend: \"shadow/*\", slow: 100ms }";
    for seed in 1..=5 {
        let without = mirrored("", slow, seed);
        let all = mirrored(", mirror: { upstream: shadow }", slow, seed);
        let some = mirrored(", mirror: { upstream: shadow, share: 25% }", slow, seed);
        let down = mirrored(", mirror: { upstream: shadow }", "{ at: 0s, backend: \"shadow/*\", is: down }", seed);

        assert_eq!(figure(&without, "shadow", "copies"), 0);
        let requests = figure(&all, "orders", "requests");
        // The last one may be under way at the end.
        assert!(requests - figure(&all, "shadow", "copies") <= 3, "{all:#}");
        let share = figure(&some, "shadow", "copies") as f64 / requests as f64;
        assert!((0.22..0.28).contains(&share), "{share}");
        assert_eq!(figure(&all, "orders", "copies"), 0);

        // To those who sent the originals it makes no difference, whatever becomes of the copies.
        for told in [&all, &some, &down] {
            assert_eq!(told["upstreams"]["orders"], without["upstreams"]["orders"], "seed {seed}");
            assert_eq!(figure(told, "shadow", "requests"), figure(&without, "shadow", "requests"));
        }
        // Copies take places: the mirror's own client finds it busy for 81 % of its requests in place of 17 (Erlang's loss).
        let busy = |told| figure(told, "shadow", "failed") as f64 / figure(told, "shadow", "requests") as f64;
        assert!(busy(&without) < 0.3 && busy(&all) > 0.65, "{} and {}", busy(&without), busy(&all));
    }
}

#[test]
fn copies_that_would_be_too_many_are_not_made() {
    let config = "routes: [{ upstream: orders, mirror: { upstream: shadow } }]
upstreams:
  orders: { backends: [\"10.0.0.7:8000\"] }
  shadow: { backends: [\"10.0.2.7:8000\"] }
";
    let scenario = "length: 8s
load: [{ requests_per_second: 100, upstream: orders }]
timeline: [{ at: 0s, backend: \"shadow/*\", is: silent }]
";
    let told = told(config, scenario, 1);
    let (made, dropped) = (figure(&told, "shadow", "copies"), figure(&told, "shadow", "copies_dropped"));
    // As many as may be under way at once; none of them is over before its time of ten seconds is.
    assert_eq!(made, 256);
    // The last original may be under way at the end.
    assert!(figure(&told, "orders", "requests") - made - dropped <= 3, "{told:#}");
}

/// One client of two backends, the first of which answers every request with an error that is not retried.
fn bound(sticky: &str, length: u32, timeline: &str, seed: u64) -> (u64, u64) {
    let config = format!(
        "routes: [{{ upstream: orders }}]
upstreams:
  orders:
    backends: [\"10.0.0.7:8000\", \"10.0.0.8:8000\"]
    passive: {{ enabled: false }}
    retries: {{ limit: 0 }}
    balance: {{ policy: random{sticky} }}
"
    );
    let scenario = format!(
        "length: {length}s
load: [{{ requests_per_second: 10, clients: 1 }}]
timeline:
  - {{ at: 0s, backend: \"10.0.0.7:8000\", is: lying }}
{timeline}"
    );
    let told = told(&config, &scenario, seed);
    (figure(&told, "orders", "requests"), figure(&told, "orders", "failed"))
}

#[test]
fn a_client_stays_with_the_backend_that_answered_it_first() {
    let (mut unlucky, seeds) = (0, 20);
    for seed in 1..=seeds {
        let (requests, failed) = bound(", sticky: {}", 20, "", seed);
        assert!(failed == 0 || failed == requests, "seed {seed}: {failed} of {requests}");
        unlucky += u64::from(failed > 0);
        let (requests, failed) = bound("", 20, "", seed);
        assert!(failed > 0 && failed < requests, "seed {seed}: {failed} of {requests} without a cookie");
    }
    assert!(unlucky > 2 && unlucky < seeds - 2, "{unlucky} of {seeds}");
}

#[test]
fn a_client_whose_backend_is_taken_out_gets_another_and_stays_there() {
    let drained = "  - { at: 10s, for: 5s, backend: \"10.0.0.7:8000\", order: drain }\n";
    let (mut moved, seeds) = (0, 10);
    for seed in 1..=seeds {
        let (before, _) = bound(", sticky: {}", 10, "", seed);
        let (_, failed) = bound(", sticky: {}", 40, drained, seed);
        assert!(failed == 0 || failed == before, "seed {seed}: {failed} failed, {before} came before the drain");
        moved += u64::from(failed > 0);
    }
    assert!(moved > 0 && moved < seeds, "{moved} of {seeds}");
}

#[test]
fn a_cookie_that_has_expired_binds_nobody() {
    let (requests, failed) = bound(", sticky: { ttl: 1s }", 60, "", 1);
    assert!(failed > requests / 5 && failed < requests * 4 / 5, "{failed} of {requests}");
}
