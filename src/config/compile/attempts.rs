//! How long may a request take, and how often may it try? For a route, with what its upstream says where it says nothing itself.

use super::span;
use crate::config::files::{Findings, Place};
use crate::config::schema::{DeadlineSpec, RetriesSpec, TimeoutsSpec};
use crate::config::values::Words;
use pulsegate_core::plan::{RetryOn, RetryPlan, Timeouts};

pub(super) fn timeouts(spec: &TimeoutsSpec, place: &Place, findings: &mut Findings) -> Timeouts {
    let deadline = |written: Option<DeadlineSpec>, default| match written {
        None => default,
        Some(DeadlineSpec::Never) => None,
        Some(DeadlineSpec::After(after)) => Some(after.0),
    };
    let default = Timeouts::default();
    let (per_try, total) = (deadline(spec.per_try, default.per_try), deadline(spec.total, default.total));
    let (connect, idle) = (span(spec.connect, default.connect), span(spec.idle, default.idle));
    let expect_continue = span(spec.expect_continue, default.expect_continue);
    let timeouts = Timeouts { connect, per_try, expect_continue, idle, total, total_is_written: spec.total.is_some() };
    for (key, value) in [("connect", connect), ("expect_continue", expect_continue), ("idle", idle)] {
        if value.is_zero() {
            findings.error(&place.at(key), "0s", "more than 0s");
        }
    }
    if per_try.is_some_and(|per_try| per_try.is_zero()) {
        findings.error(&place.at("per_try"), "0s", "more than 0s, or none");
    }
    match total {
        Some(total) if total.is_zero() => findings.error(&place.at("total"), "0s", "more than 0s, or none"),
        _ => {}
    }
    if let (Some(per_try), Some(total)) = (per_try, total)
        && total <= per_try
    {
        let found = format!("{per_try:?}, no less than total ({total:?})");
        findings.warning(&place.at("per_try"), found, "it never applies");
    }
    if let Some(per_try) = per_try.filter(|per_try| *per_try <= expect_continue) {
        let found = format!("{expect_continue:?}, no less than per_try ({per_try:?})");
        let consequence =
            "a client that expects a 100 gets a 504 where the backend knows of none and waits for the body";
        findings.warning(&place.at("expect_continue"), found, consequence);
    }
    timeouts
}

pub(super) fn retries(spec: &RetriesSpec, place: &Place, findings: &mut Findings) -> RetryPlan {
    let default = RetryPlan::default();
    let on = spec.on.as_ref().map_or(default.on, |words| retry_on(words, &place.at("on"), findings));
    RetryPlan { limit: spec.limit.unwrap_or(default.limit), on }
}

fn retry_on(words: &Words, place: &Place, findings: &mut Findings) -> RetryOn {
    let mut on = RetryOn::NOTHING;
    for word in &words.0 {
        match word.as_str() {
            "connect" => on.connect = true,
            "reset" => on.reset = true,
            "timeout" => on.timeout = true,
            status => match status.parse::<u16>().ok().filter(|status| (400..=599).contains(status)) {
                Some(status) => on.statuses.push(status),
                None => {
                    let allowed = "connect, reset, timeout, or a status from 400 to 599";
                    findings.error(place, format!("{word:?}"), allowed);
                }
            },
        }
    }
    on.statuses.sort_unstable();
    on.statuses.dedup();
    on
}
