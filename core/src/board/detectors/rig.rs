//! A small pool, for the tables of the detectors: cells with some traffic, all of it at one moment.

use super::view::{Peers, PoolView, Suspect};
use super::{Kind, Pace};
use crate::base::time::Timestamp;
use crate::board::desk::place::Seat;
use crate::plan::PassivePlan;
use crate::traffic::cell::{Cell, Record};
use crate::traffic::outcome::{FailureKind, Outcome};
use std::cell::OnceCell;
use std::time::Duration;

pub(super) const RESET: Outcome = Outcome::Failure(FailureKind::Reset);
pub(super) const STATUS: Outcome = Outcome::Failure(FailureKind::Status(500));
const NOW: Timestamp = Timestamp::from_secs(100);

/// What one backend has answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    records: Vec<(Outcome, u64, Duration)>,
    /// Whose requests come next; 0: everybody's in turn.
    client: u64,
    takes: Duration,
    ramps: bool,
}

impl Traffic {
    pub(super) fn then(mut self, outcome: Outcome, times: u64) -> Self {
        for number in 0..times {
            let client = if self.client == 0 { number % 5 + 1 } else { self.client };
            self.records.push((outcome, client, self.takes));
        }
        self
    }

    pub(super) fn well(self, times: u64) -> Self {
        self.then(Outcome::Success, times)
    }

    pub(super) fn of(self, client: u64) -> Self {
        Self { client, ..self }
    }

    pub(super) fn taking(self, millis: u64) -> Self {
        Self { takes: Duration::from_millis(millis), ..self }
    }

    pub(super) fn ramping(self) -> Self {
        Self { ramps: true, ..self }
    }

    fn cell(&self, plan: &PassivePlan) -> Cell {
        let cell = Cell::new();
        for (outcome, client, latency) in self.records.iter().copied() {
            cell.record(Record { outcome, latency, client, trial: false, now: NOW }, plan);
        }
        cell
    }
}

/// What it is about, a pool, and whom the detector finds in it with what it says.
pub(super) type Row = (&'static str, Vec<Traffic>, Vec<(usize, &'static str)>);

pub(super) fn check(kind: &Kind, plan: &PassivePlan, rows: Vec<Row>) {
    for (what, pool, expected) in rows {
        let found = found(kind, &pool, plan);
        let told: Vec<(usize, &str)> = found.iter().map(|(index, why)| (*index, &**why)).collect();
        assert_eq!(told, expected, "{what}");
    }
}

fn found(kind: &Kind, pool: &[Traffic], plan: &PassivePlan) -> Vec<(usize, String)> {
    let cells: Vec<Cell> = pool.iter().map(|traffic| traffic.cell(plan)).collect();
    let suspect = |(index, cell)| Suspect { seat: Seat::new(index), cell, ramps: pool[index].ramps };
    let suspects: Vec<Suspect<'_>> = cells.iter().enumerate().map(suspect).collect();
    let read = || {
        let windows = cells.iter().map(|cell| cell.evidence(NOW, plan).window).filter(|window| window.total() > 0);
        let mut shares: Vec<f64> = windows.map(|window| window.failed_share()).collect();
        shares.sort_by(f64::total_cmp);
        shares
    };
    let shares = OnceCell::new();
    let look = |suspects: &[Suspect<'_>], find: super::Look| {
        let peers = Peers { shares: &shares, read: &read };
        find(&PoolView { plan, now: NOW, suspects: suspects.to_vec(), peers })
    };
    let findings = kind.looks.iter().flat_map(|(pace, find)| match pace {
        Pace::EachFailure => suspects.chunks(1).flat_map(|one| look(one, *find)).collect::<Vec<_>>(),
        Pace::Soon | Pace::Regular => look(&suspects, *find),
    });
    findings.map(|finding| (finding.seat.index(), finding.why)).collect()
}
