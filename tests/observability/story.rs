//! Has every query of the dashboard data after `make demo` has run? A Prometheus watches the demo, with the configuration that
//! conf/observability/README.md shows, and is then asked what Grafana would ask it.

use super::PULSEGATE;
use super::dashboard::{self, Query, queries, shown, substituted};
use super::prometheus::{Prometheus, Series};
use super::{folder, promtool, read};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use support::eventually;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const README: &str = "conf/observability/README.md";

/// The `yaml` block of the README that begins with `# name`.
fn block(name: &str) -> String {
    let page = read(README);
    let found = page.split("```yaml\n").filter_map(|rest| rest.split("\n```").next()).find(|block| {
        let first = block.lines().next().unwrap_or_default();
        first.strip_prefix("# ") == Some(name)
    });
    found.unwrap_or_else(|| panic!("{README} has no block `# {name}`")).to_owned()
}

/// A folder with the README's `prometheus.yml` for this target and token; it scrapes once a second.
pub fn configured(target: SocketAddr, token: &str) -> TempDir {
    let own = TempDir::new().unwrap();
    let path = own.path().display();
    let mut yaml = block("prometheus.yml");
    for (written, here) in [
        ("15s", "1s"),
        ("/etc/prometheus/pulsegate-alerts.yaml", &format!("{}", folder().join("pulsegate-alerts.yaml").display())),
        ("/etc/prometheus/pulsegate-token", &format!("{path}/token")),
        ("10.0.0.7:9090", &target.to_string()),
    ] {
        assert!(yaml.contains(written), "{README}: prometheus.yml lacks {written}");
        yaml = yaml.replace(written, here);
    }
    fs::write(own.path().join("token"), token).unwrap();
    fs::write(own.path().join("prometheus.yml"), yaml).unwrap();
    promtool(&["check", "config", &format!("{path}/prometheus.yml")], "").unwrap();
    own
}

/// The token's part of the README is a configuration that the gateway takes.
#[test]
fn the_gateways_part_of_the_readme_is_one() {
    let own = TempDir::new().unwrap();
    fs::write(own.path().join("token"), "0123456789abcdef").unwrap();
    let secret = "/run/secrets/pulsegate-prometheus";
    let part = block("pulsegate.yaml");
    assert!(part.contains(secret), "{README}: {part}");
    let rest = "listeners: [{ address: \"127.0.0.1:8080\" }]\nroutes: [{ respond: { status: 200 } }]\n";
    let yaml = format!("{}\n{rest}", part.replace(secret, &own.path().join("token").display().to_string()));
    pulsegate::config::load_text(&yaml, own.path()).unwrap_or_else(|found| panic!("{README}: {found:?}"));
}

/// What is left of the demo when it is over.
struct Watched {
    prometheus: Prometheus,
    gateway: SocketAddr,
    /// Unix seconds.
    story: (f64, f64),
}

/// Runs the demo of the Makefile to its end under the eyes of a Prometheus.
async fn watch_the_demo() -> Watched {
    assert!(read("Makefile").contains("-- demo --for 20s\n"), "`make demo` tells another story than this test");
    let mut demo = Command::new(PULSEGATE.path())
        .args(["demo", "--for", "20s"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut told = String::new();
    let gateway = loop {
        let line = said.next_line().await.unwrap().unwrap_or_else(|| panic!("the demo ended early:\n{told}"));
        if let Some(url) = line.strip_prefix("Its metrics are at http://") {
            break url.strip_suffix("/metrics").unwrap().parse().unwrap();
        }
        told += &line;
    };
    let prometheus = Prometheus::start(configured(gateway, "the-demo-asks-for-none")).await;
    let begin = prometheus.now().await;
    eventually("the demo is scraped", async || prometheus.scrapes().await).await;
    while let Some(line) = said.next_line().await.unwrap() {
        told += &format!("{line}\n");
    }
    let end = prometheus.now().await;
    assert!(demo.wait().await.unwrap().success() && told.contains("client-visible failures"), "{told}");
    Watched { prometheus, gateway, story: (begin, end) }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_demo_every_query_of_the_dashboard_has_data() {
    let watched = watch_the_demo().await;
    let dashboard = dashboard::load();
    let asked = queries(&dashboard);
    assert!(asked.len() > 40, "only {} queries were found", asked.len());
    let mut wanting = Vec::new();
    for query in &asked {
        // Zoomed to the story where the data source knows of the short interval, and as a data source of its defaults is asked.
        for (step, scrape) in [(1, 1), (15, 15)] {
            wanting.extend(watched.answer(query, step, scrape).await.err());
        }
    }
    assert!(wanting.is_empty(), "of {} queries these have no data:\n{}", asked.len(), wanting.join("\n"));
    watched.every_variable_has_values(&dashboard).await;
    watched.every_rule_was_evaluated().await;
}

impl Watched {
    /// What a query comes to; a sentence when that is nothing.
    async fn answer(&self, query: &Query, step: u32, scrape: u32) -> Result<(), String> {
        let expr = substituted(&query.expr, &[self.gateway.to_string()], step, scrape);
        let (begin, end) = self.story;
        // Two seconds before its end the demo is still scraped: what was asked after that has no present.
        let found = match query.instant {
            true => self.prometheus.at(&expr, end - 2.0).await,
            false => self.prometheus.over(&expr, (begin, end), step).await,
        };
        let found = found.map_err(|error| format!("{}: {error}: {expr}", query.place))?;
        let filled: Vec<&Series> = found.iter().filter(|series| !series.values.is_empty()).collect();
        if filled.is_empty() {
            return Err(format!("{}: {} series, no number: {expr}", query.place, found.len()));
        }
        let named = |label: &&str| filled.iter().any(|series| series.labels[*label].is_string());
        match shown(&query.legend).into_iter().find(|label| !named(label)) {
            Some(label) => Err(format!("{}: no line has the {label} of its legend: {expr}", query.place)),
            None => Ok(()),
        }
    }

    /// The lists behind the dashboard's variables, as Grafana asks for them.
    async fn every_variable_has_values(&self, dashboard: &Value) {
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(query) = variable["query"]["query"].as_str() else { continue };
            let inner =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
            let (selector, label) = inner.rsplit_once(", ").expect("a selector and a label");
            let selector = substituted(selector, &[self.gateway.to_string()], 1, 1);
            let found = self.prometheus.over(&selector, self.story, 1).await.unwrap();
            assert!(found.iter().any(|series| series.labels[label].is_string()), "{query} has no values");
        }
    }

    async fn every_rule_was_evaluated(&self) {
        let data = self.prometheus.api("rules").await.unwrap();
        let rules: Vec<&Value> =
            data["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
        assert!(rules.len() > 30, "only {} rules are loaded", rules.len());
        for rule in rules {
            assert_eq!(rule["health"], "ok", "{}: {}", rule["name"], rule["lastError"]);
        }
    }
}
