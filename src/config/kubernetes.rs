//! What does a pasted `startupProbe:`, `readinessProbe:` or `livenessProbe:` block mean here? The same, in our words, with Kubernetes' own defaults.

use super::files::{Findings, Place};
use super::vocabulary::{PROBES, nearest};
use super::words::not_exactly_one;
use serde_json::{Map, Value, json};

const KEYS: [&str; 10] = [
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
];

/// Rewrites the probe blocks (and what is pasted below our own keys) of every upstream into our own form.
pub(super) fn translate(tree: &mut Value, file: usize, findings: &mut Findings) {
    let Some(upstreams) = tree.get_mut("upstreams").and_then(Value::as_object_mut) else { return };
    for (name, upstream) in upstreams.iter_mut() {
        let Some(upstream) = upstream.as_object_mut() else { continue };
        let place = Place { file, steps: vec!["upstreams".to_owned(), name.clone()] };
        let tls = upstream.contains_key("tls");
        for (theirs, ours) in PROBES {
            let pasted = upstream.remove(theirs).map(|block| (theirs, block));
            let under_ours = || upstream.get(ours).filter(|block| is_kubernetes(block, theirs)).cloned();
            if let Some((key, block)) = pasted.or_else(|| under_ours().map(|block| (ours, block))) {
                let block = block.get(theirs).cloned().unwrap_or(block);
                let probe = probe(&block, tls, &place.at(key), findings);
                upstream.insert(ours.to_owned(), Value::Object(probe));
            }
        }
    }
}

/// `grpc` is a word of both: theirs has a port.
fn is_kubernetes(block: &Value, name: &str) -> bool {
    let theirs = |(key, value): (&String, &Value)| match key.as_str() {
        "grpc" => value.get("port").is_some(),
        key => key == name || KEYS.contains(&key),
    };
    block.as_object().is_some_and(|block| block.iter().any(theirs))
}

fn probe(block: &Value, tls: bool, place: &Place, findings: &mut Findings) -> Map<String, Value> {
    let mut probe = Map::new();
    let empty = Map::new();
    let block = block.as_object().unwrap_or(&empty);
    for (key, ours, default) in
        [("initialDelaySeconds", "initial_delay", 0), ("periodSeconds", "period", 10), ("timeoutSeconds", "timeout", 1)]
    {
        let written = block.get(key).map_or(Some(default), Value::as_u64);
        if written.is_none() {
            findings.error(&place.at(key), "no whole number", "seconds, such as 10");
        }
        probe.insert(ours.to_owned(), json!(format!("{}s", written.unwrap_or(default))));
    }
    for (key, ours, default) in
        [("successThreshold", "success_threshold", 1), ("failureThreshold", "failure_threshold", 3)]
    {
        probe.insert(ours.to_owned(), block.get(key).cloned().unwrap_or_else(|| json!(default)));
    }
    unknown_keys(&Value::Object(block.clone()), &KEYS, place, findings);
    let foreign = foreign(block, place, findings);
    let spoken = HANDLERS.map(|name| (name, block.contains_key(name)));
    if let Some(found) = not_exactly_one(&spoken).filter(|_| !foreign) {
        findings.error(place, found, "exactly one of them");
    }
    match (block.get("httpGet"), block.get("grpc"), block.get("tcpSocket")) {
        (Some(get), ..) => http_get(get, &place.at("httpGet"), tls, &mut probe, findings),
        (None, Some(call), _) => grpc(call, &place.at("grpc"), &mut probe, findings),
        (None, None, socket) => {
            probe.insert("tcp".to_owned(), json!(true));
            let number = socket.and_then(|socket| socket.get("port"));
            port(number, &place.at("tcpSocket.port"), &mut probe, findings);
        }
    }
    probe
}

/// Keys that Kubernetes does not know, or that mean nothing outside of it.
fn unknown_keys(block: &Value, known: &[&str], place: &Place, findings: &mut Findings) {
    for key in block.as_object().into_iter().flat_map(Map::keys).filter(|key| !known.contains(&key.as_str())) {
        let hint = nearest(key, known).map(|name| format!("did you mean `{name}`?"));
        findings.hinted(&place.at(key), format!("the unknown key `{key}`"), known.join(", "), hint);
    }
}

/// The ways to ask that exist here too.
const HANDLERS: [&str; 3] = ["httpGet", "grpc", "tcpSocket"];

/// The one that does not, with what to write instead. True when it is there.
fn foreign(block: &Map<String, Value>, place: &Place, findings: &mut Findings) -> bool {
    let is_there = block.contains_key("exec");
    if is_there {
        let instead =
            "an endpoint that says the same: `httpGet: { path: /ready }`, or `tcpSocket: {}` for a connect alone";
        findings.error(&place.at("exec"), "a command, which cannot be run in a backend from here", instead);
    }
    is_there
}

fn grpc(call: &Value, place: &Place, probe: &mut Map<String, Value>, findings: &mut Findings) {
    unknown_keys(call, &["port", "service"], place, findings);
    let service = call.get("service").filter(|service| !service.is_null()).cloned().unwrap_or_else(|| json!(""));
    probe.insert("grpc".to_owned(), json!({ "service": service }));
    port(call.get("port"), &place.at("port"), probe, findings);
}

fn http_get(get: &Value, place: &Place, tls: bool, probe: &mut Map<String, Value>, findings: &mut Findings) {
    unknown_keys(get, &["path", "port", "host", "scheme", "httpHeaders"], place, findings);
    probe.insert("path".to_owned(), get.get("path").cloned().unwrap_or_else(|| json!("/")));
    port(get.get("port"), &place.at("port"), probe, findings);
    if let Some(host) = get.get("host") {
        probe.insert("host".to_owned(), host.clone());
    }
    match get.get("scheme").and_then(Value::as_str) {
        None => {}
        Some("HTTP") => drop(probe.insert("tls".to_owned(), json!("off"))),
        Some("HTTPS") if tls => {}
        Some("HTTPS") => findings.error(
            &place.at("scheme"),
            "HTTPS for an upstream without `tls`",
            "`tls` on the upstream, such as `tls: { sni: NAME }`; traffic and probes then speak TLS",
        ),
        Some(other) => findings.error(&place.at("scheme"), format!("{other:?}"), "HTTP or HTTPS"),
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
