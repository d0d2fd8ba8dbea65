//! The answers of real libraries in five states (`tests/data/payloads`), each with what must be understood.

use super::shown;
use crate::read;
use pulsegate_core::plan::DocumentPlan;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Library, path, states: what is understood of each.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("@cloudnative/health-connect", "/health", "up", "Microprofile +UP | +redis +postgres +self"),
    ("@cloudnative/health-connect", "/health", "redis_down", "Microprofile -DOWN | -redis +postgres +self"),
    ("@cloudnative/health-connect", "/health", "all_down", "Microprofile -DOWN | -redis -postgres +self"),
    ("@cloudnative/health-connect", "/ready", "up", "Microprofile +UP | +redis +postgres"),
    ("@cloudnative/health-connect", "/ready", "redis_down", "Microprofile -DOWN | -redis +postgres"),
    ("@cloudnative/health-connect", "/ready", "all_down", "Microprofile -DOWN | -redis -postgres"),
    ("@cloudnative/health-connect", "/live", "up redis_down all_down redis_hung", "Microprofile +UP | +self"),
    ("django-health-check", "/health/?format=json", "up recovered", "Plain | +Database(alias='default') +Cache(alias='default')"),
    ("django-health-check", "/health/?format=json", "redis_down redis_hung", "Plain | +Database(alias='default') ?Cache(alias='default')"),
    ("django-health-check", "/health/?format=json", "all_down", "Plain | -Database(alias='default') ?Cache(alias='default')"),
    ("django-health-check", "/health/", "up redis_down all_down redis_hung recovered", "None |"),
    ("django-health-check", "/live/", "up redis_down all_down redis_hung recovered", "None |"),
    ("fastapi-health", "/health", "up redis_down recovered", "Plain | +database"),
    ("fastapi-health", "/health", "all_down", "None |"),
    ("flask-healthz", "/healthz/live", "up redis_down all_down redis_hung recovered", "Plain +200 |"),
    ("flask-healthz", "/healthz/ready", "up recovered", "Plain +200 |"),
    ("flask-healthz", "/healthz/ready", "redis_down all_down", "Plain -503 |"),
    ("@godaddy/terminus", "/health", "up", "Plain +ok | +redis +postgres"),
    ("@godaddy/terminus", "/health", "redis_down", "Plain -error | -redis"),
    ("@godaddy/terminus", "/health", "all_down", "Plain -error | -redis -pg"),
    ("@godaddy/terminus", "/live", "up redis_down all_down redis_hung", "Plain +ok |"),
    ("lightship", "/health", "up redis_hung", "Plain +SERVER_IS_READY |"),
    ("lightship", "/health", "redis_down all_down", "Plain -SERVER_IS_NOT_READY |"),
    ("lightship", "/ready", "up redis_hung", "Plain +SERVER_IS_READY |"),
    ("lightship", "/ready", "redis_down all_down", "Plain -SERVER_IS_NOT_READY |"),
    ("lightship", "/live", "up redis_down all_down redis_hung", "Plain +SERVER_IS_NOT_SHUTTING_DOWN |"),
    ("pyctuator", "/actuator/health", "up", "Spring +UP | +db +redis"),
    ("pyctuator", "/actuator/health", "redis_down", "Spring -DOWN | +db -redis"),
    ("pyctuator", "/actuator/health", "all_down", "Spring -DOWN | -db -redis"),
];

/// Every answer with a body: library, path, state, what is understood.
fn understood() -> Vec<(String, String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/payloads");
    let mut rows = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let payload: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let library = payload["library"].as_str().unwrap();
        for (state, paths) in payload["states"].as_object().unwrap() {
            for (path, methods) in paths.as_object().unwrap() {
                let answer = &methods["GET"];
                let Some(body) = answer["body"].as_str() else { continue };
                let content_type = answer["headers"]["content-type"].as_str();
                let document = read(body.as_bytes(), content_type, &DocumentPlan::default());
                assert_eq!(document.malformed, None, "{library} {state} {path}");
                rows.push((library.to_owned(), path.clone(), state.clone(), shown(&document)));
            }
        }
    }
    rows
}

#[test]
fn each_payload_is_understood() {
    let mut right: Vec<_> = TABLE
        .iter()
        .flat_map(|(library, path, states, row)| {
            let row = |state: &str| ((*library).to_owned(), (*path).to_owned(), state.to_owned(), (*row).to_owned());
            states.split(' ').map(row).collect::<Vec<_>>()
        })
        .collect();
    let mut found = understood();
    right.sort();
    found.sort();
    assert_eq!(found, right);
}

#[test]
fn the_reasons_are_told() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/payloads/pyctuator.json");
    let payload: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let body = payload["states"]["all_down"]["/actuator/health"]["GET"]["body"].as_str().unwrap();
    let document = super::plainly(body);
    let messages: Vec<_> = document.components.iter().map(|part| part.message.as_deref().unwrap()).collect();
    assert!(messages[0].starts_with("server closed the connection unexpectedly This probably means"), "{messages:?}");
    assert_eq!(messages[1], "Error 111 connecting to localhost:16379. Connection refused.");
}
