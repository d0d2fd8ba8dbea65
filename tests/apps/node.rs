//! Does it work in front of a Node service with a real health library? Two instances with terminus as it comes, and one that says
//! `error` with a 200, all asking one real Redis.

use super::PULSEGATE;
use crate::answers::Answers;
use crate::services::{Instance, Redis, instance};
use crate::{FAILURES, FAST_PERIOD, PASSES, PERIOD, TIMEOUT, TURN, after, assert_no_failures, slack, until_each};
use serde_json::json;
use std::time::Duration;
use support::gateway::Gateway;
use support::load::{Load, Request};
use tempfile::TempDir;

/// The two instances as they come, and the one whose status says nothing.
const HOSTS: [(&str, &str); 2] = [("node", "node.example"), ("liar", "liar.example")];
const STATUS_ERROR: [u16; 3] = [503, 503, 200];

fn configuration(instances: &[Instance]) -> String {
    let mut routes = String::from("routes:\n");
    let mut upstreams = String::from("upstreams:\n");
    for ((name, host), instances) in HOSTS.into_iter().zip(instances.chunks(2)) {
        let backends: Vec<_> = instances.iter().map(|instance| instance.address.to_string()).collect();
        routes.push_str(&format!("  - {{ match: {{ host: {host} }}, upstream: {name} }}\n"));
        upstreams.push_str(&format!(
            "  {name}:\n    backends: {backends:?}\n    readiness: {{ path: /ready, period: {PERIOD:?}, fast_period: {FAST_PERIOD:?}, \
             timeout: {TIMEOUT:?}, success_threshold: {PASSES}, failure_threshold: {FAILURES} }}\n"
        ));
    }
    routes + &upstreams
}

/// 20 requests per second to each of the two upstreams, for two seconds.
async fn works(what: &str, gateway: &Gateway) {
    let start = |(name, host)| {
        let request = Request { method: "GET", host, path: "/work" };
        (name, Load::of(request, gateway.address, 20, Duration::from_secs(2)))
    };
    assert_no_failures(what, HOSTS.map(start).into()).await;
}

/// What `/upstreams` says of every instance, which passes its probes: its one component does.
async fn assert_redis_passes(gateway: &Gateway, instances: &[Instance]) {
    for instance in instances {
        let told = gateway.backend(&instance.address.to_string()).await;
        let document = &told["last_probe"]["document"];
        assert_eq!(document["status"], json!({ "means": "pass", "word": "ok" }), "{told}");
        let redis = json!([{ "name": "redis", "means": "pass", "word": "up", "message": null }]);
        assert_eq!(document["components"], redis, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_service_says_by_terminus_whether_its_redis_is_there() {
    let _turn = TURN.lock().await;
    let folder = TempDir::new().expect("a temporary folder");
    let mut redis = Redis::start_in(folder.path());
    redis.listens().await;
    let mut instances: Vec<_> = STATUS_ERROR
        .iter()
        .enumerate()
        .map(|(number, status)| {
            let environment = [("REDIS_URL", redis.url()), ("STATUS_ERROR", status.to_string())];
            instance("node", "node_app.js", number, folder.path(), &environment)
        })
        .collect();
    instances.iter_mut().for_each(Instance::start);
    for instance in &instances {
        instance.listens().await;
    }
    let gateway = PULSEGATE.start(&configuration(&instances)).await;
    until_each(&gateway, &instances, &["up"]).await;
    assert_redis_passes(&gateway, &instances).await;
    works("all is well, Node", &gateway).await;

    let all = || instances.iter().map(|instance| (instance, HOSTS[0].1));
    let answers = Answers::watch(all());
    redis.stop();
    let out = until_each(&gateway, &instances, &["not_ready"]).await;
    let bound = after(FAILURES, answers.slowest().await) + slack();
    println!("Redis stops: all three Node services out after {out:?} (bound {bound:?})");
    assert!(out <= bound, "took {out:?}");
    for (instance, status) in instances.iter().zip(STATUS_ERROR) {
        let told = gateway.backend(&instance.address.to_string()).await;
        println!("{}", told["why"]);
        assert_eq!(told["last_probe"]["code"], status, "{told}");
        let said = if status == 200 {
            "answered 200, but it says error: redis error ("
        } else {
            "answered 503: redis error ("
        };
        assert!(told["why"].as_str().unwrap_or_default().contains(said), "{told}");
        assert_eq!(told["last_probe"]["document"]["components"][0]["name"], "redis", "{told}");
    }

    let answers = Answers::watch(all());
    redis.start();
    let back = until_each(&gateway, &instances, &["ramping", "up"]).await;
    let bound = after(PASSES, answers.slowest().await) + slack();
    println!("Redis returns: all three Node services in after {back:?} (bound {bound:?})");
    assert!(back <= bound, "took {back:?}");
    assert_redis_passes(&gateway, &instances).await;
    works("Redis is back, Node", &gateway).await;
}
