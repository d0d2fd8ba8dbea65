//! How is one condition told to people? As one sentence that begins with whom it is about.

use pulsegate_core::alert::{ConditionState, Item, What};

pub(super) fn sentence(item: &Item) -> String {
    let who = item.key.backend.as_ref().map(ToString::to_string).unwrap_or_default();
    let (cause, why) = (&item.cause, &item.why);
    if item.state == ConditionState::Resolved {
        return over(item, &who);
    }
    let again = match item.state {
        ConditionState::Flapping(turns) => format!("comes and goes, {turns} times by now; "),
        _ => String::new(),
    };
    match item.key.what {
        What::NobodyEligible => format!("{again}{why}"),
        What::BelowHalf => format!("{again}fewer than half serve: {why}"),
        What::PoolHeld => format!("{again}most of it fell together and is held in place: {why}"),
        What::BackendOut if again.is_empty() => format!("{who} is {cause}: {why}"),
        What::BackendOut => format!("{who} {again}now it is {cause}: {why}"),
        What::LyingReadiness | What::FailingReadiness => format!("{who} {again}{why}"),
        What::ReloadRefused => format!("{again}the configuration on disk is refused: {why}"),
    }
}

fn over(item: &Item, who: &str) -> String {
    let (cause, why) = (item.cause.as_str(), &item.why);
    match (item.key.what, cause) {
        (_, "removed" | "left" | "gone" | "unrouted") => format!("{who} {why}"),
        (What::NobodyEligible, _) => "somebody is eligible again".to_owned(),
        (What::BelowHalf, _) => format!("half or more serve again: {why}"),
        (What::PoolHeld, _) => format!("the hold is over: {why}"),
        (What::BackendOut, "up" | "ramping" | "degraded" | "forced_up") => {
            format!("{who} serves again, {cause}: {why}")
        }
        (What::BackendOut, _) => format!("{who} is {cause}: {why}"),
        (What::LyingReadiness | What::FailingReadiness, _) => format!("{who} is at one with its probes again: {why}"),
        (What::ReloadRefused, _) => "the configuration on disk is in force again".to_owned(),
    }
}
