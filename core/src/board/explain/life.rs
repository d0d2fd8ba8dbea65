//! What do the startup and liveness probes have to do with it? Their rules, and what they would have to say.

use super::View;
use crate::board::probing::check::Check;
use crate::board::why::words::{ahead, count};
use crate::health::startup::Phase;

pub(super) fn startup_rule(view: &View<'_>) -> String {
    let Some(check) = view.member.probes().life().startup() else { return "it has to start first".to_owned() };
    format!(
        "startup: until its startup probe has passed ({} in a row), the others wait and nothing alarms; {} in a row and it did not start",
        count(check.plan.success_threshold.max(1), "pass", "passes"),
        count(check.plan.failure_threshold, "failure", "failures")
    )
}

pub(super) fn liveness_rule(view: &View<'_>) -> String {
    let Some(check) = view.member.probes().life().liveness() else { return "somebody must restart it".to_owned() };
    format!(
        "liveness: {} in a row, and whoever owns it must restart it, whatever readiness says; {} in a row bring it back",
        count(check.plan.failure_threshold, "failure", "failures"),
        count(check.plan.success_threshold, "pass", "passes")
    )
}

/// What they must say before it is eligible.
pub(super) fn to_return(view: &View<'_>) -> Option<String> {
    let life = view.member.probes().life();
    if life.is_starting() {
        let check = life.startup()?;
        let passes =
            count(life.progress().passes_left(&check.plan), "startup probe passes", "startup probes in a row pass");
        let then = if view.member.probes().readiness().is_some() { ", then its first readiness probe" } else { "" };
        return Some(format!("{passes}{then}; {}", next(check, view)));
    }
    let check = life.liveness().filter(|check| !check.opinion.up())?;
    let passes = count(check.passes_left()?, "liveness probe passes", "liveness probes in a row pass");
    Some(format!("{passes} (somebody must restart it); {}", next(check, view)))
}

/// What they would have to say to take it out, or to something worse.
pub(super) fn to_leave(view: &View<'_>) -> Option<String> {
    let life = view.member.probes().life();
    if life.is_starting() {
        let check = life.startup().filter(|_| !matches!(life.progress().phase, Phase::Failed { .. }))?;
        let left = check.plan.failure_threshold.saturating_sub(life.progress().failures()).max(1);
        let failures = count(left, "more failed startup probe", "more failed startup probes in a row");
        return Some(format!("{failures}: then it did not start, and counts as down"));
    }
    let (left, threshold) = life.liveness()?.opinion.counter().filter(|counter| counter.up())?.shown();
    let failures = count(left, "failed liveness probe", "failed liveness probes in a row");
    Some(format!("{failures} (failure_threshold {threshold}): then somebody must restart it"))
}

fn next(check: &Check, view: &View<'_>) -> String {
    match check.next_probe() {
        Some(at) => format!("the next is {}", ahead(at, view.now)),
        None => "one is under way".to_owned(),
    }
}
