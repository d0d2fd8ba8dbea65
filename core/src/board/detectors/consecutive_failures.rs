//! Who fails again and again, with no success in between?

use super::view::{PoolView, Prospect};
use super::{Finding, Kind, Pace};
use crate::plan::Detector;

pub(super) const KIND: Kind =
    Kind { detector: Detector::ConsecutiveFailures, looks: &[(Pace::EachFailure, find)], waits_for };

fn find(view: &PoolView<'_>) -> Vec<Finding> {
    let limit = view.plan.consecutive_failures;
    let found = view.suspects.iter().filter_map(|suspect| {
        let evidence = view.evidence(suspect);
        let found = evidence.streak >= limit && view.stands_out(&evidence, evidence.streak_is_hard);
        found.then(|| Finding {
            seat: suspect.seat,
            excess: f64::from(evidence.streak),
            why: format!("{} failures in a row (limit {limit})", evidence.streak),
            limit: None,
        })
    });
    found.collect()
}

fn waits_for(prospect: &Prospect<'_>) -> Option<String> {
    let left = prospect.plan.consecutive_failures.saturating_sub(prospect.traffic.streak).max(1);
    let more = if prospect.traffic.streak > 0 { "more " } else { "" };
    Some(if left == 1 { format!("1 {more}failed request") } else { format!("{left} {more}failed requests in a row") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::detectors::rig::{RESET, Row, STATUS, Traffic, check};
    use crate::plan::PassivePlan;

    #[test]
    fn the_table() {
        let five = "5 failures in a row (limit 5)";
        let quiet = Traffic::default;
        let rows: Vec<Row> = vec![
            ("four are too few", vec![quiet().then(RESET, 4)], vec![]),
            ("resets speak for themselves", vec![quiet().then(RESET, 5)], vec![(0, five)]),
            ("a success begins anew", vec![quiet().then(RESET, 4).well(1).then(RESET, 4)], vec![]),
            ("one reset among statuses is enough", vec![quiet().then(STATUS, 4).then(RESET, 1)], vec![(0, five)]),
            (
                "a poison request of one client is not",
                vec![quiet().of(1).then(STATUS, 5).of(2).well(1).of(1).then(STATUS, 5)],
                vec![],
            ),
            ("of the only client there is, it is", vec![quiet().of(1).then(STATUS, 5)], vec![(0, five)]),
            ("statuses of many count", vec![quiet().then(STATUS, 5), quiet().well(5)], vec![(0, five)]),
            ("but not where all are as bad", vec![quiet().then(STATUS, 5), quiet().then(STATUS, 5)], vec![]),
            ("each is judged", vec![quiet().then(RESET, 5), quiet().then(RESET, 5)], vec![(0, five), (1, five)]),
        ];
        check(&KIND, &PassivePlan::default(), rows);
    }
}
