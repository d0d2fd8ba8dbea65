//! Who is slower than the pool, on the same traffic?
//!
//! From three backends up, against the median of their medians, so that one cannot move what it is measured by. Who ramps is left out: it
//! is expected to be slow.

use super::view::{PoolView, Prospect, Suspect};
use super::{Finding, Kind, Pace};
use crate::health::latency::Histogram;
use crate::health::peer_test::{self, BACKENDS_AT_LEAST};
use crate::health::window::Tally;
use crate::plan::{Detector, PassivePlan};
use std::time::Duration;

pub(super) const KIND: Kind = Kind {
    detector: Detector::LatencyOutlier,
    // Enough of the window that one pause does not fill half of it; all of it where traffic is thin.
    looks: &[(Pace::Regular, find_lately), (Pace::Regular, find_in_the_window)],
    waits_for,
};

/// How often latencies are compared within a window, both ways.
const LOOKS: usize = 20;

/// A backend, its median, and all of its latencies.
type Side<'a> = (&'a Suspect<'a>, Duration, Histogram);

fn find_lately(view: &PoolView<'_>) -> Vec<Finding> {
    find(view, 2)
}

fn find_in_the_window(view: &PoolView<'_>) -> Vec<Finding> {
    find(view, 5)
}

/// Over so many fifths of the window.
fn find(view: &PoolView<'_>, slices: u64) -> Vec<Finding> {
    let warm = view.suspects.iter().filter(|suspect| !suspect.ramps);
    let sides = warm.filter_map(|suspect| {
        let histogram = suspect.cell.latencies(slices, view.now, view.plan);
        Some((suspect, histogram.median()?, histogram))
    });
    let sides: Vec<Side<'_>> = sides.collect();
    if sides.len() < BACKENDS_AT_LEAST {
        return Vec::new();
    }
    let usual = median_of_medians(&sides);
    let limit = usual.mul_f64(view.plan.latency_outlier.factor).max(usual + view.plan.latency_outlier.gap);
    slower_than(limit, usual, &sides)
}

fn median_of_medians(sides: &[Side<'_>]) -> Duration {
    let mut medians: Vec<Duration> = sides.iter().map(|(_, median, _)| *median).collect();
    medians.sort_unstable();
    medians[(medians.len() - 1) / 2]
}

fn slower_than(limit: Duration, usual: Duration, sides: &[Side<'_>]) -> Vec<Finding> {
    if sides.iter().all(|(_, median, _)| *median < limit) {
        return Vec::new();
    }
    let tallies: Vec<Tally> = sides.iter().map(|(_, _, histogram)| histogram.beyond(limit)).collect();
    let mut all = Tally::default();
    tallies.iter().for_each(|tally| all += *tally);
    let found = sides
        .iter()
        .zip(tallies)
        .filter(|((_, median, _), own)| *median >= limit && peer_test::slowness(*own, all - *own, sides.len(), LOOKS));
    let finding = |((suspect, median, _), own): (&Side<'_>, Tally)| Finding {
        seat: suspect.seat,
        excess: median.as_secs_f64(),
        why: format!(
            "its answers take {} in the median, those of its {} peers {} ({} of {} took longer than {})",
            millis(*median),
            sides.len() - 1,
            millis(usual),
            own.failures,
            own.total(),
            millis(limit)
        ),
        limit: Some(limit),
    };
    found.map(finding).collect()
}

fn millis(span: Duration) -> String {
    format!("{:.0}ms", span.as_secs_f64() * 1000.0)
}

fn waits_for(prospect: &Prospect<'_>) -> Option<String> {
    let PassivePlan { latency_outlier, .. } = prospect.plan;
    let compared = prospect.fit as usize >= BACKENDS_AT_LEAST;
    compared.then(|| format!("a latency {:.0} × its peers'", latency_outlier.factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::detectors::rig::{Row, Traffic, check};

    #[test]
    fn the_table() {
        let takes = |millis, answers| Traffic::default().taking(millis).well(answers);
        let quick = || takes(10, 60);
        let slow = "its answers take 115ms in the median, those of its 2 peers 10ms (60 of 60 took longer than 41ms)";
        let rows: Vec<Row> = vec![
            ("ten times as slow", vec![quick(), takes(100, 60), quick()], vec![(1, slow), (1, slow)]),
            ("twice as slow", vec![quick(), takes(20, 60), quick()], vec![]),
            ("of two nobody can tell", vec![quick(), takes(100, 60)], vec![]),
            ("with too little to speak of a median", vec![quick(), takes(100, 19), quick()], vec![]),
            ("who ramps is expected to be slow", vec![quick(), takes(100, 60).ramping(), quick()], vec![]),
            ("a gap of a few milliseconds", vec![takes(1, 60), takes(10, 60), takes(1, 60)], vec![]),
        ];
        check(&KIND, &PassivePlan::default(), rows);
    }
}
