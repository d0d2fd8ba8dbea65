//! A routing table to look requests up in: a thousand routes, as an operator would write them.

use pulsegate::config;
use pulsegate_core::plan::Plan;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// A thousand routes: hosts, prefixes and exact paths.
pub fn routes() -> Arc<Plan> {
    let mut yaml = "listeners: [{ address: \"127.0.0.1:8080\" }]\nroutes:\n".to_owned();
    for number in 0..1_000 {
        let _ = match number % 3 {
            0 => writeln!(yaml, "  - {{ match: {{ host: \"h{number}.example.com\" }}, respond: {{}} }}"),
            1 => writeln!(yaml, "  - {{ match: {{ path: \"/area/{number}\" }}, respond: {{}} }}"),
            _ => writeln!(yaml, "  - {{ match: {{ path_exact: \"/exact/{number}/end\" }}, respond: {{}} }}"),
        };
    }
    match config::load_text(&yaml, Path::new(".")) {
        Ok(loaded) => Arc::new(loaded.plan),
        Err(diagnostics) => panic!("the bench's configuration: {diagnostics:?}"),
    }
}
