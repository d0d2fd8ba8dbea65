//! How is one backend explained to people? On one screen, the answer first: why it is out and when it comes back, then the evidence.

use super::check;
use super::page::Page;
use crate::admin::view::Now;
use crate::telemetry::event;
use pulsegate_core::base::time::brief;
use pulsegate_core::board::{Explanation, Given, LastProbe};
use pulsegate_core::health::reading::Steps;
use pulsegate_core::plan::{PassivePlan, ProbePlan};
use std::fmt::Display;
use std::time::Duration;

/// Shown of the last probes and of the history; the JSON form has all.
const PROBES: usize = 5;
const EVENTS: usize = 5;

pub fn text(explanation: &Explanation, now: Now) -> String {
    let mut page = Page::default();
    page.head(&headline(explanation, now));
    page.entry("Why", &explanation.backend.why, 4);
    page.entry("Rule", &explanation.rule_says, 2);
    page.entry("Returns", &returns(explanation, now), 2);
    page.entries("Needs", explanation.to_return.iter().cloned(), 2);
    page.entries("Leaves on", explanation.to_leave.iter().cloned(), 2);
    page.entries("Note", explanation.remarks.iter().chain(&explanation.backend.notes).cloned(), 2);
    page.entries("Orders", orders(explanation, now), 2);
    page.entries("Probes", probes(explanation, now), 1);
    page.entry("Traffic", &traffic(explanation), 2);
    page.entry("Pool", &pool(explanation), 2);
    page.entries("In force", in_force(explanation), 2);
    let mut history = history(explanation, now).into_iter();
    page.entries("History", history.next(), 2);
    page.entries("", history, 1);
    page.finished()
}

fn headline(explanation: &Explanation, now: Now) -> String {
    let backend = &explanation.backend;
    let standing = if backend.standing.unprobed && backend.standing.cause.eligible() {
        format!("{} (unprobed)", backend.standing.cause)
    } else {
        backend.standing.cause.to_string()
    };
    let gets = if backend.standing.cause.eligible() { "gets traffic" } else { "no traffic" };
    format!(
        "{} {} is {standing}: {gets}, for {} (since {})",
        backend.id.upstream,
        backend.id.address,
        brief(now.at.since(backend.since)),
        now.date(backend.since)
    )
}

fn returns(explanation: &Explanation, now: Now) -> String {
    let standing = &explanation.backend.standing;
    let left = |at| brief(Duration::from_millis(now.ms_until(at)));
    match (standing.earliest_return, explanation.on_schedule) {
        _ if standing.cause.eligible() => "it is in rotation".to_owned(),
        (None, _) => "not by itself: an operator must act".to_owned(),
        (Some(earliest), on_schedule) => {
            let planned = on_schedule.unwrap_or(earliest).max(earliest);
            let bound =
                if planned > earliest { format!("; not before {} in any case", left(earliest)) } else { String::new() };
            format!("in {} if all goes well, {}{bound}", left(planned), now.date(planned.max(now.at)))
        }
    }
}

fn orders(explanation: &Explanation, now: Now) -> Vec<String> {
    let standing = explanation.backend.order.as_ref().map(|given| order(given, given.what.word(), now));
    let weight = explanation.backend.weight_order.as_ref();
    let weight = weight.map(|given| order(given, format!("weight {}", given.what), now));
    standing.into_iter().chain(weight).collect()
}

fn order<T>(given: &Given<T>, what: impl Display, now: Now) -> String {
    let until = given.until.map_or("until it is taken back".to_owned(), |at| format!("until {}", now.date(at)));
    let reason = given.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{what} by {}, {} ago, {until}{reason}", given.by, brief(now.at.since(given.at)))
}

fn probes(explanation: &Explanation, now: Now) -> Vec<String> {
    let next = match (explanation.probe_under_way, explanation.backend.next_probe) {
        (Some(since), _) => format!("one is under way since {}", brief(now.at.since(since))),
        (None, Some(at)) => format!("the next is in {}", brief(Duration::from_millis(now.ms_until(at)))),
        (None, None) => "there is no readiness probe".to_owned(),
    };
    let shown = explanation.probes.iter().rev().take(PROBES).map(|probe| one_probe(probe, now));
    std::iter::once(next).chain(shown).collect()
}

fn one_probe(probe: &LastProbe, now: Now) -> String {
    let code = probe.status.map(|status| format!("{status}, ")).unwrap_or_default();
    let said = if probe.passed { "pass" } else { "FAIL" };
    format!(
        "{} ago: {said}, {code}{}{}: {}",
        brief(now.at.since(probe.at)),
        fine(probe.took),
        steps(&probe.steps),
        probe.text
    )
}

/// " (connect 0.2, tls 1.4, first byte 3.1 ms)"; nothing where no step was reached.
fn steps(steps: &Steps) -> String {
    let named = [("connect", steps.connect), ("tls", steps.tls), ("first byte", steps.first_byte)];
    let known: Vec<String> =
        named.into_iter().filter_map(|(name, step)| step.map(|step| format!("{name} {}", fine(step)))).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// "0.3 ms", "27 ms", "1.2 s".
fn fine(span: Duration) -> String {
    let micros = span.as_micros();
    match micros {
        ..10_000 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{:.1} s", span.as_secs_f64()),
    }
}

fn traffic(explanation: &Explanation) -> String {
    let (backend, traffic) = (&explanation.backend, &explanation.traffic);
    format!(
        "{} in flight; {} failures in a row; {} of {} failed within {}; in all {} ok, {} failed",
        backend.in_flight,
        traffic.streak,
        traffic.window.failures,
        traffic.window.total(),
        brief(explanation.upstream.passive.window),
        backend.total_successes,
        backend.total_failures
    )
}

fn pool(explanation: &Explanation) -> String {
    let pool = &explanation.pool;
    let peers = pool.median_failed_share.map(|share| format!("; its peers fail {:.0} % (median)", share * 100.0));
    format!(
        "{} of {} eligible; {} of {} fit, {} must stay{}",
        pool.eligible,
        pool.backends,
        pool.fit,
        pool.counted,
        pool.floor,
        peers.unwrap_or_default()
    )
}

fn in_force(explanation: &Explanation) -> Vec<String> {
    let plan = &explanation.upstream;
    plan.readiness.as_ref().map(readiness).into_iter().chain([passive(&plan.passive)]).collect()
}

fn readiness(probe: &ProbePlan) -> String {
    let grace = Some(probe.startup_grace).filter(|grace| !grace.is_zero());
    let grace = grace.map(|grace| format!(", startup_grace {}", brief(grace))).unwrap_or_default();
    format!(
        "readiness: {} every {} (fast_period {}) ±{:.0} %, timeout {}, success_threshold {}, failure_threshold {}{grace}",
        check(probe),
        brief(probe.period),
        brief(probe.fast_period),
        probe.jitter * 100.0,
        brief(probe.timeout),
        probe.success_threshold,
        probe.failure_threshold
    )
}

fn passive(plan: &PassivePlan) -> String {
    if !plan.enabled {
        return "passive: off".to_owned();
    }
    format!(
        "passive: consecutive_failures {}, failure_ratio {:.0} % of at least {} within {}, failure_outlier {:.0} %, \
         latency_outlier {} ×, base_ejection {}, minimum_fit {:.0} %",
        plan.consecutive_failures,
        plan.failure_ratio * 100.0,
        plan.minimum_outcomes,
        brief(plan.window),
        plan.failure_outlier * 100.0,
        plan.latency_outlier.factor,
        brief(plan.base_ejection),
        plan.minimum_fit * 100.0
    )
}

fn history(explanation: &Explanation, now: Now) -> Vec<String> {
    let line = |entry| {
        let told = event::told(entry);
        format!("{} {} ago {}: {}", told.id, brief(now.at.since(told.at)), told.event, told.message)
    };
    explanation.backend.history.iter().rev().take(EVENTS).map(line).collect()
}
