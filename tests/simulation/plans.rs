//! Which configurations does a storm go through? A first one, and small mutations of it.
//!
//! Addresses are few, so that backends leave and come back often; times are those of the defaults, in the main.

use super::dice::Dice;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::board::Found;
use pulsegate_core::plan::route_table::RouteTable;
use pulsegate_core::plan::{
    AdminPlan, BalancePlan, BudgetPlan, DocumentPlan, Enforcement, Fact, HttpCheck, Identity, LoggingPlan, OnDown,
    PassivePlan, Plan, Policy, ProbeCheck, ProbeFailure, ProbePlan, ProbingPlan, Protocol, Recognition, ReloadPlan,
    ShutdownPlan, SlowStartPlan, SourcePlan, StartPlan, StaticBackend, UpgradePlan, UpstreamLimits, UpstreamPlan,
    WhenNoneEligible,
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
        listeners: Vec::new(),
        routes: Vec::new(),
        table: RouteTable::default(),
        upstreams: upstreams.iter().cloned().map(Arc::new).collect(),
        admin: AdminPlan::default(),
        logging: LoggingPlan::default(),
        metrics: Default::default(),
        tracing: None,
        shutdown: ShutdownPlan { delay: Duration::ZERO, grace: Duration::ZERO },
        probing: ProbingPlan { concurrency },
        start: StartPlan { wait: Duration::from_secs(5) },
        reload: ReloadPlan { watch: false },
        webhooks: Vec::new(),
        smtp: Vec::new(),
        alerts: Arc::default(),
        upgrade: UpgradePlan { directory: None, timeout: Duration::ZERO },
        record: None,
        threads: 1,
    }
}

pub fn upstream(name: &str, dice: &mut dyn Dice) -> UpstreamPlan {
    let mut sources = vec![static_source(dice)];
    if dice.below(2) == 0 {
        sources.push(SourcePlan::File { path: format!("{name}.txt").into(), backup: false });
    }
    UpstreamPlan {
        name: name.into(),
        sources,
        protocol: Protocol::Http1,
        send_proxy_protocol: None,
        tls: None,
        startup: (dice.below(4) == 0).then(|| life_probe(dice)),
        readiness: (dice.below(4) > 0).then(|| probe(dice)),
        liveness: (dice.below(3) == 0).then(|| life_probe(dice)),
        passive: passive(dice),
        slow_start: SlowStartPlan { duration: Duration::from_secs(u64::from(dice.below(3)) * 5), initial_share: 0.1 },
        balance: BalancePlan { policy: Policy::Random, sticky: None },
        limits: UpstreamLimits::default(),
        budget: BudgetPlan { ratio: 0.2, ttl: Duration::from_secs(10), min_per_second: 10 },
        when_none_eligible: when_none_eligible(dice),
        panic_threshold: 0.0,
        hold_correlated_failures: Duration::from_secs(u64::from(dice.below(4) / 3) * 20),
        idle_timeout: Duration::from_secs(60),
        drain_header: None,
        drain_keeps_sessions: false,
        on_down: on_down(dice),
    }
}

/// Backends that nothing tells apart, in the order of their addresses.
pub fn even(name: &str, backends: u32) -> UpstreamPlan {
    let backend = |number| StaticBackend { address: address(number), weight: 1, backup: false };
    let sources = vec![SourcePlan::Static((0..backends).map(backend).collect())];
    let mut dice = Rng::new(0);
    let readiness = Some(ProbePlan { immediate: Vec::new(), ..probe(&mut dice) });
    let slow_start = SlowStartPlan { duration: Duration::from_secs(10), initial_share: 0.1 };
    UpstreamPlan { sources, readiness, slow_start, ..upstream(name, &mut dice) }
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
            protocol: Protocol::Http1,
            method: "GET".to_owned(),
            path: "/ready".to_owned(),
            host: None,
            headers: Vec::new(),
            expected_statuses: Vec::new(),
            body_bytes: 65_536,
            document: document(dice).map(Box::new),
            tls: None,
        }),
        period: Duration::from_secs(2),
        fast_period: Duration::from_millis(500),
        jitter: 0.1,
        stretch_to: Duration::from_secs(u64::from(dice.below(3)) * 5),
        timeout: Duration::from_secs(1),
        success_threshold: 1 + dice.below(3),
        failure_threshold: 1 + dice.below(4),
        initial_delay: Duration::ZERO,
        startup_grace: Duration::from_secs(u64::from(dice.below(4) / 3) * 20),
        port: None,
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
    let mut enforce = || dice.below(4) > 0;
    let enforce = Enforcement {
        consecutive_failures: enforce(),
        failure_ratio: enforce(),
        failure_outlier: enforce(),
        latency_outlier: enforce(),
    };
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
