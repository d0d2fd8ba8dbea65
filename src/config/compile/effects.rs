//! Which settings of an upstream do nothing, or undo each other, whatever the load? What depends on the load, `check --timings` says.

use super::Item;
use crate::config::files::Findings;
use crate::config::schema::UpstreamSpec;
use pulsegate_core::plan::{RouteAction, RoutePlan, UpstreamPlan, WhenNoneEligible};
use pulsegate_core::timings::Pool;
use std::sync::Arc;

/// The plans are parallel to the items.
pub(super) fn check(
    items: &[(String, Item<UpstreamSpec>)],
    plans: &[Arc<UpstreamPlan>],
    routes: &[RoutePlan],
    findings: &mut Findings,
) {
    for (index, ((_, item), plan)) in items.iter().zip(plans).enumerate() {
        alone(item, plan, findings);
        nobody_ejected(item, plan, findings);
        panic(item, plan, findings);
        grace(item, plan, findings);
        let leads = |route: &&RoutePlan| match &route.action {
            RouteAction::Forward(forward) => forward.targets.iter().any(|target| target.upstream == index),
            RouteAction::Redirect { .. } | RouteAction::Respond { .. } => false,
        };
        hold(item, plan, routes.iter().filter(leads), findings);
    }
}

/// A ramp takes traffic off one backend and gives it to the others.
fn alone(item: &Item<UpstreamSpec>, plan: &UpstreamPlan, findings: &mut Findings) {
    let pool = Pool::of(plan);
    let written = item.spec.slow_start.duration.is_some() || item.spec.slow_start.initial_share.is_some();
    if written && pool.all == 1 && !pool.watched && !plan.slow_start.duration.is_zero() {
        let consequence = "nobody else could carry what it does not; it gets everything at once";
        findings.warning(&item.place.at("slow_start"), "a ramp with one backend", consequence);
    }
}

fn nobody_ejected(item: &Item<UpstreamSpec>, plan: &UpstreamPlan, findings: &mut Findings) {
    let (pool, passive) = (Pool::of(plan), &plan.passive);
    let must_stay = passive.must_stay_fit(pool.counted);
    if passive.enabled && passive.consecutive_failures == 0 && passive.failure_ratio <= 0.0 {
        let consequence = "live traffic ejects nobody, as `enabled: false` would say";
        findings.warning(&item.place.at("passive"), "neither consecutive_failures nor failure_ratio", consequence);
    } else if passive.enabled && item.spec.passive.minimum_fit.is_some() && !pool.watched && must_stay >= pool.counted {
        findings.warning(
            &item.place.at("passive.minimum_fit"),
            format!("{:.0}% of {}, which is all of them", passive.minimum_fit * 100.0, pool.counted),
            "live traffic ejects nobody",
        );
    }
}

fn panic(item: &Item<UpstreamSpec>, plan: &UpstreamPlan, findings: &mut Findings) {
    if plan.panic_threshold > 0.0 && plan.when_none_eligible == WhenNoneEligible::FailClosed {
        findings.warning(
            &item.place.at("panic_threshold"),
            format!("{:.0}% with `when_none_eligible: fail_closed`", plan.panic_threshold * 100.0),
            "with few eligible the unfit are asked as well, and with nobody eligible nobody is; fail_open or last_known_good goes with it",
        );
    }
}

fn grace(item: &Item<UpstreamSpec>, plan: &UpstreamPlan, findings: &mut Findings) {
    let Some(probe) = plan.readiness.as_ref().filter(|probe| !probe.startup_grace.is_zero()) else { return };
    let place = item.place.at("readiness.startup_grace");
    let grace = probe.startup_grace;
    if grace <= probe.initial_delay {
        let found = format!("{grace:?}, no longer than initial_delay ({:?})", probe.initial_delay);
        findings.warning(&place, found, "it is over before the first probe");
    } else if grace < probe.initial_delay + probe.timeout {
        let found = format!("{grace:?}, shorter than the first probe may take ({:?})", probe.timeout);
        findings.warning(&place, found, "a backend that starts slowly is called down instead of starting");
    }
}

fn hold<'a>(
    item: &Item<UpstreamSpec>,
    plan: &UpstreamPlan,
    mut routes: impl Iterator<Item = &'a RoutePlan>,
    findings: &mut Findings,
) {
    let hold = plan.limits.hold;
    let Some(route) = routes.find(|route| route.timeouts.total.is_some_and(|total| total < hold)) else { return };
    let total = route.timeouts.total.unwrap_or_default();
    findings.warning(
        &item.place.at("hold"),
        format!("{hold:?}, more than the total of the route {} ({total:?})", route.name),
        "requests of that route are given up before",
    );
}
