//! What is in force of a route: how long it may take, how often it is tried, how often it opens, what it answers?

use super::written::{deadline, limit_by, list, secs, share};
use super::{Defaults, values};
use pulsegate_core::plan::{MirrorPlan, RateLimitPlan, RetryPlan, RouteAction, Timeouts};

pub(super) fn all() -> Vec<Defaults> {
    let (timeouts, retries) = (Timeouts::default(), RetryPlan::default());
    let limit = RateLimitPlan::of(1);
    vec![
        values(
            "TimeoutsSpec",
            [
                ("connect", secs(timeouts.connect)),
                ("per_try", deadline(timeouts.per_try)),
                ("expect_continue", secs(timeouts.expect_continue)),
                ("idle", secs(timeouts.idle)),
                ("total", deadline(timeouts.total)),
            ],
        ),
        values("RetriesSpec", [("limit", retries.limit.to_string()), ("on", on(&retries))]),
        values(
            "RateLimitSpec",
            [("per", secs(limit.per)), ("by", limit_by(&limit.by)), ("enforce", limit.enforce.to_string())],
        ),
        values("MirrorSpec", [("share", share(MirrorPlan::to(0).share))]),
        values("RedirectSpec", [("status", RouteAction::REDIRECT_STATUS.to_string())]),
        values(
            "RespondSpec",
            [
                ("status", RouteAction::RESPOND_STATUS.to_string()),
                ("content_type", RouteAction::RESPOND_TYPE.to_owned()),
            ],
        ),
    ]
}

/// Statuses are text, as words beside them are.
fn on(retries: &RetryPlan) -> String {
    let on = &retries.on;
    let words = [("connect", on.connect), ("reset", on.reset), ("timeout", on.timeout)];
    let words = words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.to_owned());
    list(&words.chain(on.statuses.iter().map(|status| format!("\"{status}\""))).collect::<Vec<_>>())
}
