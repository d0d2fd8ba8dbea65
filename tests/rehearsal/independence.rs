//! Does an upstream fare as if it were alone, whoever else is in the scenario and wherever it is written?

use super::written;
use serde_json::Value;

/// What is rehearsed beside the upstream that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nobody,
    /// Two backends with a load of their own.
    Well,
    /// The same, and they come and go, fail, are slow and are ordered about.
    Flapping,
    /// Nobody has ever heard of its backends.
    Gone,
}

/// In which order the upstreams, routes, loads and the entries of the timeline are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    ItsOwnFirst,
    ItsOwnLast,
}

const OWN_ROUTE: &str = "  - { name: orders, match: { host: orders.test }, upstream: orders, timeouts: { total: 4s, per_try: 1s }, hedge: 100ms }\n";
const OTHER_ROUTE: &str = "  - { name: users, match: { host: users.test }, upstream: users }\n";

const OWN_UPSTREAM: &str = "  orders:
    backends: [\"10.0.0.7:8000\", \"10.0.0.8:8000\", \"10.0.0.9:8000\"]
    readiness: { path: /ready }
    hold: 500ms
    limits: { requests_per_backend: 3, queue: 5, queue_timeout: 300ms }
";
const OTHER_UPSTREAM: &str = "  users:
    backends: [\"10.0.0.7:8000\", \"10.0.1.8:8000\", \"10.0.1.9:8000\"]
    readiness: { path: /ready, period: 1s }
    limits: { requests: 4, queue: 100, queue_timeout: 1s }
    balance: { policy: round_robin, sticky: {} }
";

const OWN_LOADS: [&str; 2] = [
    "  - { requests_per_second: 60, upstream: orders, non_idempotent: 10% }\n",
    "  - { requests_per_second: 30, upstream: orders, clients: 7 }\n",
];
const OTHER_LOADS: &str = "  - { requests_per_second: 80, upstream: users, non_idempotent: 50% }\n";

const OWN_TIMELINE: [&str; 4] = [
    "  - { at: 5s, for: 10s, backend: \"orders/10.0.0.7:8000\", is: lying }\n",
    "  - { at: 20s, for: 5s, backend: \"orders/*\", slow: 200ms }\n",
    "  - { at: 30s, for: 5s, backend: \"orders/10.0.0.8:8000\", is: silent }\n",
    "  - { at: 40s, for: 2s, backend: \"orders/*\", is: down }\n",
];
const OTHER_TIMELINE: &str = "  - { at: 1s, backend: \"users/*\", flapping: { every: 1s } }
  - { at: 5s, for: 10s, backend: \"users/10.0.0.7:8000\", slow: 2s }
  - { at: 20s, for: 5s, backend: \"users/10.0.1.8:8000\", order: drain }
  - { at: 30s, for: 10s, backend: \"users/10.0.1.9:8000\", fail: 50% }
  - { at: 40s, for: 2s, backend: \"users/*\", is: silent }
";

/// Parts of a file in the one order or the other.
fn ordered(order: Order, own: &str, other: &str) -> String {
    match order {
        Order::ItsOwnFirst => format!("{own}{other}"),
        Order::ItsOwnLast => format!("{other}{own}"),
    }
}

/// Everything that is told of the upstream: its figures, and what became of its backends and when.
fn of_orders(seed: u64, beside: Beside, order: Order) -> (Value, Vec<String>) {
    let others = |text: &'static str| if beside == Beside::Nobody { "" } else { text };
    let config = format!(
        "routes:\n{}upstreams:\n{}",
        ordered(order, OWN_ROUTE, others(OTHER_ROUTE)),
        ordered(order, OWN_UPSTREAM, others(OTHER_UPSTREAM))
    );
    let mut loads = OWN_LOADS;
    if order == Order::ItsOwnLast {
        loads.reverse();
    }
    let timeline = match beside {
        Beside::Nobody | Beside::Well => "",
        Beside::Flapping => OTHER_TIMELINE,
        Beside::Gone => "  - { at: 0s, backend: \"users/*\", is: unreachable }\n",
    };
    let scenario = format!(
        "length: 60s\nload:\n{}timeline:\n{}",
        ordered(order, &loads.concat(), others(OTHER_LOADS)),
        ordered(order, &OWN_TIMELINE.concat(), timeline)
    );
    let told = written::told(&config, &scenario, seed);
    let own = told["timeline"].as_array().unwrap().iter().filter(|moment| moment["upstream"] == "orders");
    let own = own.map(|moment| format!("{} {}: {}", moment["at_ms"], moment["event"], moment["message"])).collect();
    (told["upstreams"]["orders"].clone(), own)
}

#[test]
fn an_upstream_fares_as_if_it_were_alone() {
    for seed in 1..=5 {
        let alone = of_orders(seed, Beside::Nobody, Order::ItsOwnFirst);
        for count in ["requests", "saved", "hedges", "hedges_won", "failed", "ejections", "probes"] {
            assert!(alone.0[count].as_u64().unwrap() > 0, "seed {seed}: {count} of {:#}", alone.0);
        }
        for beside in [Beside::Nobody, Beside::Well, Beside::Flapping, Beside::Gone] {
            for order in [Order::ItsOwnFirst, Order::ItsOwnLast] {
                let found = of_orders(seed, beside, order);
                assert_eq!(found, alone, "seed {seed}, {beside:?} beside it, {order:?}");
            }
        }
    }
}
