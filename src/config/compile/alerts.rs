//! Who is told of which alerts? Every name is looked up here.

use super::span;
use crate::config::files::{Findings, Place};
use crate::config::schema::{AlertRouteSpec, AlertsSpec, FlapsSpec, RepeatSpec};
use crate::config::values::Words;
use crate::config::vocabulary::nearest;
use pulsegate_core::plan::{AlertRoute, AlertsPlan, FlappingPlan, Severity};
use std::sync::Arc;
use std::time::Duration;

/// What can be named.
pub(super) struct Names<'a> {
    pub upstreams: &'a [String],
    pub receivers: &'a [&'a str],
}

pub(super) fn compile(spec: &AlertsSpec, names: &Names<'_>, place: &Place, findings: &mut Findings) -> AlertsPlan {
    let defaults = AlertsPlan::default();
    let routes = spec.routes.iter().enumerate().map(|(index, route)| {
        let place = place.at(&format!("routes.{index}"));
        compile_route(route, names, &place, findings)
    });
    let routes = routes.collect();
    let source = spec.source.as_deref().map_or(defaults.source, |source| source.trim().into());
    if source.is_empty() || source.chars().any(char::is_control) {
        findings.error(&place.at("source"), format!("{source:?}"), "a name on one line");
    }
    AlertsPlan {
        group_wait: span(spec.group_wait, defaults.group_wait),
        group_interval: span(spec.group_interval, defaults.group_interval),
        repeat_interval: repeat_interval(spec.repeat_interval, place, findings).or(match spec.repeat_interval {
            None => defaults.repeat_interval,
            Some(_) => None,
        }),
        flapping: flapping(&spec.flapping, &defaults.flapping, &place.at("flapping"), findings),
        source,
        routes,
    }
}

fn repeat_interval(spec: Option<RepeatSpec>, place: &Place, findings: &mut Findings) -> Option<Duration> {
    let Some(RepeatSpec::Every(every)) = spec else { return None };
    if every.0 < Duration::from_secs(60) {
        findings.error(&place.at("repeat_interval"), format!("{:?}", every.0), "at least 1m, or off");
    }
    Some(every.0)
}

fn flapping(spec: &FlapsSpec, defaults: &FlappingPlan, place: &Place, findings: &mut Findings) -> FlappingPlan {
    let transitions = spec.transitions.unwrap_or(defaults.transitions);
    if !(2..=100).contains(&transitions) {
        findings.error(&place.at("transitions"), transitions.to_string(), "2 to 100");
    }
    let within = span(spec.within, defaults.within);
    if within.is_zero() {
        findings.error(&place.at("within"), "0s", "more than 0s");
    }
    FlappingPlan { transitions, within }
}

fn compile_route(spec: &AlertRouteSpec, names: &Names<'_>, place: &Place, findings: &mut Findings) -> AlertRoute {
    let upstreams: Vec<&str> = names.upstreams.iter().map(String::as_str).collect();
    let words = |words: &Option<Words>| words.as_ref().map(|words| words.0.clone()).unwrap_or_default();
    for (key, written, known) in [
        ("upstreams", words(&spec.upstreams), upstreams.as_slice()),
        ("severity", words(&spec.severity), &Severity::ALL.map(Severity::word)),
        ("receivers", spec.receivers.0.clone(), names.receivers),
    ] {
        look_up(&written, known, &place.at(key), findings);
    }
    if spec.receivers.0.is_empty() {
        findings.error(&place.at("receivers"), "nobody", "names of `webhooks` and `smtp`");
    }
    let named = |words: &[String]| words.iter().map(|name| Arc::from(name.as_str())).collect();
    let severities = words(&spec.severity);
    AlertRoute {
        upstreams: named(&words(&spec.upstreams)),
        severities: Severity::ALL
            .into_iter()
            .filter(|severity| severities.iter().any(|word| word == severity.word()))
            .collect(),
        receivers: named(&spec.receivers.0),
    }
}

fn look_up(written: &[String], known: &[&str], place: &Place, findings: &mut Findings) {
    for name in written.iter().filter(|name| !known.contains(&name.as_str())) {
        let hint = nearest(name, known).map(|name| format!("did you mean `{name}`?"));
        let allowed = if known.is_empty() { "a name that is defined; none is".to_owned() } else { known.join(", ") };
        findings.hinted(place, format!("{name:?}, which is not defined"), allowed, hint);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use pulsegate_core::plan::{AlertRoute, AlertsPlan, Severity};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    fn loaded(alerts: &str) -> Result<Arc<AlertsPlan>, Vec<String>> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: orders }}]\n\
             upstreams: {{ orders: {{ backends: [\"127.0.0.1:1\"], readiness: {{ path: / }} }} }}\n\
             webhooks: {{ chat: {{ kind: slack, url: {{ env: SLACK_URL }} }}, pager: {{ kind: pagerduty, routing_key: {{ env: KEY }} }} }}\n\
             smtp: {{ mail: {{ smarthost: mail.example.com, from: a@example.com, to: [b@example.com] }} }}\nalerts: {alerts}\n"
        );
        let loaded = load_text(&yaml, Path::new("/etc")).map_err(|all| all.iter().map(ToString::to_string).collect());
        loaded.map(|loaded: crate::config::Loaded| loaded.plan.alerts)
    }

    #[test]
    fn an_unwritten_key_has_its_default() {
        assert_eq!(*loaded("{}").unwrap(), AlertsPlan::default());
        let plan = loaded(
            "{ group_wait: 1s, repeat_interval: off, flapping: { transitions: 6 }, source: eu-1, \
             routes: [{ receivers: [chat, mail] }, { upstreams: [orders], severity: critical, receivers: pager }] }",
        );
        let plan = plan.unwrap();
        assert_eq!((plan.group_wait, plan.repeat_interval, &*plan.source), (Duration::from_secs(1), None, "eu-1"));
        assert_eq!((plan.flapping.transitions, plan.flapping.within), (6, Duration::from_secs(120)));
        assert_eq!(
            plan.routes,
            [
                AlertRoute { upstreams: vec![], severities: vec![], receivers: vec!["chat".into(), "mail".into()] },
                AlertRoute {
                    upstreams: vec!["orders".into()],
                    severities: vec![Severity::Critical],
                    receivers: vec!["pager".into()]
                },
            ]
        );
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (alerts, told) in [
            (
                "{ routes: [{ receivers: [caht] }] }",
                "alerts.routes.0.receivers: found \"caht\", which is not defined, allowed: chat, pager, mail (did you mean `chat`?)",
            ),
            ("{ routes: [{ receivers: [] }] }", "alerts.routes.0.receivers: found nobody"),
            ("{ routes: [{ upstreams: [order], receivers: chat }] }", "did you mean `orders`?"),
            ("{ routes: [{ severity: page, receivers: chat }] }", "allowed: warning, critical"),
            ("{ flapping: { transitions: 1 } }", "alerts.flapping.transitions: found 1, allowed: 2 to 100"),
            ("{ flapping: { within: 0s } }", "alerts.flapping.within"),
            ("{ repeat_interval: 10s }", "at least 1m, or off"),
            ("{ source: \"\" }", "a name on one line"),
            ("{ route: [] }", "routes"),
        ] {
            let errors = loaded(alerts).expect_err(alerts);
            assert!(errors.len() == 1 && errors[0].contains(told), "{alerts}: {errors:?}");
        }
    }
}
