//! Why is it out, and when does it come back? One real backend of each kind, and what `pulsegate explain` says of it on one screen.
//!
//! A command is waited for on a thread, so backends and probes go on on another.

use super::support::client::Client;
use super::support::gateway::Gateway;
use super::support::raw::{Raw, Step, ok, send};
use super::support::{eventually, free_address};
use serde_json::Value;
use std::net::SocketAddr;

fn status(status: &'static str) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")), Step::Close]
}

/// Answers its readiness with this, and everything else with 200.
async fn readiness(answer: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Raw {
    Raw::start_with_ready(move |head, _| if head.starts_with("GET /ready ") { answer() } else { vec![ok("well")] })
        .await
}

/// An upstream of this name with the backend and one that is well.
fn upstream(name: &str, backend: SocketAddr, well: SocketAddr, more: &str) -> String {
    format!(
        "  {name}:\n    backends: [\"{backend}\", \"{well}\"]\n    readiness: {{ path: /ready, period: 400ms, fast_period: 200ms, timeout: \
         150ms{more} }}\n    slow_start: {{ duration: 0s }}\n    passive: {{ base_ejection: 30s, ejection_jitter: 0% }}\n    \
         drain_header: {{ name: X-Drain, value: \"yes\" }}\n"
    )
}

/// What is said of it: as text, checked to fit a screen, and as a document.
fn explained(gateway: &Gateway, upstream: &str, backend: SocketAddr) -> (String, Value) {
    let backend = backend.to_string();
    let (code, text) = gateway.command(&["explain", upstream, &backend]);
    assert_eq!(code, 0, "{text}");
    assert!(text.lines().count() <= 40, "more than a screen:\n{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "wider than a screen:\n{text}");
    assert!(text.starts_with(&format!("{upstream} {backend} is ")), "{text}");
    let (code, document) = gateway.command(&["explain", upstream, &backend, "--json"]);
    assert_eq!(code, 0, "{document}");
    (text, serde_json::from_str(&document).expect("JSON"))
}

struct Kind {
    upstream: &'static str,
    backend: SocketAddr,
    standing: &'static str,
    rule: &'static str,
    /// Sentences that the screen must hold, line ends left out.
    says: &'static [&'static str],
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_bad_backend_is_explained_on_one_screen() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let dead = free_address();
    let silent = readiness(|| vec![Step::Hang]).await;
    let lying = Raw::start(|_, _| vec![Step::Reset]).await;
    let draining = Raw::start(|_, _| vec![send("HTTP/1.1 200 OK\r\nX-Drain: yes\r\nContent-Length: 0\r\n\r\n")]).await;
    let misconfigured = readiness(|| status("404 Not Found")).await;
    let unauthorised = readiness(|| status("401 Unauthorized")).await;
    let starting = readiness(|| status("503 Busy")).await;
    let rude = readiness(|| status("302 Found\r\nLocation: /\u{202e}login")).await;
    let names = ["lying", "draining"];
    let routes: Vec<String> =
        names.iter().map(|name| format!("{{ match: {{ host: {name}.test }}, upstream: {name} }}")).collect();
    let mut yaml = format!("routes: [{}]\nupstreams:\n", routes.join(", "));
    for (name, backend, more) in [
        ("dead", dead, ""),
        ("silent", silent.address, ""),
        ("lying", lying.address, ""),
        ("draining", draining.address, ""),
        ("misconfigured", misconfigured.address, ""),
        ("unauthorised", unauthorised.address, ""),
        ("starting", starting.address, ", startup_grace: 60s"),
        ("rude", rude.address, ""),
    ] {
        // Of the draining pool both are draining, one after the other; its probes must not end that within the test.
        let more = if name == "draining" { ", period: 30s" } else { more };
        let text = upstream(name, backend, well.address, more);
        yaml.push_str(&if name == "draining" { text.replace("period: 400ms, ", "") } else { text });
    }
    let gateway = Gateway::start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    for name in names {
        for _ in 0..20 {
            client.send(&format!("GET / HTTP/1.1\r\nHost: {name}.test\r\n\r\n")).await;
            client.answer().await;
        }
    }
    let kinds = [
        Kind { upstream: "dead", backend: dead, standing: "down", rule: "readiness", says: &["Connection refused"] },
        Kind {
            upstream: "silent",
            backend: silent.address,
            standing: "not_ready",
            rule: "readiness",
            says: &["connected, but no complete answer within 150ms", "2 passing probes in a row"],
        },
        Kind {
            upstream: "lying",
            backend: lying.address,
            standing: "ejected",
            rule: "ejection",
            says: &[
                "5 failures in a row (limit 5)",
                "its ejection ends in",
                "one trial request must succeed",
                "pass, 200",
            ],
        },
        Kind {
            upstream: "draining",
            backend: draining.address,
            standing: "draining",
            rule: "drain_header",
            says: &["the header x-drain", "no answer asks for a drain again"],
        },
        Kind {
            upstream: "misconfigured",
            backend: misconfigured.address,
            standing: "down",
            rule: "readiness",
            says: &["answered 404", "check readiness.path"],
        },
        Kind {
            upstream: "unauthorised",
            backend: unauthorised.address,
            standing: "down",
            rule: "readiness",
            says: &["answered 401", "set readiness.headers"],
        },
        Kind {
            upstream: "starting",
            backend: starting.address,
            standing: "starting",
            rule: "startup_grace",
            says: &["no alarm", "its grace, which ends in"],
        },
        Kind {
            upstream: "rude",
            backend: rude.address,
            standing: "up",
            rule: "passing",
            says: &["points to /\\u{202e}login", "it is in rotation", "3 failed probes in a row"],
        },
    ];
    for kind in kinds {
        let Kind { upstream, backend, .. } = kind;
        let path = format!("/upstreams/{upstream}");
        eventually("it has its standing", async || {
            let told = gateway.json(&path).await;
            let told = told["backends"]
                .as_array()
                .and_then(|all| all.iter().find(|one| one["address"] == backend.to_string()).cloned());
            told.is_some_and(|told| told["standing"] == kind.standing && told["last_probe"].is_object())
        })
        .await;
        let (text, document) = explained(&gateway, upstream, backend);
        println!("{text}");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for says in kind.says {
            assert!(line.contains(says), "{upstream}: nothing of {says:?} in\n{text}");
        }
        assert_eq!(
            (&document["rule"]["name"], &document["backend"]["standing"]),
            (&kind.rule.into(), &kind.standing.into())
        );
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        let out = kind.standing != "up";
        assert_eq!(document["backend"]["earliest_return"].is_object(), out, "{document:#}");
        assert_eq!(document["to_return"].as_array().is_some_and(|needs| !needs.is_empty()), out, "{document:#}");
        if out {
            // The id on the screen is the id in the log.
            let id = document["backend"]["history"][0]["event_id"].as_str().unwrap_or_default();
            assert!(text.contains(id) && gateway.output().contains(&format!("event_id={id}")), "{id}\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_are_timed_and_who_is_unknown_is_answered_with_who_is_known() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let yaml =
        format!("routes: [{{ upstream: pool }}]\nupstreams:\n{}", upstream("pool", well.address, free_address(), ""));
    let gateway = Gateway::start(&yaml).await;
    let (text, document) = explained(&gateway, "pool", well.address);
    let steps = &document["probes"][0]["steps_ms"];
    assert!(steps["connect"].is_number() && steps["tls"].is_null() && steps["first_byte"].is_number(), "{document:#}");
    assert!(text.contains("(connect ") && text.contains(", first byte "), "{text}");
    let (code, said) = gateway.command(&["explain", "pool", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains(&well.address.to_string()), "{said}");
    let (code, said) = gateway.command(&["explain", "pol", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains("\n  pool\n"), "{said}");
}
