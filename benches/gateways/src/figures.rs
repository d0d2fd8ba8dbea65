//! What was seen, round by round?

use crate::load::Window;
use crate::peers::Column;
use std::collections::{BTreeMap, HashMap};

/// Of one cell in one round.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests per second of the gateway's CPU time.
    pub per_cpu: f64,
    /// Microseconds of CPU time of a request, in user mode and in the kernel.
    pub user: f64,
    pub system: f64,
    /// Requests per second.
    pub per_second: f64,
}

/// Microseconds added over the same load sent directly.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    pub p50: f64,
    pub p99: f64,
}

/// All cells. The n-th of each is of the n-th round.
#[derive(Debug, Default)]
pub struct Figures {
    cells: HashMap<(&'static str, Column), Vec<Sample>>,
    added: HashMap<Column, Vec<Added>>,
    /// The rates at which latency was measured.
    pub rates: Vec<f64>,
    /// Which cells had failures, and how many.
    failures: BTreeMap<String, u64>,
}

impl Figures {
    pub fn cell(&mut self, key: &'static str, column: Column, window: &Window) {
        let (answers, cpu) = (window.answers as f64, window.cpu.total.as_secs_f64());
        self.failed(key, column, window.failures + u64::from(window.answers == 0));
        if window.answers == 0 {
            let nothing = Sample { per_cpu: 0.0, user: 0.0, system: 0.0, per_second: 0.0 };
            return self.cells.entry((key, column)).or_default().push(nothing);
        }
        let micros = cpu * 1e6 / answers;
        let sample = Sample {
            per_cpu: answers / cpu,
            user: micros * window.cpu.user,
            system: micros * (1.0 - window.cpu.user),
            per_second: answers / window.length.as_secs_f64(),
        };
        self.cells.entry((key, column)).or_default().push(sample);
    }

    pub fn failed(&mut self, key: &str, column: Column, count: u64) {
        if count > 0 {
            *self.failures.entry(format!("{} ({key})", column.name())).or_default() += count;
        }
    }

    /// Which cells had failures, and how many: `HAProxy (close): 3`.
    pub fn failures(&self) -> Vec<String> {
        self.failures.iter().map(|(cell, count)| format!("{cell}: {count}")).collect()
    }

    pub fn latency(&mut self, column: Column, added: Added) {
        self.added.entry(column).or_default().push(added);
    }

    pub fn of(&self, key: &'static str, column: Column) -> &[Sample] {
        self.cells.get(&(key, column)).map_or(&[], Vec::as_slice)
    }

    pub fn added(&self, column: Column) -> &[Added] {
        self.added.get(&column).map_or(&[], Vec::as_slice)
    }
}
