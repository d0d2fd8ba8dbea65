//! Which configurations does a storm go through? A first one, and small mutations of it.
//!
//! Addresses are few, so that backends leave and come back often; times are those of the defaults, in the main.

use super::dice::Dice;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::board::Found;
use pulsegate_core::plan::{
    BalancePlan, Detector, DocumentPlan, Enforcement, Fact, HttpCheck, Identity, OnDown, PassivePlan, Plan, Policy,
    ProbeCheck, ProbeFailure, ProbeKind, ProbePlan, ProbingPlan, Recognition, SlowStartPlan, SourcePlan, StaticBackend,
    UpstreamPlan, WhenNoneEligible,
};
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 3] = ["orders", "billing", "search"];
/// Who answers where all is well.
pub const SERVICE: &str = "orders";
const ADDRESSES: u32 = 6;

pub fn address(number: u32) -> Address {
    Address::Socket(([10, 0, 0, number as u8 + 1], 80).into())
}

/// One to five backends.
pub fn some_backends(dice: &mut dyn Dice) -> Vec<Found> {
    let mut found = Vec::new();
    for _ in 0..=dice.below(5) {
        let address = address(dice.below(ADDRESSES));
        if found.iter().all(|other: &Found| other.address != address) {
            found.push(Found { address, weight: dice.below(4), backup: dice.below(5) == 0 });
        }
    }
    found
}

pub fn first(dice: &mut dyn Dice) -> Vec<UpstreamPlan> {
    NAMES.iter().take(1 + dice.below(3) as usize).map(|name| upstream(name, dice)).collect()
}

/// The same configuration with one thing changed, or with nothing changed.
pub fn mutate(upstreams: &mut Vec<UpstreamPlan>, dice: &mut dyn Dice) {
    if dice.below(8) == 0 {
        return add_or_remove(upstreams, dice);
    }
    let which = dice.below(upstreams.len() as u32) as usize;
    let Some(upstream) = upstreams.get_mut(which) else { return };
    match dice.below(12) {
        10 => upstream.startup = upstream.startup.is_none().then(|| life_probe(dice)),
        11 => upstream.liveness = upstream.liveness.is_none().then(|| life_probe(dice)),
        0 | 1 => upstream.sources[0] = static_source(dice),
        2 => upstream.readiness = upstream.readiness.is_none().then(|| probe(dice)),
        3 | 4 => upstream.readiness = Some(probe(dice)),
        5 => upstream.passive = passive(dice),
        6 => upstream.when_none_eligible = when_none_eligible(dice),
        7 => flip_file_tier(upstream),
        8 => upstream.on_down = on_down(dice),
        _ => {}
    }
}

/// Another definition of the same source: it must not empty the pool until it answers.
fn flip_file_tier(upstream: &mut UpstreamPlan) {
    if let Some(SourcePlan::File { backup, .. }) = upstream.sources.get_mut(1) {
        *backup = !*backup;
    }
}

fn add_or_remove(upstreams: &mut Vec<UpstreamPlan>, dice: &mut dyn Dice) {
    let name = NAMES[dice.below(NAMES.len() as u32) as usize];
    match upstreams.iter().position(|upstream| &*upstream.name == name) {
        Some(position) => drop(upstreams.remove(position)),
        None => upstreams.push(upstream(name, dice)),
    }
}

pub fn compile(upstreams: &[UpstreamPlan], concurrency: usize) -> Plan {
    Plan {
        upstreams: upstreams.iter().cloned().map(Arc::new).collect(),
        probing: ProbingPlan { concurrency },
        ..Plan::default()
    }
}

pub fn upstream(name: &str, dice: &mut dyn Dice) -> UpstreamPlan {
    let mut sources = vec![static_source(dice)];
    if dice.below(2) == 0 {
        sources.push(SourcePlan::File { path: format!("{name}.txt").into(), backup: false });
    }
    UpstreamPlan {
        sources,
        startup: (dice.below(4) == 0).then(|| life_probe(dice)),
        readiness: (dice.below(4) > 0).then(|| probe(dice)),
        liveness: (dice.below(3) == 0).then(|| life_probe(dice)),
        passive: passive(dice),
        slow_start: SlowStartPlan {
            duration: Duration::from_secs(u64::from(dice.below(3)) * 5),
            ..SlowStartPlan::default()
        },
        balance: BalancePlan { policy: Policy::Random, ..BalancePlan::default() },
        when_none_eligible: when_none_eligible(dice),
        hold_correlated_failures: Duration::from_secs(u64::from(dice.below(4) / 3) * 20),
        on_down: on_down(dice),
        ..UpstreamPlan::named(name)
    }
}

/// Backends that nothing tells apart, in the order of their addresses.
pub fn even(name: &str, backends: u32) -> UpstreamPlan {
    let sources = vec![SourcePlan::Static((0..backends).map(address).map(StaticBackend::at).collect())];
    let mut dice = Rng::new(0);
    let readiness = Some(ProbePlan { immediate: Vec::new(), ..probe(&mut dice) });
    UpstreamPlan { sources, readiness, slow_start: SlowStartPlan::default(), ..upstream(name, &mut dice) }
}

fn static_source(dice: &mut dyn Dice) -> SourcePlan {
    let backend = |found: Found| StaticBackend { address: found.address, weight: found.weight, backup: found.backup };
    SourcePlan::Static(some_backends(dice).into_iter().map(backend).collect())
}

fn when_none_eligible(dice: &mut dyn Dice) -> WhenNoneEligible {
    [WhenNoneEligible::FailClosed, WhenNoneEligible::FailOpen, WhenNoneEligible::LastKnownGood][dice.below(3) as usize]
}

fn on_down(dice: &mut dyn Dice) -> OnDown {
    [OnDown::Keep, OnDown::RetireIdle, OnDown::CloseAll][dice.below(3) as usize]
}

pub fn probe(dice: &mut dyn Dice) -> ProbePlan {
    ProbePlan {
        kind: ProbeCheck::Http(HttpCheck {
            document: document(dice).map(Box::new),
            ..HttpCheck::of(ProbeKind::Readiness, "/ready")
        }),
        stretch_to: Duration::from_secs(u64::from(dice.below(3)) * 5),
        success_threshold: 1 + dice.below(3),
        failure_threshold: 1 + dice.below(4),
        startup_grace: Duration::from_secs(u64::from(dice.below(4) / 3) * 20),
        immediate: if dice.below(4) == 0 { vec![ProbeFailure::Refused] } else { Vec::new() },
        recognition: recognition(dice),
        ..ProbePlan::default()
    }
}

/// Rules for documents, or none.
fn document(dice: &mut dyn Dice) -> Option<DocumentPlan> {
    let degraded_share = [1.0, 0.3, 0.05][dice.below(3) as usize];
    (dice.below(4) > 0).then(|| DocumentPlan { degraded_share, ..DocumentPlan::default() })
}

fn passive(dice: &mut dyn Dice) -> PassivePlan {
    let enforce = Detector::ALL.into_iter().fold(Enforcement::default(), |all, one| all.with(one, dice.below(4) > 0));
    PassivePlan {
        enabled: dice.below(10) > 0,
        consecutive_failures: dice.below(2) * 5,
        enforce,
        max_ejection: Duration::from_secs(60),
        minimum_fit: [0.0, 0.3, 0.5, 1.0][dice.below(4) as usize],
        ..PassivePlan::default()
    }
}

/// In some configurations, answers are recognised.
fn recognition(dice: &mut dyn Dice) -> Recognition {
    let fact = || Fact::Header("x".to_owned());
    let identity = Identity { fact: fact(), service: SERVICE.to_owned() };
    Recognition { identity: (dice.below(4) == 0).then_some(identity), instance: (dice.below(3) == 0).then(fact) }
}

/// A startup or liveness probe: who it must be, only readiness asks.
fn life_probe(dice: &mut dyn Dice) -> ProbePlan {
    let probe = probe(dice);
    let recognition = Recognition { identity: None, instance: probe.recognition.instance.clone() };
    ProbePlan { recognition, startup_grace: Duration::ZERO, ..probe }
}
