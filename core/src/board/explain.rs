//! Why does one backend stand where it stands, on what evidence, when can it return, and what would have to happen? The whole
//! answer, as a value.
//!
//! Gathered from the same state that decides; nothing here decides. How it is shown is the asker's business, the sentences are made
//! here, so that whoever shows them says the same.

mod life;
mod outlook;
mod rule;
mod words;

pub use rule::Rule;

use super::Board;
use super::contract::{BackendReport, LastProbe, Refused};
use super::member::Member;
use super::upstream::Upstream;
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::plan::UpstreamPlan;
use crate::traffic::cell::Evidence;
use std::sync::Arc;

/// Everything that there is to say about one backend's standing at one moment.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub backend: BackendReport,
    pub rule: Rule,
    /// The rule in words, with the thresholds that it compares with.
    pub rule_says: String,
    /// The last probes, oldest first.
    pub probes: Vec<LastProbe>,
    /// When the probe in flight started.
    pub probe_under_way: Option<Timestamp>,
    /// What live traffic has come to.
    pub traffic: Evidence,
    pub pool: PoolFacts,
    /// The definition in force.
    pub upstream: Arc<UpstreamPlan>,
    /// When it returns if from now on everything passes and nothing is asked sooner than planned. `None`: it is eligible, or only
    /// an operator brings it back. The standing's `earliest_return` is the bound that holds whatever happens.
    pub on_schedule: Option<Timestamp>,
    /// All of it must happen before it is eligible; empty while it is.
    pub to_return: Vec<String>,
    /// Any of it takes it out, or to something worse.
    pub to_leave: Vec<String>,
    /// What else one should know.
    pub remarks: Vec<String>,
}

/// Its peers, and what the pool allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolFacts {
    pub backends: usize,
    pub eligible: usize,
    /// Neither drained nor unchecked: what the cap of ejections is computed over.
    pub counted: u32,
    /// Pass their probes and are not ejected.
    pub fit: u32,
    /// So many must stay fit.
    pub floor: u32,
    /// The median failed share of its peers that had traffic within the window.
    pub median_failed_share: Option<f64>,
}

impl Board {
    /// Explains one backend.
    ///
    /// # Errors
    /// Nobody knows it; who is known instead.
    pub fn explain(&self, backend: &BackendId, now: Timestamp) -> Result<Explanation, Refused> {
        let (position, index) = self.whereabouts(backend)?;
        Ok(self.upstreams[position].explain(index, now))
    }
}

impl Upstream {
    fn explain(&self, index: usize, now: Timestamp) -> Explanation {
        let member = &self.members[index];
        let backend = member.show(&self.plan, now);
        let pool = self.facts_of_pool(index, now);
        let traffic = member.cell.evidence(now, &self.plan.passive);
        let view = View { member, plan: &self.plan, pool, traffic, cause: backend.standing.cause, now };
        let rule = Rule::of(&view);
        Explanation {
            rule,
            rule_says: rule.says(&view),
            probes: member.deciding_check().into_iter().flat_map(|check| check.recent()).cloned().collect(),
            probe_under_way: member.deciding_check().and_then(|check| check.under_way()),
            traffic,
            pool,
            upstream: Arc::clone(&self.plan),
            on_schedule: outlook::on_schedule(&view, backend.standing.earliest_return),
            to_return: outlook::to_return(&view),
            to_leave: outlook::to_leave(&view),
            remarks: outlook::remarks(&view),
            backend,
        }
    }

    fn facts_of_pool(&self, index: usize, now: Timestamp) -> PoolFacts {
        let (fit, counted, floor) = self.fitness();
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != index);
        let windows = others.map(|(_, member)| member.cell.evidence(now, &self.plan.passive).window);
        let mut shares: Vec<f64> =
            windows.filter(|window| window.total() > 0).map(|window| window.failed_share()).collect();
        shares.sort_by(f64::total_cmp);
        PoolFacts {
            backends: self.members.len(),
            eligible: self.members.iter().filter(|member| member.standing.cause.eligible()).count(),
            counted,
            fit,
            floor,
            median_failed_share: shares.get(shares.len() / 2).copied(),
        }
    }
}

/// What the sentences are made from.
struct View<'a> {
    member: &'a Member,
    plan: &'a UpstreamPlan,
    pool: PoolFacts,
    traffic: Evidence,
    cause: crate::health::standing::Cause,
    now: Timestamp,
}
