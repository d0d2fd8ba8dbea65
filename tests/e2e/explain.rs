//! Why is it out, and when does it come back? One real backend of each kind, and what `pulsegate explain` says of it on one screen.
//!
//! A command is waited for on a thread, so backends and probes go on on another.

use super::PULSEGATE;
use serde_json::Value;
use std::net::SocketAddr;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Raw, Step, ok, send};
use support::{eventually, free_address};

fn status(status: &'static str) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")), Step::Close]
}

/// Answers its readiness with this, and everything else with 200.
async fn readiness(answer: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Raw {
    Raw::start_with_ready(move |head, _| if head.starts_with("GET /ready ") { answer() } else { vec![ok("well")] })
        .await
}

/// An upstream of this name with the backend and one that is well; `more` keys of its readiness.
fn upstream(name: &str, backend: SocketAddr, well: SocketAddr, more: &str) -> String {
    let period = if more.contains("period") { "" } else { ", period: 400ms" };
    let timeout = if more.contains("timeout") { "" } else { ", timeout: 10s" };
    format!(
        "  {name}:\n    backends: [\"{backend}\", \"{well}\"]\n    readiness: {{ path: /ready, fast_period: 200ms{timeout}\
         {period}{more} }}\n    slow_start: {{ duration: 0s }}\n    passive: {{ base_ejection: 30s, ejection_jitter: 0% }}\n    \
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

/// A kind of bad backend: its upstream's name, what is said of it, and how it is made so.
struct Kind {
    name: &'static str,
    standing: &'static str,
    rule: &'static str,
    /// Sentences that the screen must hold, line ends left out.
    says: &'static [&'static str],
    /// More keys of its readiness.
    more: &'static str,
    make: Make,
}

#[derive(Clone, Copy)]
enum Make {
    Nobody,
    Ready(&'static str),
    /// By the document of its readiness, with a 200.
    Says(&'static str),
    Silent,
    /// By its answers to live traffic, while its readiness passes.
    Traffic(&'static str),
}

const fn kind(
    name: &'static str,
    standing: &'static str,
    rule: &'static str,
    says: &'static [&'static str],
    more: &'static str,
    make: Make,
) -> Kind {
    Kind { name, standing, rule, says, more, make }
}

const KINDS: [Kind; 11] = [
    kind("dead", "down", "readiness", &["Connection refused"], "", Make::Nobody),
    kind(
        "silent",
        "not_ready",
        "readiness",
        &["connected, but no complete answer within 150ms", "2 passing probes in a row"],
        ", timeout: 150ms",
        Make::Silent,
    ),
    kind(
        "lying",
        "ejected",
        "ejection",
        &["5 failures in a row (limit 5)", "its ejection ends in", "one trial request must succeed", "pass, 200"],
        "",
        Make::Traffic(""),
    ),
    kind(
        "draining",
        "draining",
        "drain_header",
        &["the header x-drain", "no answer asks for a drain again"],
        // No probe must end it within the test.
        ", period: 30s",
        Make::Traffic("200 OK\r\nX-Drain: yes"),
    ),
    kind(
        "misconfigured",
        "down",
        "readiness",
        &["answered 404", "check readiness.path"],
        "",
        Make::Ready("404 Not Found"),
    ),
    kind(
        "unauthorised",
        "down",
        "readiness",
        &["answered 401", "set readiness.headers"],
        "",
        Make::Ready("401 Unauthorized"),
    ),
    kind(
        "pretending",
        "not_ready",
        "readiness",
        &["database DOWN (no connection)", "2 passing probes in a row"],
        "",
        Make::Says(r#"{"status":"DOWN","components":{"database":{"status":"DOWN","message":"no connection"}}}"#),
    ),
    kind(
        "degraded",
        "degraded",
        "degraded",
        &["cache DOWN", "it keeps 30 % of its weight", "3 failed probes in a row"],
        ", document: { degraded: { weight: 30% } }",
        Make::Says(r#"{"status":"DEGRADED","components":{"cache":{"status":"DOWN"}}}"#),
    ),
    kind(
        "leaving",
        "draining",
        "drain_document",
        &["OUT_OF_SERVICE", "a probe passes whose document asks for no drain"],
        "",
        Make::Says(r#"{"status":"OUT_OF_SERVICE"}"#),
    ),
    kind(
        "starting",
        "starting",
        "startup_grace",
        &["no alarm", "its grace, which ends in"],
        ", startup_grace: 60s",
        Make::Ready("503 Busy"),
    ),
    kind(
        "rude",
        "up",
        "passing",
        &["points to /\\u{202e}login", "it is in rotation", "3 failed probes in a row"],
        "",
        Make::Ready("302 Found\r\nLocation: /\u{202e}login"),
    ),
];

impl Kind {
    async fn start(&self) -> (SocketAddr, Option<Raw>) {
        let backend = match self.make {
            Make::Nobody => return (free_address(), None),
            Make::Ready(answer) => readiness(move || status(answer)).await,
            Make::Says(document) => readiness(move || vec![ok(document)]).await,
            Make::Silent => readiness(|| vec![Step::Hang]).await,
            Make::Traffic("") => Raw::start(|_, _| vec![Step::Reset]).await,
            Make::Traffic(answer) => {
                Raw::start(move |_, _| vec![send(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n"))]).await
            }
        };
        (backend.address, Some(backend))
    }

    async fn has_its_standing(&self, gateway: &Gateway, backend: SocketAddr) -> bool {
        let (told, address) = (gateway.json(&format!("/upstreams/{}", self.name)).await, backend.to_string());
        let mut all = told["backends"].as_array().into_iter().flatten();
        all.any(|one| one["address"] == *address && one["standing"] == self.standing && one["last_probe"].is_object())
    }

    /// What the screen and the document say of it.
    async fn is_explained(&self, gateway: &Gateway, backend: SocketAddr) {
        let name = self.name;
        eventually("it has its standing", async || self.has_its_standing(gateway, backend).await).await;
        let (text, document) = explained(gateway, name, backend);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for says in self.says {
            assert!(line.contains(says), "{name}: nothing of {says:?} in\n{text}");
        }
        assert!(!text.contains('\u{202e}'), "{text:?}");
        let told = &document["backend"];
        assert_eq!((&document["rule"]["name"], &told["standing"]), (&self.rule.into(), &self.standing.into()));
        let out = !["up", "degraded"].contains(&self.standing);
        assert_eq!(told["earliest_return"].is_object(), out, "{document:#}");
        assert_eq!(document["to_return"].as_array().is_some_and(|needs| !needs.is_empty()), out, "{document:#}");
        // The id on the screen is the id in the log. Something may have happened between the screen and the document, which were asked for in a row.
        let ids: Vec<_> =
            told["history"].as_array().into_iter().flatten().filter_map(|one| one["event_id"].as_str()).collect();
        let id = ids.iter().find(|id| text.contains(**id));
        let id = id.unwrap_or_else(|| panic!("none of {ids:?} in\n{text}"));
        gateway.says(&format!("event_id={id}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_bad_backend_is_explained_on_one_screen() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let (mut routes, mut upstreams, mut backends) = (Vec::new(), String::new(), Vec::new());
    for kind in &KINDS {
        let started = kind.start().await;
        routes.push(format!("{{ match: {{ host: {0}.test }}, upstream: {0} }}", kind.name));
        upstreams.push_str(&upstream(kind.name, started.0, well.address, kind.more));
        backends.push(started);
    }
    let gateway = PULSEGATE.start(&format!("routes: [{}]\nupstreams:\n{upstreams}", routes.join(", "))).await;
    let mut client = Client::connect(gateway.address).await;
    let made_by_traffic = |kind: &Kind| matches!(kind.make, Make::Traffic(_));
    for (kind, (backend, _running)) in KINDS.iter().zip(&backends).filter(|(kind, _)| made_by_traffic(kind)) {
        // Whom the balancer asks is chance: a few requests may all go to the other one.
        let asked_enough = async || {
            client.send(&format!("GET / HTTP/1.1\r\nHost: {}.test\r\n\r\n", kind.name)).await;
            client.answer().await;
            kind.has_its_standing(&gateway, *backend).await
        };
        eventually("traffic has made its standing", asked_enough).await;
    }
    for (kind, (backend, _running)) in KINDS.iter().zip(&backends) {
        kind.is_explained(&gateway, *backend).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_are_timed_and_who_is_unknown_is_answered_with_who_is_known() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let yaml =
        format!("routes: [{{ upstream: pool }}]\nupstreams:\n{}", upstream("pool", well.address, free_address(), ""));
    let gateway = PULSEGATE.start(&yaml).await;
    let (text, document) = explained(&gateway, "pool", well.address);
    let steps = &document["probes"][0]["steps_ms"];
    assert!(steps["connect"].is_number() && steps["tls"].is_null() && steps["first_byte"].is_number(), "{document:#}");
    assert!(text.contains("(connect ") && text.contains(", first byte "), "{text}");
    let (code, said) = gateway.command(&["explain", "pool", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains(&well.address.to_string()), "{said}");
    let (code, said) = gateway.command(&["explain", "pol", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains("\n  pool\n"), "{said}");
}
