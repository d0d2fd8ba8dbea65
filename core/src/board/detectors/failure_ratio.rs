//! Of whose requests does too great a share fail?

use super::view::{PoolView, Prospect};
use super::{Finding, Kind, Pace};
use crate::base::time::brief;
use crate::board::why::words::percent;
use crate::plan::Detector;

pub(super) const KIND: Kind = Kind { detector: Detector::FailureRatio, looks: &[(Pace::EachFailure, find)], waits_for };

fn find(view: &PoolView<'_>) -> Vec<Finding> {
    let plan = view.plan;
    let found = view.suspects.iter().filter_map(|suspect| {
        let evidence = view.evidence(suspect);
        let window = evidence.window;
        let found = window.total() >= plan.minimum_outcomes
            && window.failed_share() >= plan.failure_ratio
            && view.stands_out(&evidence, evidence.hard_share() >= plan.failure_ratio);
        found.then(|| Finding {
            seat: suspect.seat,
            excess: window.failed_share(),
            why: format!(
                "{} of {} outcomes failed within {:?} (limit {:.0} %)",
                window.failures,
                window.total(),
                plan.window,
                plan.failure_ratio * 100.0
            ),
            limit: None,
        })
    });
    found.collect()
}

fn waits_for(prospect: &Prospect<'_>) -> Option<String> {
    let plan = prospect.plan;
    let (ratio, least) = (percent(plan.failure_ratio), plan.minimum_outcomes);
    Some(format!("{ratio} of at least {least} failed within {}", brief(plan.window)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::detectors::rig::{RESET, Row, STATUS, Traffic, check};
    use crate::plan::PassivePlan;

    #[test]
    fn the_table() {
        let half = "10 of 20 outcomes failed within 10s (limit 50 %)";
        let mixed = |outcome, bad, well| Traffic::default().then(outcome, bad).well(well);
        let rows: Vec<Row> = vec![
            ("half of twenty", vec![mixed(RESET, 10, 10)], vec![(0, half)]),
            ("less than half", vec![mixed(RESET, 9, 11)], vec![]),
            ("half of too few", vec![mixed(RESET, 9, 9)], vec![]),
            ("by statuses, and the others are well", vec![mixed(STATUS, 10, 10), mixed(STATUS, 0, 9)], vec![(0, half)]),
            ("by statuses, and the others are no better", vec![mixed(STATUS, 10, 10), mixed(STATUS, 5, 5)], vec![]),
            (
                "by statuses for one client of two",
                vec![Traffic::default().of(1).then(STATUS, 10).of(2).well(10)],
                vec![],
            ),
            ("by a few resets among statuses", vec![mixed(STATUS, 8, 10).then(RESET, 2), mixed(STATUS, 9, 1)], vec![]),
        ];
        let alone = PassivePlan { consecutive_failures: 0, ..PassivePlan::default() };
        check(&KIND, &alone, rows);
    }
}
