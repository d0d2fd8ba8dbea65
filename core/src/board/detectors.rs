//! Who stands out in a pool? The two relative detectors, which look at all fit backends beside each other.
//!
//! They compare backends on the same traffic, from three up: of two that differ nobody can tell which is odd. The rules of chance are in
//! `standout`; here is who may be compared, how often, and what is said of it.

use crate::base::time::Timestamp;
use crate::board::desk::Desk;
use crate::board::passive::{Finding, LOOK_AGAIN};
use crate::board::upstream::Upstream;
use crate::health::latency::Histogram;
use crate::health::peer_test::{self, Contrast, Spans};
use crate::health::standing::Cause;
use crate::health::window::{SPANS, Tally};
use crate::plan::{Detector, PassivePlan};
use std::time::Duration;

/// Hints come with every failure; for them the pool is read at most this often.
const PACE: Duration = Duration::from_millis(50);
/// Latencies are compared over so many fifths of the window: enough that one pause does not fill half of it; all of it where traffic is thin.
const SLICES: [u64; 2] = [2, 5];
/// How often latencies are compared within a window, both ways.
const LATENCY_LOOKS: usize = 20;

/// When the pool is compared next.
#[derive(Debug, Default)]
pub(super) struct Survey {
    failures_at: Timestamp,
    latencies_at: Timestamp,
}

/// A backend that stands out, and by how much.
struct Found {
    excess: f64,
    finding: Finding,
}

impl Upstream {
    /// After a failure: compares the pool, or sees to it that it is compared soon.
    pub(super) fn compare_soon(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        if now >= self.survey.failures_at {
            self.compare_failures(ramps, desk, now);
        } else {
            self.look_at = Some(self.look_at.map_or(self.survey.failures_at, |at| at.min(self.survey.failures_at)));
        }
    }

    /// Compares everything whose time has come.
    pub(super) fn compare(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        self.compare_failures(ramps, desk, now);
        if now >= self.survey.latencies_at {
            self.survey.latencies_at = now + LOOK_AGAIN;
            self.compare_latencies(ramps, desk, now);
        }
    }

    fn compare_failures(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        self.survey.failures_at = now + PACE;
        if !self.plan.passive.detects(Detector::FailureOutlier) {
            return;
        }
        let passive = &self.plan.passive;
        let fit = self.members.iter().enumerate().filter(|(_, member)| member.fit());
        let sides = fit.map(|(index, member)| (index, member.cell.spans(now, passive)));
        let sides: Vec<(usize, Spans)> = sides.filter(|(_, spans)| spans[SPANS - 1].total() > 0).collect();
        let found = failing(&sides, passive);
        self.found(found, ramps, desk, now);
    }

    fn compare_latencies(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        if !self.plan.passive.detects(Detector::LatencyOutlier) {
            return;
        }
        for slices in SLICES {
            let passive = &self.plan.passive;
            // Who ramps is expected to be slow: its caches are cold, its code is not compiled yet.
            let warm = |cause| cause != Cause::Ramping;
            let warm =
                self.members.iter().enumerate().filter(|(_, member)| member.fit() && warm(member.standing.cause));
            let sides = warm.map(|(index, member)| (index, member.cell.latencies(slices, now, passive)));
            let sides = sides.filter_map(|(index, histogram)| Some((index, histogram.median()?, histogram)));
            let found = slow(&sides.collect::<Vec<_>>(), passive);
            self.found(found, ramps, desk, now);
        }
    }

    /// The worst goes first: the cap may not leave room for all.
    fn found(&mut self, mut found: Vec<Found>, ramps: bool, desk: &mut Desk, now: Timestamp) {
        found.sort_by(|one, other| other.excess.total_cmp(&one.excess));
        for Found { finding, .. } in found {
            let by_failures = finding.detector == Detector::FailureOutlier;
            if by_failures && !self.evidence(finding.index, now).is_of_several_clients() {
                continue;
            }
            desk.agenda.touch(self.position, finding.index);
            self.convict(finding, ramps, desk, now);
        }
    }
}

/// Who fails more than all others together.
fn failing(sides: &[(usize, Spans)], passive: &PassivePlan) -> Vec<Found> {
    if sides.len() < peer_test::BACKENDS_AT_LEAST {
        return Vec::new();
    }
    let mut all = Spans::default();
    for (_, spans) in sides {
        all.iter_mut().zip(spans).for_each(|(sum, tally)| *sum += *tally);
    }
    let judged = sides.iter().filter_map(|(index, own)| {
        let peers = std::array::from_fn(|span| all[span] - own[span]);
        let contrast = peer_test::failures(own, &peers, passive.failure_outlier, sides.len())?;
        let why = explain_failures(&contrast, sides.len() - 1, passive);
        let finding = Finding { index: *index, detector: Detector::FailureOutlier, why, limit: None };
        Some(Found { excess: contrast.own.failed_share(), finding })
    });
    judged.collect()
}

/// Who is slower than the pool: than the median of its medians, so that one cannot move what it is measured by.
fn slow(sides: &[(usize, Duration, Histogram)], passive: &PassivePlan) -> Vec<Found> {
    if sides.len() < peer_test::BACKENDS_AT_LEAST {
        return Vec::new();
    }
    let mut medians: Vec<Duration> = sides.iter().map(|(_, median, _)| *median).collect();
    medians.sort_unstable();
    let Some(usual) = medians.get((medians.len() - 1) / 2).copied() else { return Vec::new() };
    let plan = passive.latency_outlier;
    let limit = usual.mul_f64(plan.factor).max(usual + plan.gap);
    if medians.last().is_none_or(|slowest| *slowest < limit) {
        return Vec::new();
    }
    let tallies: Vec<Tally> = sides.iter().map(|(_, _, histogram)| histogram.beyond(limit)).collect();
    let mut all = Tally::default();
    tallies.iter().for_each(|tally| all += *tally);
    let judged = sides.iter().zip(tallies).filter(|((_, median, _), own)| {
        *median >= limit && peer_test::slowness(*own, all - *own, sides.len(), LATENCY_LOOKS)
    });
    let found = judged.map(|((index, median, _), own)| {
        let why = format!(
            "its answers take {} in the median, those of its {} peers {} ({} of {} took longer than {})",
            millis(*median),
            sides.len() - 1,
            millis(usual),
            own.failures,
            own.total(),
            millis(limit)
        );
        let finding = Finding { index: *index, detector: Detector::LatencyOutlier, why, limit: Some(limit) };
        Found { excess: median.as_secs_f64(), finding }
    });
    found.collect()
}

fn explain_failures(contrast: &Contrast, peers: usize, passive: &PassivePlan) -> String {
    let Contrast { own, peers: others, spans } = contrast;
    let lately = passive.window.mul_f64(*spans as f64 / SPANS as f64);
    format!(
        "{} of {} outcomes failed within {lately:?}, of its {peers} peers {} of {}",
        own.failures,
        own.total(),
        others.failures,
        others.total()
    )
}

fn millis(span: Duration) -> String {
    format!("{:.0}ms", span.as_secs_f64() * 1000.0)
}
