//! Why does one backend stand where it stands, on what evidence, when can it return, and what would have to happen? The whole
//! answer, as a value.
//!
//! Gathered from the same state that decides; nothing here decides. How it is shown is the asker's business, the sentences are made
//! here, so that whoever shows them says the same.

mod life;
mod outlook;
mod rule;

pub use rule::Rule;

use super::contract::probe::LastProbe;
use super::contract::report::BackendReport;
use super::desk::place::Seat;
use super::member::judged::Fitness;
use super::member::{Member, report};
use super::upstream::group::Group;
use crate::base::time::Timestamp;
use crate::health::standing::Cause;
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

/// Explains one backend.
pub(super) fn explain(group: &Group, seat: Seat, now: Timestamp) -> Explanation {
    let (plan, member) = (group.plan(), &group.members()[seat]);
    let backend = report::report(member, plan, now);
    let pool = facts_of_pool(group, seat, now);
    let traffic = member.cell().evidence(now, &plan.passive);
    let view = View { member, plan, pool, traffic, cause: backend.standing.cause, now };
    let rule = Rule::of(&view);
    let deciding = member.probes().deciding();
    Explanation {
        rule,
        rule_says: rule.says(&view),
        probes: deciding.into_iter().flat_map(|check| check.log.recent()).cloned().collect(),
        probe_under_way: deciding.and_then(|check| check.flight.started()),
        traffic,
        pool,
        upstream: Arc::clone(plan),
        on_schedule: outlook::on_schedule(&view, backend.standing.earliest_return),
        to_return: outlook::to_return(&view),
        to_leave: outlook::to_leave(&view),
        remarks: outlook::remarks(&view),
        backend,
    }
}

fn facts_of_pool(group: &Group, seat: Seat, now: Timestamp) -> PoolFacts {
    let Fitness { fit, pool, floor } = group.fitness();
    let shares = group.failed_shares(Some(seat), now);
    PoolFacts {
        backends: group.members().len(),
        eligible: group.members().count(|member| member.cause().eligible()),
        counted: pool,
        fit,
        floor,
        median_failed_share: shares.get(shares.len() / 2).copied(),
    }
}

/// What the sentences are made from.
struct View<'a> {
    member: &'a Member,
    plan: &'a UpstreamPlan,
    pool: PoolFacts,
    traffic: Evidence,
    cause: Cause,
    now: Timestamp,
}
