//! What does a change of the gateway itself cost or forget? Nothing: real processes that fail, an open-loop load, and a configuration or
//! a binary that changes meanwhile.
//!
//! Three backends are processes of their own (this executable, started again), so that they can be killed and restarted like
//! anybody's. What clients feel when backends fail is told by `tests/chaos`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod changes;
mod timings;

use std::time::Duration;
use support::Pulsegate;
use support::backend::Backend;
use support::gateway::Gateway;
use support::load::{Load, Request, Target};
use support::{eventually, pause};

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// Not a test of its own: with `PULSEGATE_BACKEND` set, this process is a backend.
#[test]
fn backend_process() {
    support::server::run_if_asked();
}

/// Probes every second, 2 out, 2 in; patient with backends that a busy machine lets wait.
fn configuration(backends: &[Backend]) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{}]\n    readiness: {{ path: /ready, period: 1s, timeout: \
         10s, success_threshold: 2, failure_threshold: 2 }}\n    timeouts: {{ per_try: 15s }}\n    slow_start: {{ duration: 1s }}\n",
        addresses.join(", ")
    )
}

struct Rig {
    backends: Vec<Backend>,
    gateway: Gateway,
}

async fn rig() -> Rig {
    rig_with("").await
}

/// With more keys at the top.
async fn rig_with(more: &str) -> Rig {
    let mut backends = Vec::new();
    for _ in 0..3 {
        backends.push(Backend::start().await);
    }
    let gateway = PULSEGATE.start(&(configuration(&backends) + more)).await;
    Rig { backends, gateway }
}

/// 150 requests per second, or what the machine is able to answer, until it is ended.
fn load(rig: &Rig, method: &'static str) -> Load {
    let request = Request { method, host: "test", path: "/work" };
    Load::until_ended(request, Target::spared(rig.gateway.address), 150)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_down_or_ejected_stays_so_across_a_reload_that_changes_its_weight() {
    let mut rig = rig().await;
    rig.backends[0].kill();
    rig.gateway.until(&rig.backends[0], "down").await;
    let gets = load(&rig, "GET");
    rig.backends[1].tell("failing 100").await;
    // One of three is down: the cap allows no ejection more, so the failing one is refused and says so; mend the first.
    pause(Duration::from_secs(3)).await;
    gets.ended().await;
    rig.backends[1].tell("failing 0").await;
    rig.backends[0].restart().await;
    rig.gateway.until_one_of(&rig.backends[0], &["ramping", "up"]).await;

    rig.backends[1].tell("failing 100").await;
    let gets = load(&rig, "GET");
    rig.gateway.until(&rig.backends[1], "ejected").await;
    rig.backends[2].kill();
    rig.gateway.until(&rig.backends[2], "down").await;
    gets.ended().await;

    let weight = |backend: &Backend| {
        (format!("\"{}\"", backend.address), format!("{{ address: \"{}\", weight: 7 }}", backend.address))
    };
    let (from, to) = weight(&rig.backends[1]);
    let (from_down, to_down) = weight(&rig.backends[2]);
    let changed = configuration(&rig.backends).replace(&from, &to).replace(&from_down, &to_down);
    rig.gateway.reload(&changed).await;
    eventually("the new weights are in force", async || rig.gateway.weight(&rig.backends[1]).await == 7).await;
    assert_eq!(rig.gateway.standing(&rig.backends[1]).await, "ejected");
    assert_eq!(rig.gateway.standing(&rig.backends[2]).await, "down");
}
