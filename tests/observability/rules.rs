//! Are the alert rules valid, tested and explained?

use super::expressions::unknown_names;
use super::{promtool, read};
use serde_yaml::Value;
use std::collections::BTreeSet;

const FILE: &str = "conf/observability/pulsegate-alerts.yaml";
const TESTS: &str = "conf/observability/pulsegate-alerts.test.yaml";
const PAGE: &str = "docs/operations.md";

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_sequence().map(Vec::as_slice).unwrap_or_default()
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn rules(whole: &Value) -> Vec<&Value> {
    list(whole, "groups").iter().flat_map(|group| list(group, "rules")).collect()
}

fn alerts(whole: &Value) -> Vec<&Value> {
    rules(whole).into_iter().filter(|rule| !word(rule, "alert").is_empty()).collect()
}

#[test]
fn promtool_accepts_the_rules() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "pulsegate-alerts.yaml"], "").unwrap();
}

#[test]
fn promtool_sees_every_alert_as_its_test_says() {
    promtool(&["test", "rules", "pulsegate-alerts.test.yaml"], "").unwrap();
}

#[test]
fn every_alert_is_tested_firing_and_silent() {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    let tests = yaml(TESTS);
    for test in list(&tests, "tests").iter().flat_map(|scenario| list(scenario, "alert_rule_test")) {
        let expected = test["exp_alerts"].as_sequence().expect("exp_alerts");
        let seen = if expected.is_empty() { &mut silent } else { &mut firing };
        seen.insert(word(test, "alertname").to_owned());
    }
    let whole = yaml(FILE);
    let all: BTreeSet<String> = alerts(&whole).iter().map(|rule| word(rule, "alert").to_owned()).collect();
    assert!(all.len() > 20, "{all:?}");
    assert_eq!((&firing, &silent), (&all, &all), "firing and silent in {TESTS} against all of {FILE}");
}

#[test]
fn every_alert_says_who_gets_up_and_what_to_do() {
    let whole = yaml(FILE);
    let slugs = slugs();
    for rule in alerts(&whole) {
        let name = word(rule, "alert");
        let severity = word(&rule["labels"], "severity");
        assert!(["page", "ticket"].contains(&severity), "{name}: severity {severity:?}");
        for annotation in ["summary", "description"] {
            assert!(!word(&rule["annotations"], annotation).is_empty(), "{name} has no {annotation}");
        }
        let (page, anchor) = word(&rule["annotations"], "runbook_url").split_once('#').unwrap_or_default();
        assert!(page.ends_with(PAGE) && page.starts_with("https://"), "{name}: its runbook is at {page:?}");
        assert_eq!(anchor, name.to_lowercase(), "{name}: each alert has a heading of its own");
        assert!(slugs.contains(anchor), "{name}: {PAGE} has no heading #{anchor}");
    }
}

#[test]
fn every_heading_of_an_alert_is_one() {
    let whole = yaml(FILE);
    let all: BTreeSet<&str> = alerts(&whole).iter().map(|rule| word(rule, "alert")).collect();
    let page = read(PAGE);
    let headings: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### Pulsegate")).collect();
    let headings: BTreeSet<String> = headings.into_iter().map(|rest| format!("Pulsegate{rest}")).collect();
    assert_eq!(headings, all.into_iter().map(str::to_owned).collect());
}

#[test]
fn every_expression_names_what_exists() {
    let whole = yaml(FILE);
    let recorded: BTreeSet<&str> = rules(&whole).iter().map(|rule| word(rule, "record")).collect();
    for rule in rules(&whole) {
        let expr = word(rule, "expr");
        assert_eq!(unknown_names(expr), [""; 0], "{expr}");
        for name in expr.split(|c: char| c.is_whitespace() || c == '(').filter(|name| name.starts_with("job_upstream:"))
        {
            assert!(recorded.contains(name), "{expr}: no rule records {name}");
        }
    }
}

/// The anchors of the page's headings, as GitHub and its like make them.
fn slugs() -> BTreeSet<String> {
    let slug = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect::<String>()
    };
    let page = read(PAGE);
    page.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#').trim())).collect()
}
