//! Is every default of the reference what a configuration means that does not say it?

use crate::config::{load_text, reference, yaml};
use pulsegate_core::plan::Plan;
use pulsegate_core::plan::route_table::RouteTable;
use serde_json::Value;
use std::path::Path;

/// Every part that may be written, with what it cannot go without and nothing else.
const SPARSE: &str = r#"
listeners:
  - { address: "127.0.0.1:8080", limits: {}, headers: {}, tls: { certificate: cert.pem, key: key.pem, client_auth: { ca: cert.pem } } }
admin:
  tls: { certificate: cert.pem, key: key.pem, client_auth: { ca: cert.pem } }
  tokens: [{ name: ops, env: TOKEN }]
  clients: [{ name: grafana, subject: grafana.test }]
  limits: {}
logging: { access: { file: access.log } }
metrics: {}
tracing: { otlp: { endpoint: "http://127.0.0.1:4318" } }
shutdown: {}
probing: {}
start: {}
reload: {}
upgrade: {}
record: { file: record.ndjson }
webhooks: { chat: { url: "http://a/" } }
smtp: { mail: { smarthost: mail.test, from: a@b.test, to: [c@d.test] } }
alerts: { flapping: {}, routes: [{ receivers: [chat] }] }
routes:
  - name: forwarded
    match: {}
    upstream: mine
    mirror: { upstream: other }
    rate_limit: { requests: 5 }
    request_headers: {}
    response_headers: {}
    timeouts: {}
    retries: {}
  - { name: moved, match: { path: /moved }, redirect: { location: / } }
  - { name: fixed, match: { path: /fixed }, respond: {} }
upstreams:
  mine:
    backends: [{ address: "10.0.0.7:8000" }, { dns: "orders.test:8000" }]
    tls: { sni: orders.test, ca: cert.pem }
    startup: { path: /started }
    readiness: { path: /ready }
    liveness: { path: /live }
    passive: { failure_outlier: {}, latency_outlier: {} }
    slow_start: {}
    balance: { sticky: {} }
    timeouts: {}
    retries: {}
    limits: {}
    retry_budget: {}
  other:
    backends: ["10.0.0.8:8000"]
    balance: { policy: hash }
    passive: { consecutive_failures: { limit: 3 }, failure_ratio: { limit: 10% } }
    startup: { path: /started, tls: { sni: a.test, ca: cert.pem }, document: { degraded: {}, assert: [{ path: $.a, below: 1 }] } }
    readiness: { path: /ready, tls: { sni: a.test, ca: cert.pem }, document: { degraded: {}, assert: [{ path: $.a, below: 1 }] } }
    liveness: { path: /live, tls: { sni: a.test, ca: cert.pem }, document: { degraded: {}, assert: [{ path: $.a, below: 1 }] } }
"#;

/// Nothing that has to be there.
const SHORT: &str = r#"
listeners: [{ address: "127.0.0.1:8080" }]
routes: [{ name: fixed, respond: {} }]
logging: {}
"#;

/// Keys of all probes that two kinds refuse.
const REFUSED: [&str; 2] = ["upstreams.NAME.startup.startup_grace", "upstreams.NAME.liveness.startup_grace"];

/// The keys of the reference whose default is a value.
fn defaults() -> Vec<(String, Value)> {
    let page = reference();
    let row = |line: &str| {
        let (key, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let (default, _) = rest.split_once(" | ")?;
        let value = default.strip_prefix('`')?.strip_suffix('`')?;
        Some((key.to_owned(), yaml::parse(value).unwrap_or_else(|error| panic!("{key}: {value}: {error:?}"))))
    };
    page.lines().filter_map(row).collect()
}

/// The configuration with `value` at each place where the path leads and nothing stands, one after the other.
fn said(tree: &Value, path: &[&str], value: &Value) -> Vec<Value> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let put = |key: &str, inner: Value| {
        let mut tree = tree.clone();
        tree[key] = inner;
        tree
    };
    if rest.is_empty() {
        let free = tree.is_object() && tree.get(first).is_none();
        return if free { vec![put(first, value.clone())] } else { Vec::new() };
    }
    let Some(name) = first.strip_suffix("[]") else {
        let names: Vec<&str> = match (*first, tree) {
            ("NAME", Value::Object(all)) => all.keys().map(String::as_str).collect(),
            (name, _) => vec![name],
        };
        let below = |name: &&str| tree.get(name).map(|inner| (name.to_string(), said(inner, rest, value)));
        let all = names.iter().filter_map(below);
        return all
            .flat_map(|(name, inner)| inner.into_iter().map(|one| put(&name, one)).collect::<Vec<_>>())
            .collect();
    };
    let Some(Value::Array(items)) = tree.get(name) else { return Vec::new() };
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        for one in said(item, rest, value) {
            let mut items = items.clone();
            items[index] = one;
            all.push(put(name, Value::Array(items)));
        }
    }
    all
}

/// `None`: it is refused there. What the routing table finds, the routes tell; in its hash maps nothing has an order.
fn plan(tree: &Value, base: &Path) -> Option<String> {
    let mut loaded = load_text(&tree.to_string(), base).ok()?;
    // Whether a total was written is told apart on purpose: a written one bounds callers too.
    loaded.plan.routes.iter_mut().for_each(|route| route.timeouts.total_is_written = false);
    Some(format!("{:#?}", Plan { table: RouteTable::default(), ..loaded.plan }))
}

#[test]
fn every_default_of_the_reference_is_what_saying_nothing_means() {
    let folder = tempfile::tempdir().unwrap();
    let cert = rcgen::generate_simple_self_signed(["orders.test".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), cert.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), cert.signing_key.serialize_pem()).unwrap();
    let bases = [SPARSE, SHORT].map(|base| yaml::parse(base).unwrap());
    let meant = bases.each_ref().map(|base| plan(base, folder.path()).expect("a plan"));
    let all = defaults();
    assert!(all.len() > 200, "only {} defaults are values", all.len());
    for (key, value) in &all {
        let path: Vec<&str> = key.split('.').collect();
        let mut places = 0;
        for (base, meant) in bases.iter().zip(&meant) {
            for tree in said(base, &path, value) {
                let Some(says) = plan(&tree, folder.path()) else { continue };
                let other = says.lines().zip(meant.lines()).find(|(says, meant)| says != meant);
                assert_eq!(other, None, "{key}: {value}, and what its absence means");
                places += 1;
            }
        }
        assert_eq!(places == 0, REFUSED.contains(&key.as_str()), "{key}: {value} can be said in {places} places");
    }
}
