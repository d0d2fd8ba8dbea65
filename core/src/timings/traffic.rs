//! How soon does live traffic eject a backend that fails all of it? Bounds for requests that come evenly; see `cell`, `window` and
//! `board/detectors` for the rules that they follow from.

use super::bounds::{Bounds, sooner};
use crate::health::peer_test;
use crate::plan::{Detector, PassivePlan};
use std::time::Duration;

/// What a broken backend does to the requests that it gets.
#[derive(Clone, Copy, Debug)]
pub struct Failures {
    /// From one request to the next.
    pub every: Duration,
    /// From a request to its failure.
    pub after: Bounds,
    /// So many are needed in any case, in the worst: failures by status count from two clients on, which are taken to come in turn.
    pub at_least: u64,
    /// There are peers enough to compare it with. How soon it stands out depends on them: sooner than by itself, perhaps, but never surely.
    pub compared: bool,
}

/// When enough have failed, and how many those are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    pub after: Bounds,
    pub failed: Option<u64>,
}

/// From the moment that a backend which was well for a whole window breaks to its ejection. `None`: traffic never ejects it.
pub fn ejection(plan: &PassivePlan, failures: &Failures) -> Option<Ejection> {
    if !plan.enabled || failures.every.is_zero() {
        return None;
    }
    let ejects = |detector| plan.detects(detector) && plan.enforce.of(detector);
    let streak = ejects(Detector::ConsecutiveFailures).then(|| u64::from(plan.consecutive_failures));
    let streak = streak.map(|failed| (failed, Some(failed.max(failures.at_least))));
    let share = if ejects(Detector::FailureRatio) { by_share(plan, failures) } else { None };
    let share = share.map(|(best, worst)| (best, worst.map(|worst| worst.max(failures.at_least))));
    let relative = failures.compared && (ejects(Detector::FailureOutlier) || ejects(Detector::LatencyOutlier));
    let relative = relative.then_some((u64::from(peer_test::BAD_AT_LEAST), None));
    let ways = [streak, share, relative];
    let failed = ways.into_iter().flatten().filter_map(|(_, worst)| worst).min();
    let after = ways.into_iter().map(|way| way.map(|needed| time(needed, failures))).reduce(sooner).flatten()?;
    Some(Ejection { after, failed })
}

/// How many outcomes of one backend a window holds at most.
pub fn outcomes_in_window(plan: &PassivePlan, every: Duration) -> u64 {
    in_turn(at_most(plan), every) + 1
}

/// From the moment that it breaks: the first request comes at once, or a whole distance later.
fn time((fewest, most): (u64, Option<u64>), failures: &Failures) -> Bounds {
    let requests = |count: u64| failures.every.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let worst = most.zip(failures.after.worst).map(|(most, after)| requests(most).saturating_add(after));
    Bounds { best: requests(fewest.saturating_sub(1)).saturating_add(failures.after.best), worst }
}

/// How many failures in a row make up enough of the window: the fewest, and the most where that is sure to come.
fn by_share(plan: &PassivePlan, failures: &Failures) -> Option<(u64, Option<u64>)> {
    if plan.failure_ratio <= 0.0 {
        return None;
    }
    // More than a window full of failures changes nothing any more.
    let full = in_turn(bucket(plan) * 10, failures.every) + 1;
    let window = Window { plan, failures };
    let fewest = first(full, |failed| window.may_suffice(failed))?;
    Some((fewest, first(full, |failed| window.suffices(failed))))
}

/// The smallest of `1..=full` for which `holds`, which goes on to hold.
fn first(full: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut below, mut at) = (0, full);
    while at - below > 1 {
        let middle = below + (at - below) / 2;
        if holds(middle) { at = middle } else { below = middle }
    }
    holds(at).then_some(at)
}

/// The window at the end of the n-th failed request.
#[derive(Clone, Copy)]
struct Window<'a> {
    plan: &'a PassivePlan,
    failures: &'a Failures,
}

impl Window<'_> {
    fn suffices(&self, failed: u64) -> bool {
        let held = failed.min(in_turn(bucket(self.plan) * 9, self.failures.every) + 1);
        let enough = held + self.fewest_successes(failed) >= u64::from(self.plan.minimum_outcomes);
        enough && self.stands_out(held, self.most_successes(failed))
    }

    fn may_suffice(&self, failed: u64) -> bool {
        // The board looks between two failures too: by then one more success has left.
        let fewest = self.fewest_successes(failed).saturating_sub(1);
        let lacking = u64::from(self.plan.minimum_outcomes).saturating_sub(failed).max(fewest);
        lacking <= self.most_successes(failed) && self.stands_out(failed, lacking)
    }

    fn stands_out(&self, failed: u64, succeeded: u64) -> bool {
        failed as f64 / (failed + succeeded) as f64 >= self.plan.failure_ratio
    }

    /// Nine buckets are whole, and the tenth has just begun.
    fn fewest_successes(&self, failed: u64) -> u64 {
        let pause = self.failures.after.worst.unwrap_or(self.failures.after.best);
        self.successes(failed, bucket(self.plan) * 9, pause)
    }

    /// The tenth is about to end.
    fn most_successes(&self, failed: u64) -> u64 {
        self.successes(failed, at_most(self.plan), self.failures.after.best)
    }

    /// What the window holds of the time before it broke. Between the last success and the first failure nothing came for `pause`.
    fn successes(&self, failed: u64, window: Duration, pause: Duration) -> u64 {
        let every = self.failures.every;
        let since = every.saturating_mul(u32::try_from(failed - 1).unwrap_or(u32::MAX)).saturating_add(pause);
        if since > window { 0 } else { in_turn(window - since, every) }
    }
}

/// The tenth bucket is never whole.
fn at_most(plan: &PassivePlan) -> Duration {
    (bucket(plan) * 10).saturating_sub(Duration::from_nanos(1))
}

fn bucket(plan: &PassivePlan) -> Duration {
    plan.window / 10
}

/// How many requests lie within `time` beside the one at its beginning.
fn in_turn(time: Duration, every: Duration) -> u64 {
    u64::try_from(time.as_nanos() / every.as_nanos().max(1)).unwrap_or(u64::MAX - 1)
}
