//! What does a pasted `readinessProbe:` block mean here? The same, in our words, with Kubernetes' own defaults.

use super::files::{Findings, Place};
use serde_json::{Map, Value, json};

const KEYS: [&str; 11] = [
    "httpGet",
    "tcpSocket",
    "exec",
    "grpc",
    "initialDelaySeconds",
    "periodSeconds",
    "timeoutSeconds",
    "successThreshold",
    "failureThreshold",
    "terminationGracePeriodSeconds",
    "readinessProbe",
];

/// Rewrites `readinessProbe:` (and a pasted block under `readiness:`) of every upstream into our own form.
pub(super) fn translate(tree: &mut Value, file: usize, findings: &mut Findings) {
    let Some(upstreams) = tree.get_mut("upstreams").and_then(Value::as_object_mut) else { return };
    for (name, upstream) in upstreams.iter_mut() {
        let Some(upstream) = upstream.as_object_mut() else { continue };
        let place = Place { file, steps: vec!["upstreams".to_owned(), name.clone()] };
        let pasted = upstream.remove("readinessProbe").map(|block| ("readinessProbe", block));
        let under_ours = || upstream.get("readiness").filter(|block| is_kubernetes(block)).cloned();
        let block = pasted.or_else(|| under_ours().map(|block| ("readiness", block)));
        if let Some((key, block)) = block {
            let block = block.get("readinessProbe").cloned().unwrap_or(block);
            let probe = probe(&block, &place.at(key), findings);
            upstream.insert("readiness".to_owned(), Value::Object(probe));
        }
    }
}

fn is_kubernetes(block: &Value) -> bool {
    block.as_object().is_some_and(|block| block.keys().any(|key| KEYS.contains(&key.as_str())))
}

fn probe(block: &Value, place: &Place, findings: &mut Findings) -> Map<String, Value> {
    let mut probe = Map::new();
    let empty = Map::new();
    let block = block.as_object().unwrap_or(&empty);
    let seconds = |key: &str, default: u64| format!("{}s", block.get(key).and_then(Value::as_u64).unwrap_or(default));
    probe.insert("initial_delay".to_owned(), json!(seconds("initialDelaySeconds", 0)));
    probe.insert("period".to_owned(), json!(seconds("periodSeconds", 10)));
    probe.insert("timeout".to_owned(), json!(seconds("timeoutSeconds", 1)));
    for (key, ours, default) in
        [("successThreshold", "success_threshold", 1), ("failureThreshold", "failure_threshold", 3)]
    {
        probe.insert(ours.to_owned(), block.get(key).cloned().unwrap_or_else(|| json!(default)));
    }
    for key in block.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        findings.error(&place.at(key), format!("the unknown key `{key}`"), KEYS[..9].join(", "));
    }
    if let Some(get) = block.get("httpGet") {
        http_get(get, &place.at("httpGet"), &mut probe, findings);
    } else if let Some(socket) = block.get("tcpSocket") {
        probe.insert("tcp".to_owned(), json!(true));
        port(socket.get("port"), &place.at("tcpSocket.port"), &mut probe, findings);
    } else if block.contains_key("exec") {
        findings.error(
            &place.at("exec"),
            "an exec probe",
            "httpGet or tcpSocket: commands cannot be run in a backend from here",
        );
        probe.insert("tcp".to_owned(), json!(true));
    } else {
        findings.error(place, "no httpGet and no tcpSocket", "one of them");
        probe.insert("tcp".to_owned(), json!(true));
    }
    probe
}

fn http_get(get: &Value, place: &Place, probe: &mut Map<String, Value>, findings: &mut Findings) {
    probe.insert("path".to_owned(), get.get("path").cloned().unwrap_or_else(|| json!("/")));
    port(get.get("port"), &place.at("port"), probe, findings);
    if let Some(host) = get.get("host") {
        probe.insert("host".to_owned(), host.clone());
    }
    if get.get("scheme").and_then(Value::as_str) == Some("HTTP") {
        probe.insert("tls".to_owned(), json!("off"));
    }
    let mut headers = Map::new();
    for header in get.get("httpHeaders").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(name), Some(value)) = (header.get("name").and_then(Value::as_str), header.get("value")) {
            if name.eq_ignore_ascii_case("host") {
                probe.insert("host".to_owned(), value.clone());
            } else {
                headers.insert(name.to_owned(), value.clone());
            }
        }
    }
    probe.insert("headers".to_owned(), Value::Object(headers));
}

/// The container's port is usually the backend's; it is taken as written.
fn port(port: Option<&Value>, place: &Place, probe: &mut Map<String, Value>, findings: &mut Findings) {
    match port {
        Some(Value::Number(number)) => drop(probe.insert("port".to_owned(), Value::Number(number.clone()))),
        Some(Value::String(name)) => {
            findings.error(place, format!("the named port {name:?}"), "a number: names are known to Kubernetes only");
        }
        _ => {}
    }
}
