//! Who fails more than all others together, on the same traffic?
//!
//! From three backends up: of two that differ nobody can tell which is odd. The rules of chance are in `peer_test`; here is who may be
//! compared, and what is said of it.

use super::view::{PoolView, Prospect, Suspect};
use super::{Finding, Kind, Pace};
use crate::board::why::words::percent;
use crate::health::peer_test::{self, BACKENDS_AT_LEAST, Contrast, Spans};
use crate::health::window::SPANS;
use crate::plan::{Detector, PassivePlan};

pub(super) const KIND: Kind = Kind { detector: Detector::FailureOutlier, looks: &[(Pace::Soon, find)], waits_for };

fn find(view: &PoolView<'_>) -> Vec<Finding> {
    let sides = view.suspects.iter().map(|suspect| (suspect, suspect.cell.spans(view.now, view.plan)));
    let sides: Vec<(&Suspect<'_>, Spans)> = sides.filter(|(_, spans)| spans[SPANS - 1].total() > 0).collect();
    if sides.len() < BACKENDS_AT_LEAST {
        return Vec::new();
    }
    let mut all = Spans::default();
    for (_, spans) in &sides {
        all.iter_mut().zip(spans).for_each(|(sum, tally)| *sum += *tally);
    }
    let found = sides.iter().filter_map(|(suspect, own)| {
        let peers = std::array::from_fn(|span| all[span] - own[span]);
        let contrast = peer_test::failures(own, &peers, view.plan.failure_outlier, sides.len())?;
        view.evidence(suspect).is_of_several_clients().then(|| Finding {
            seat: suspect.seat,
            excess: contrast.own.failed_share(),
            why: says(&contrast, sides.len() - 1, view.plan),
            limit: None,
        })
    });
    found.collect()
}

fn says(contrast: &Contrast, peers: usize, plan: &PassivePlan) -> String {
    let Contrast { own, peers: others, spans } = contrast;
    let lately = plan.window.mul_f64(*spans as f64 / SPANS as f64);
    format!(
        "{} of {} outcomes failed within {lately:?}, of its {peers} peers {} of {}",
        own.failures,
        own.total(),
        others.failures,
        others.total()
    )
}

fn waits_for(prospect: &Prospect<'_>) -> Option<String> {
    let compared = prospect.fit as usize >= BACKENDS_AT_LEAST;
    compared.then(|| format!("a failed share {} above its peers'", percent(prospect.plan.failure_outlier)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::detectors::rig::{RESET, Row, STATUS, Traffic, check};

    #[test]
    fn the_table() {
        let mixed = |outcome, bad, well| Traffic::default().then(outcome, bad).well(well);
        let well = || mixed(RESET, 0, 60);
        let third = "20 of 60 outcomes failed within 1s, of its 2 peers 0 of 120";
        let rows: Vec<Row> = vec![
            ("a third fails, and nobody else", vec![well(), mixed(RESET, 20, 40), well()], vec![(1, third)]),
            ("of two nobody can tell", vec![well(), mixed(RESET, 20, 40)], vec![]),
            ("one without traffic is no peer", vec![well(), mixed(RESET, 20, 40), Traffic::default()], vec![]),
            ("all fail alike", vec![mixed(RESET, 20, 40), mixed(RESET, 21, 39), mixed(RESET, 19, 41)], vec![]),
            ("a gap that is worth nothing", vec![well(), mixed(RESET, 5, 55), well()], vec![]),
            ("statuses of many clients", vec![well(), mixed(STATUS, 20, 40), well()], vec![(1, third)]),
            (
                "statuses of one client of two",
                vec![well(), Traffic::default().of(1).then(STATUS, 20).of(2).well(40), well()],
                vec![],
            ),
        ];
        check(&KIND, &PassivePlan::default(), rows);
    }
}
