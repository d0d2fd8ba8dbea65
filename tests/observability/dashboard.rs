//! What stands in the dashboard? Its panels, its queries, and what Grafana puts in the place of its variables.

use super::read;
use serde_json::Value;

pub const FILE: &str = "conf/observability/pulsegate-dashboard.json";

/// One query of one panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// For sentences: the panel's title and the query's letter.
    pub place: String,
    pub expr: String,
    pub legend: String,
    /// Asked for one moment, not for a range.
    pub instant: bool,
}

pub fn load() -> Value {
    serde_json::from_str(&read(FILE)).unwrap_or_else(|error| panic!("{FILE}: {error}"))
}

/// Its panels, rows left out.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = dashboard["panels"].as_array().expect("panels");
    all.iter().filter(|panel| panel["type"] != "row").collect()
}

pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

pub fn queries(dashboard: &Value) -> Vec<Query> {
    let of = |panel: &Value| {
        let title = text(panel, "title").to_owned();
        let targets = panel["targets"].as_array().expect("targets").clone();
        targets.into_iter().map(move |target| Query {
            place: format!("{title}, {}", text(&target, "refId")),
            expr: text(&target, "expr").to_owned(),
            legend: text(&target, "legendFormat").to_owned(),
            instant: target["instant"] == true,
        })
    };
    panels(dashboard).into_iter().flat_map(of).collect()
}

/// What Grafana asks when every variable stands at *All*: `gateways` are the values of `instance`, `step` is the distance of two points, and
/// `scrape` the data source's scrape interval, both in seconds.
pub fn substituted(expr: &str, gateways: &[String], step: u32, scrape: u32) -> String {
    let escaped: Vec<String> = gateways.iter().map(|gateway| regex::escape(gateway).replace('\\', r"\\")).collect();
    let rate_interval = (step + scrape).max(4 * scrape);
    let whole = expr
        .replace("$__rate_interval", &format!("{rate_interval}s"))
        .replace("$job", "pulsegate")
        .replace("$instance", &format!("({})", escaped.join("|")))
        .replace("$upstream", ".*");
    assert!(!whole.contains('$'), "{whole}: a variable that the test does not know");
    whole
}

/// The labels that a legend shows.
pub fn shown(legend: &str) -> Vec<&str> {
    legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim).collect()
}

#[test]
fn variables_are_replaced_as_grafana_does_it() {
    let asked = substituted(r#"rate(a{instance=~"$instance"}[$__rate_interval])"#, &["127.0.0.1:1".into()], 15, 15);
    assert_eq!(asked, r#"rate(a{instance=~"(127\\.0\\.0\\.1:1)"}[60s])"#);
    assert_eq!(shown("{{upstream}} p99 of {{ backend }}"), ["upstream", "backend"]);
}
