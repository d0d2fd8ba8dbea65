//! What did requests come to within one second at one backend? Outcomes in their order, as runs, and how long the successes took.

use super::line::{LATENCIES, Line, word};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::traffic::cell::Record;
use pulsegate_core::traffic::outcome::Outcome;
use std::collections::BTreeMap;

/// Changes of outcome within a second that are kept in their order.
const RUNS: usize = 256;

/// The same outcome in a row: milliseconds after the second's beginning of the first and the last.
#[derive(Debug)]
struct Run {
    first: u32,
    last: u32,
    outcome: Outcome,
    count: u32,
}

/// One second at one backend.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    runs: Vec<Run>,
    more: BTreeMap<String, u32>,
    latency: [u32; LATENCIES.len() + 1],
    client: Option<u64>,
    failed_client: Option<u64>,
    clients: bool,
    failed_clients: bool,
}

impl Bucket {
    /// `after`: milliseconds since the second began.
    pub(super) fn add(&mut self, record: &Record, after: u32) {
        let room = self.runs.len() < RUNS;
        match self.runs.last_mut() {
            Some(run) if run.outcome == record.outcome => {
                run.count += 1;
                run.last = run.last.max(after);
            }
            _ if room => self.runs.push(Run { first: after, last: after, outcome: record.outcome, count: 1 }),
            _ => *self.more.entry(word(record.outcome)).or_default() += 1,
        }
        if record.outcome == Outcome::Success {
            let millis = record.latency.as_millis();
            let class = LATENCIES.iter().position(|bound| millis <= u128::from(*bound)).unwrap_or(LATENCIES.len());
            if let Some(count) = self.latency.get_mut(class) {
                *count += 1;
            }
        }
        self.clients |= *self.client.get_or_insert(record.client) != record.client;
        if matches!(record.outcome, Outcome::Failure(_)) {
            self.failed_clients |= *self.failed_client.get_or_insert(record.client) != record.client;
        }
    }

    /// As a line, of the second that began at `at`.
    pub(super) fn line(self, at: u64, backend: &BackendId) -> Line {
        Line::Traffic {
            at,
            upstream: backend.upstream.to_string(),
            backend: backend.address.to_string(),
            runs: self.runs.into_iter().map(|run| (run.first, run.last, word(run.outcome), run.count)).collect(),
            more: self.more,
            latency: self.latency.to_vec(),
            clients: self.clients,
            failed_clients: self.failed_clients,
        }
    }
}
