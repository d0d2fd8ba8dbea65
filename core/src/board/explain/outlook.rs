//! What would have to happen for the verdict to change, either way, and when could it?

use super::{View, life};
use crate::base::time::{Timestamp, brief};
use crate::board::detectors::{self, view::Prospect};
use crate::board::probing::check::Check;
use crate::board::why::words::{ahead, count, percent};
use crate::health::combine::Active;
use crate::health::order::Order;
use crate::health::outlier::EjectionState;
use crate::health::slow_start;
use crate::health::standing::Cause;

/// See [`super::Explanation::on_schedule`]. Never before the `earliest` moment of all.
pub(super) fn on_schedule(view: &View<'_>, earliest: Option<Timestamp>) -> Option<Timestamp> {
    let earliest = earliest?;
    let check = view.member.probes().readiness();
    let passes = check.and_then(|check| check.scheduled_up(view.now));
    Some(earliest.max(passes.unwrap_or(earliest)).max(view.now))
}

/// All that must happen before it is eligible.
pub(super) fn to_return(view: &View<'_>) -> Vec<String> {
    if view.cause.eligible() {
        return Vec::new();
    }
    [order(view), ejection(view), life::to_return(view), probes(view), drain(view), document(view)]
        .into_iter()
        .flatten()
        .collect()
}

fn order(view: &View<'_>) -> Option<String> {
    let given = view.member.orders().standing()?;
    let back = match given.what {
        Order::Drain => "undrain",
        Order::ForceDown | Order::ForceUp => "release",
    };
    Some(match given.until {
        Some(until) => format!(
            "the order's time is over {}, or an operator takes it back before (`pulsegate {back}`)",
            ahead(until, view.now)
        ),
        None => format!("an operator takes the order back (`pulsegate {back}`); nothing else does"),
    })
}

fn ejection(view: &View<'_>) -> Option<String> {
    let probed = view.member.probes().readiness().is_some();
    let within =
        view.member.ejections().trial_limit().map(|limit| format!(" within {}", brief(limit))).unwrap_or_default();
    let by_request = format!("one trial request must succeed{within}");
    match view.member.ejections().state() {
        EjectionState::Clear => None,
        EjectionState::Ejected(ejection) if ejection.until <= view.now => {
            Some("a probe must pass: its ejection time is over".to_owned())
        }
        EjectionState::Ejected(ejection) => {
            let then = if ejection.readiness_lies || !probed { &*by_request } else { "a probe must pass" };
            Some(format!("its ejection ends {}, then {then}", ahead(ejection.until, view.now)))
        }
        EjectionState::Trial { patience, .. } => {
            let otherwise = if probed { "a passing probe decides" } else { "it returns" };
            Some(format!("{by_request}; without any, {otherwise} {}", ahead(patience, view.now)))
        }
    }
}

fn probes(view: &View<'_>) -> Option<String> {
    let check = view.member.probes().readiness().filter(|_| !view.member.probes().life().is_starting())?;
    let left = check.passes_left()?;
    let next = match check.flight.started() {
        Some(_) => "one is under way".to_owned(),
        None => format!("the next is {}", due(check, view.now)),
    };
    if check.opinion.counter().is_none() {
        return Some(format!("its first probe passes; {next}"));
    }
    let needed = check.plan.success_threshold.max(1);
    let passes = count(left, "passing probe", "passing probes in a row");
    let so_far = if left < needed { format!(" ({} of {needed} are there)", needed - left) } else { String::new() };
    let pace = if left > 1 {
        format!(", once one has passed {} apart", brief(check.timetable.confirms_after()))
    } else {
        String::new()
    };
    Some(format!("{passes}{so_far}; {next}{pace}"))
}

fn due(check: &Check, now: Timestamp) -> String {
    check.next_probe().map_or_else(|| "under way".to_owned(), |at| ahead(at, now))
}

fn drain(view: &View<'_>) -> Option<String> {
    let probe = view.member.probes().readiness().map(|check| &*check.plan);
    let over = view.member.asked_drain().until(probe, view.plan.passive.base_ejection)?;
    Some(if view.member.probes().readiness().is_some() {
        format!("a probe passes that starts {} or later, and no answer asks for a drain again", ahead(over, view.now))
    } else {
        format!("no answer asks for a drain again; the drain ends {}", ahead(over, view.now))
    })
}

fn document(view: &View<'_>) -> Option<String> {
    let check = view.member.probes().readiness().filter(|check| check.said.drains().is_some())?;
    Some(format!("a probe passes whose document asks for no drain; the next is {}", due(check, view.now)))
}

/// What takes it out, or to something worse; any of it suffices.
pub(super) fn to_leave(view: &View<'_>) -> Vec<String> {
    match view.cause {
        Cause::ForcedUp => vec![end_of_force(view)],
        cause if cause.eligible() => {
            [failing_probes(view), life::to_leave(view), failing_traffic(view)].into_iter().flatten().collect()
        }
        Cause::Starting if view.member.probes().life().is_starting() => life::to_leave(view).into_iter().collect(),
        Cause::Starting => end_of_grace(view).into_iter().collect(),
        Cause::Trial => vec!["its trial request fails: then it is ejected again, for longer".to_owned()],
        _ => Vec::new(),
    }
}

fn end_of_force(view: &View<'_>) -> String {
    let until = view.member.orders().standing().and_then(|given| given.until);
    let probes = match view.member.probes().active() {
        Active::Unprobed => "it has no probe",
        Active::Up => "its probes pass",
        Active::Unchecked => "it was never probed",
        Active::NotAlive => "its liveness probe fails",
        Active::Starting | Active::NotReady | Active::Down => "its probes fail",
    };
    let traffic = if view.member.ejections().current().is_some() { ", and live traffic has ejected it" } else { "" };
    match until {
        Some(until) => {
            format!("the order ends {}; then the evidence decides: {probes}{traffic}", ahead(until, view.now))
        }
        None => format!("an operator releases it; then the evidence decides: {probes}{traffic}"),
    }
}

fn failing_probes(view: &View<'_>) -> Option<String> {
    let check = view.member.probes().readiness()?;
    let (left, threshold) = check.opinion.counter().filter(|counter| counter.up())?.shown();
    let more = if left < threshold { "more " } else { "" };
    let failures =
        if left == 1 { format!("1 {more}failed probe") } else { format!("{left} {more}failed probes in a row") };
    let at_once: Vec<&str> = check.plan.immediate.iter().map(|kind| kind.word()).collect();
    let at_once = if at_once.is_empty() { String::new() } else { format!("; at once: {}", at_once.join(", ")) };
    Some(format!("{failures} (failure_threshold {threshold}){at_once}"))
}

/// By the detectors that eject; the others are told by the backend's notes.
fn failing_traffic(view: &View<'_>) -> Option<String> {
    let prospect = Prospect { plan: &view.plan.passive, traffic: &view.traffic, fit: view.pool.fit };
    let ejects =
        |kind: &&detectors::Kind| view.plan.enforces(kind.detector) && view.plan.passive.detects(kind.detector);
    let ways = detectors::ALL.iter().filter(ejects).filter_map(|kind| (kind.waits_for)(&prospect));
    let ways: Vec<String> = ways.collect();
    if ways.is_empty() {
        return None;
    }
    let capped = view.pool.fit <= view.pool.floor && view.member.fit();
    let cap = if capped { "; but none is ejected now, since no more may be lost" } else { "" };
    Some(format!("{}{cap}", ways.join(", or ")))
}

fn end_of_grace(view: &View<'_>) -> Option<String> {
    let until = view.member.probes().readiness()?.grace_until()?;
    let when = if until > view.now {
        format!("after its grace, which ends {}", ahead(until, view.now))
    } else {
        "from now on".to_owned()
    };
    Some(format!("a probe fails {when}: then it counts as down"))
}

/// What is true beside the rule that decided.
pub(super) fn remarks(view: &View<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    if view.cause == Cause::Ramping
        && let Some(since) = view.member.status().ramp_since()
    {
        let end = since + view.plan.slow_start.duration;
        let share = percent(slow_start::share(&view.plan.slow_start, since, view.now));
        remarks.push(format!("it takes {share} of its weight now, all of it {}", ahead(end, view.now)));
    }
    if view.cause == Cause::Degraded {
        let share = percent(view.member.status().standing().share);
        remarks.push(format!("it keeps {share} of its weight until it says that it is whole again"));
    }
    if view.member.weight() == 0 {
        remarks.push("its weight is 0: it gets no new requests, whatever its standing".to_owned());
    }
    if view.member.probes().timeouts_held() {
        remarks.push("its probes time out, but its traffic succeeds: the failures are held, not counted".to_owned());
    }
    if view.pool.eligible == 0 {
        remarks.push("nobody of its pool is eligible: everybody is probed at the fast period, in turns".to_owned());
    }
    remarks
}
