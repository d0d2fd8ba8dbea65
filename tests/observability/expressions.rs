//! Which metrics and labels does an expression name? And do they exist?
//!
//! No parser of PromQL: whether an expression is valid, Prometheus says. Here it is only read for names.

use pulsegate::telemetry::table;
use regex::Regex;
use std::collections::BTreeSet;

/// Labels that Prometheus or its rules add, and that of histograms.
const FOREIGN: [&str; 5] = ["job", "instance", "le", "alertname", "alertstate"];

/// What is wrong with the names in `expr`, each as a sentence.
pub fn unknown_names(expr: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let named = Regex::new(r"\b((?:pulsegate|process)_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r"([a-z_]+)\s*(?:=~|!~|!=|=)").unwrap();
    for found in named.captures_iter(expr) {
        let name = &found[1];
        // What a recording rule made has its level in front, and keeps those labels.
        if expr[..found.get(0).unwrap().start()].ends_with("job_upstream:") {
            continue;
        }
        let Some(labels) = labels_of(name) else {
            wrong.push(format!("{name} is no metric"));
            continue;
        };
        let matchers = found.get(2).map(|inner| inner.as_str()).unwrap_or_default();
        for label in matcher.captures_iter(matchers) {
            if !labels.iter().any(|known| *known == &label[1]) {
                wrong.push(format!("{name} has no label {}", &label[1]));
            }
        }
    }
    let every: BTreeSet<&str> =
        table::ALL.iter().flat_map(|metric| metric.labels).map(|label| label.name()).chain(FOREIGN).collect();
    let grouping = Regex::new(r"\b(?:by|on|without)\s*\(([^)]*)\)").unwrap();
    for found in grouping.captures_iter(expr) {
        for label in found[1].split(',').map(str::trim).filter(|label| !every.contains(label)) {
            wrong.push(format!("no metric has a label {label}"));
        }
    }
    wrong
}

/// The labels of a metric, of its buckets too.
fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    let whole = |name: &str| table::ALL.iter().find(|metric| metric.name == name);
    let metric = whole(name).or_else(|| {
        let histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|part| whole(name.strip_suffix(part)?));
        histogram.filter(|metric| matches!(metric.kind, table::Kind::Histogram(..)))
    })?;
    Some(metric.labels.iter().map(|label| label.name()).chain(FOREIGN).collect())
}

#[test]
fn wrong_names_are_found_and_right_ones_are_not() {
    let right =
        r#"sum by (upstream, le) (rate(pulsegate_request_duration_seconds_bucket{job=~"$job", upstream!=""}[5m]))"#;
    assert_eq!(unknown_names(right), [""; 0]);
    for (wrong, why) in [
        ("rate(pulsegate_requests[5m])", "pulsegate_requests is no metric"),
        ("pulsegate_requests_total_bucket", "pulsegate_requests_total_bucket is no metric"),
        (r#"pulsegate_requests_total{code="5xx"}"#, "pulsegate_requests_total has no label code"),
        ("sum by (pool) (pulsegate_upstream_backends)", "no metric has a label pool"),
    ] {
        assert_eq!(unknown_names(wrong), [why], "{wrong}");
    }
}
