//! Does it work in front of real applications? Flask, FastAPI and Django under their real servers, two instances each, with a real
//! PostgreSQL and a real Redis behind them; a Node service with its health library in `node.rs`.
//!
//! One long test for the three, since the services take seconds to start: Redis dies and returns, an instance is killed under load, another is
//! frozen, a third bursts real exceptions. `make test-needs` brings the programs; without them this fails and says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod node;
mod services;

use answers::Answers;
use services::{Instance, Services, Stack};
use std::sync::OnceLock;
use std::time::Duration;
use support::Pulsegate;
use support::gateway::Gateway;
use support::lateness::Lateness;
use support::load::{Load, Request};
use support::pause;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

const HOSTS: [(&str, &str); 3] =
    [("flask", "flask.example"), ("fastapi", "fastapi.example"), ("django", "shop.example")];

const PERIOD: Duration = Duration::from_secs(1);
const FAST_PERIOD: Duration = Duration::from_millis(500);
/// Patient with services that a busy machine lets wait; with requests less, since a frozen one is asked too.
const TIMEOUT: Duration = Duration::from_secs(10);
const PER_TRY: Duration = Duration::from_secs(8);
const FAILURES: u32 = 2;
const PASSES: u32 = 2;
const JITTER: f64 = 0.1;
/// The share that a degraded instance keeps.
const DEGRADED: f64 = 0.3;
/// What asking the admin listener and two busy cores add; a busier machine is late once more at each of these steps.
const SLACK: Duration = Duration::from_millis(700);
const STEPS: u32 = 10;

/// The tests take turns: their bounds are of real time, and the processes of one would be load on the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// The longest until so many results of one kind are there, where an answer takes `each`: the probe that is on its way, a period until the first,
/// and a fast period (or the probe's own time, where that is longer) for each further one.
fn after(results: u32, each: Duration) -> Duration {
    each + PERIOD.mul_f64(1.0 + JITTER) + each + FAST_PERIOD.mul_f64(1.0 + JITTER).max(each) * (results - 1)
}

/// What the machine may add to a bound of real time.
fn slack() -> Duration {
    static LATE: OnceLock<Lateness> = OnceLock::new();
    SLACK + LATE.get_or_init(Lateness::watch).worst() * STEPS
}

fn configuration(stacks: &[Stack], policy: &str) -> String {
    let mut routes = String::from("routes:\n");
    let mut upstreams = String::from("upstreams:\n");
    for (stack, (name, host)) in stacks.iter().zip(HOSTS) {
        routes.push_str(&format!("  - {{ match: {{ host: {host} }}, upstream: {name} }}\n"));
        let [a, b] = &stack.instances;
        upstreams.push_str(&format!(
            "  {name}:\n    backends: [\"{}\", \"{}\"]\n    readiness: {{ path: /ready, period: {PERIOD:?}, fast_period: {FAST_PERIOD:?}, \
             timeout: {TIMEOUT:?}, success_threshold: {PASSES}, failure_threshold: {FAILURES}, \
             document: {{ degraded: {{ weight: {:.0}% }} }} }}\n    timeouts: {{ per_try: {PER_TRY:?} }}\n    \
             slow_start: {{ duration: 1s }}\n    passive: {{ base_ejection: 5s }}\n    balance: {{ policy: {policy} }}\n",
            a.address,
            b.address,
            DEGRADED * 100.0
        ));
    }
    routes + &upstreams
}

/// 20 requests per second to each of the three services.
fn loads(gateway: &Gateway, seconds: u64) -> Vec<(&'static str, Load)> {
    let start = |(name, host)| {
        let request = Request { method: "GET", host, path: "/work" };
        (name, Load::of(request, gateway.address, 20, Duration::from_secs(seconds)))
    };
    HOSTS.map(start).into()
}

async fn assert_no_failures(what: &str, loads: Vec<(&'static str, Load)>) {
    for (name, load) in loads {
        let outcomes = load.outcomes().await;
        let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.ok()).collect();
        println!("{what}, {name}: {} requests, {} failed", outcomes.len(), failed.len());
        assert!(failed.is_empty(), "{what}, {name}: {:?}", &failed[..failed.len().min(3)]);
    }
}

/// As [`until_each`], for both instances of every stack.
async fn until_all(gateway: &Gateway, stacks: &[Stack], standings: &[&str]) -> Duration {
    until_each(gateway, stacks.iter().flat_map(|stack| &stack.instances), standings).await
}

/// Waits until every instance stands as one of `standings`; says how long that took.
#[allow(clippy::disallowed_methods, reason = "a bound of real time is measured by the real clock")]
async fn until_each(gateway: &Gateway, instances: impl IntoIterator<Item = &Instance>, standings: &[&str]) -> Duration {
    let begun = Instant::now();
    for instance in instances {
        let address = instance.address.to_string();
        let what = format!("{address} stands as one of {standings:?}");
        support::eventually(&what, async || standings.contains(&gateway.standing_of(&address).await.as_str())).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_applications_with_a_real_database_and_a_real_redis() {
    let _turn = TURN.lock().await;
    let mut services = Services::start().await;
    slack();
    let gateway = PULSEGATE.start(&configuration(&services.stacks, "least_request")).await;
    until_all(&gateway, &services.stacks, &["up"]).await;
    // Django answers 400 to a Host it does not know: that it is up shows that the probe sends the route's host.

    assert_no_failures("all is well", loads(&gateway, 2)).await;
    an_instance_answers_200_and_says_down(&gateway, &services).await;
    an_instance_is_degraded(&gateway, &services).await;
    redis_dies_and_returns(&gateway, &mut services).await;
    an_instance_is_killed(&gateway, &mut services).await;
    an_instance_is_frozen(&gateway, &mut services).await;
    an_instance_bursts_exceptions(&gateway, &services).await;
}

#[allow(clippy::disallowed_methods, reason = "a bound of real time is measured by the real clock")]
async fn an_instance_answers_200_and_says_down(gateway: &Gateway, services: &Services) {
    let loads = loads(gateway, 8);
    for (stack, (name, host)) in services.stacks.iter().zip(&HOSTS) {
        let liar = &stack.instances[1];
        let address = liar.address.to_string();
        let until = async |standings: &[&str]| {
            let begun = Instant::now();
            let what = format!("{name}'s {address} stands as one of {standings:?}");
            support::eventually(&what, async || standings.contains(&gateway.standing_of(&address).await.as_str()))
                .await;
            begun.elapsed()
        };
        let answers = Answers::watch([(liar, *host)]);
        liar.says(Some("DOWN"));
        let out = until(&["not_ready"]).await;
        let bound = after(FAILURES, answers.slowest().await) + slack();
        let told = gateway.backend(&address).await;
        println!("{name} says DOWN with a 200: out after {out:?} (bound {bound:?}): {}", told["why"]);
        assert!(out <= bound, "took {out:?}");
        assert_eq!(told["last_probe"]["code"], 200, "{told}");
        let why = told["why"].as_str().unwrap_or_default();
        assert!(why.contains("answered 200, but it says DOWN: cache DOWN (says the test)"), "{why}");
        let components = told["last_probe"]["document"]["components"].to_string();
        assert!(components.contains(r#""means":"pass","message":"ok","name":"redis""#), "{components}");

        let answers = Answers::watch([(liar, *host)]);
        liar.says(None);
        let back = until(&["ramping", "up"]).await;
        let bound = after(PASSES, answers.slowest().await) + slack();
        println!("{name} says UP again: in after {back:?} (bound {bound:?})");
        assert!(back <= bound, "took {back:?}");
    }
    assert_no_failures("an instance of each lies in turn", loads).await;
    until_all(gateway, &services.stacks, &["up"]).await;
}

/// 3 of 13 requests are for one that keeps 30 % beside one that is well, where turns are taken by weight alone: `least_request` gives it more
/// whenever the other is busy.
async fn an_instance_is_degraded(gateway: &Gateway, services: &Services) {
    const REQUESTS: f64 = 300.0;
    let (stack, (name, host)) = (&services.stacks[1], HOSTS[1]);
    let [well, degraded] = [0, 1].map(|number| stack.instances[number].address.to_string());
    gateway.reload(&configuration(&services.stacks, "round_robin")).await;
    stack.instances[1].says(Some("DEGRADED"));
    support::eventually("it is degraded", async || gateway.standing_of(&degraded).await == "degraded").await;
    let served = async |address: &str| gateway.backend(address).await["outcomes"]["total"]["successes"].as_f64();
    let before = [served(&well).await, served(&degraded).await];
    let load = Load::of(Request { method: "GET", host, path: "/work" }, gateway.address, 60, Duration::from_secs(5));
    assert_no_failures("an instance is degraded", vec![(name, load)]).await;
    let after = [served(&well).await, served(&degraded).await];
    let [well, degraded] = [0, 1].map(|one| after[one].unwrap_or_default() - before[one].unwrap_or_default());
    let share = degraded / (well + degraded);
    let fair = DEGRADED / (1.0 + DEGRADED);
    println!(
        "{name}: {degraded} of {} requests went to the degraded instance ({:.0} % are its share)",
        well + degraded,
        fair * 100.0
    );
    assert!(
        well + degraded >= REQUESTS * 0.9 && (share - fair).abs() < 0.03,
        "{share} of the requests, {fair} is fair"
    );
    stack.instances[1].says(None);
    gateway.reload(&configuration(&services.stacks, "least_request")).await;
    until_all(gateway, &services.stacks, &["up"]).await;
}

/// Every instance with its host.
fn all(stacks: &[Stack]) -> impl Iterator<Item = (&Instance, &'static str)> {
    stacks.iter().zip(HOSTS).flat_map(|(stack, (_, host))| stack.instances.iter().map(move |instance| (instance, host)))
}

async fn redis_dies_and_returns(gateway: &Gateway, services: &mut Services) {
    let answers = Answers::watch(all(&services.stacks));
    services.redis.stop();
    let out = until_all(gateway, &services.stacks, &["not_ready", "down"]).await;
    // The next question begins before Redis is back: what a probe still waits for then, it waits for too.
    let next = Answers::watch(all(&services.stacks));
    let bound = after(FAILURES, answers.slowest().await) + slack();
    println!("Redis stops: all six out after {out:?} (bound {bound:?})");
    assert!(out <= bound, "took {out:?}");

    services.redis.start();
    let back = until_all(gateway, &services.stacks, &["ramping", "up"]).await;
    let bound = after(PASSES, next.slowest().await) + slack();
    println!("Redis returns: all six in after {back:?} (bound {bound:?})");
    assert!(back <= bound, "took {back:?}");
    assert_no_failures("Redis is back", loads(gateway, 2)).await;
}

async fn an_instance_is_killed(gateway: &Gateway, services: &mut Services) {
    let loads = loads(gateway, 6);
    pause(Duration::from_secs(1)).await;
    for stack in &mut services.stacks {
        stack.instances[0].kill();
    }
    assert_no_failures("an instance of each is killed", loads).await;
    for stack in &mut services.stacks {
        stack.instances[0].start();
    }
    until_all(gateway, &services.stacks, &["ramping", "up"]).await;
}

async fn an_instance_is_frozen(gateway: &Gateway, services: &mut Services) {
    let loads = loads(gateway, 8);
    pause(Duration::from_secs(1)).await;
    for stack in &services.stacks {
        stack.instances[1].freeze();
    }
    assert_no_failures("an instance of each is frozen", loads).await;
    for stack in &services.stacks {
        stack.instances[1].thaw();
    }
    until_all(gateway, &services.stacks, &["ramping", "up"]).await;
}

async fn an_instance_bursts_exceptions(gateway: &Gateway, services: &Services) {
    // A reset of an idle connection counts as load for ten seconds: at this rate all may go to the other instance for so long.
    let loads = loads(gateway, 16);
    pause(Duration::from_secs(1)).await;
    for stack in &services.stacks {
        stack.instances[0].raise_exceptions();
    }
    for stack in &services.stacks {
        let address = stack.instances[0].address.to_string();
        let ejected = async || gateway.standing_of(&address).await == "ejected";
        support::eventually(&format!("{address} is ejected"), ejected).await;
        let backend = gateway.backend(&address).await;
        assert_eq!(backend["last_probe"]["passed"], true, "its readiness says 200 all the while: {backend}");
    }
    assert_no_failures("an instance of each bursts exceptions", loads).await;
}
