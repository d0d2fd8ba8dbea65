//! Whole configurations: what compiles, and every diagnostic of what does not, word by word.

mod agreement;
mod meanings;
mod probes;
mod slips;

use super::{example, load_text, schema};
use serde_json::{Value, json};
use std::path::Path;

/// A working configuration around these keys of its one upstream.
fn upstream(keys: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n    backends: [\"127.0.0.1:7301\"]\n{keys}"
    )
}

fn told(diagnostics: &[super::Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|one| one.to_string().trim_start_matches("./<text>:").to_owned()).collect()
}

fn errors(yaml: &str) -> Vec<String> {
    told(&load_text(yaml, Path::new(".")).map(|_| ()).expect_err(yaml))
}

fn warnings(yaml: &str) -> Vec<String> {
    told(&load_text(yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}")).warnings)
}

#[track_caller]
fn says(yaml: &str, expected: &[&str]) {
    assert_eq!(errors(yaml), expected, "{yaml}");
}
