//! What is kept of a play? Counts, quantiles, and what the failures were.

use super::play::Played;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use support::load::Outcome;

/// An answer that took longer is slow.
const SLOW: Duration = Duration::from_secs(1);

/// One play of one scenario in front of one gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub scenario: String,
    pub gateway: String,
    pub gets: Tally,
    pub posts: Tally,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tally {
    pub total: usize,
    pub failed: usize,
    /// Answered well, but late.
    pub slow: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// When the first and the last of those that failed were due, in seconds from the begin of the load.
    pub failed_between: Option<(f64, f64)>,
    /// Failures by what the client saw.
    pub failures: BTreeMap<String, usize>,
}

impl Record {
    pub fn of(scenario: &str, gateway: &str, played: &Played) -> Self {
        Self {
            scenario: scenario.to_owned(),
            gateway: gateway.to_owned(),
            gets: Tally::of(&played.gets),
            posts: Tally::of(&played.posts),
        }
    }

    pub fn failed(&self) -> usize {
        self.gets.failed + self.posts.failed
    }

    pub fn total(&self) -> usize {
        self.gets.total + self.posts.total
    }
}

impl Tally {
    fn of(outcomes: &[Outcome]) -> Self {
        let mut took: Vec<Duration> =
            outcomes.iter().filter(|outcome| outcome.ok()).map(|outcome| outcome.took).collect();
        took.sort();
        let quantile = |share: f64| {
            let at = (took.len() as f64 * share) as usize;
            took.get(at.min(took.len().saturating_sub(1))).map_or(0.0, |took| took.as_secs_f64() * 1e3)
        };
        let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.ok()).collect();
        let due = failed.iter().map(|outcome| outcome.due.as_secs_f64());
        let mut failures = BTreeMap::new();
        for outcome in &failed {
            let what = outcome.result.as_ref().map_or_else(Clone::clone, ToString::to_string);
            *failures.entry(what).or_default() += 1;
        }
        Self {
            total: outcomes.len(),
            failed: failed.len(),
            failed_between: due.clone().reduce(f64::min).zip(due.reduce(f64::max)),
            slow: took.iter().filter(|took| **took > SLOW).count(),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            failures,
        }
    }
}
