//! A configuration and a scenario as they are written in a test, and what a rehearsal tells of them.

use pulsegate::rehearsal::{json, load, play};
use serde_json::Value;
use std::fs;

/// `config`: without its listeners. `scenario`: without the configuration's name.
pub fn told(config: &str, scenario: &str, seed: u64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("listeners: [{{ address: \"127.0.0.1:8080\" }}]\n{config}");
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    let path = folder.path().join("scenario.yaml");
    fs::write(&path, format!("config: config.yaml\n{scenario}")).unwrap();
    let rehearsal = load(&path, None, Some(seed)).unwrap_or_else(|errors| panic!("{errors:?}"));
    json(&play(&rehearsal))
}

/// What an upstream has come to.
pub fn figure(told: &Value, upstream: &str, name: &str) -> u64 {
    told["upstreams"][upstream][name].as_u64().unwrap_or_else(|| panic!("no {name} of {upstream}: {told:#}"))
}
