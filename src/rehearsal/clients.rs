//! Who sends, and when? The loads: at random, at their rate, each from a stream of randomness of its own.

use super::compile::way;
use super::scenario::{Asks, Load};
use pulsegate_core::base::rng::{Rng, mix};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{Plan, RouteAction};
use pulsegate_core::traffic::request::Terms;
use pulsegate_core::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::sync::Arc;
use std::time::Duration;

/// All of them, in an order that does not depend on the scenario's.
#[derive(Debug)]
pub(super) struct Clients(Vec<Sender>);

#[derive(Debug)]
struct Sender {
    load: Load,
    /// `None`: it has not begun.
    next: Option<Timestamp>,
    rng: Rng,
    /// `None`: the configuration of the moment has no way for them.
    terms: Option<Terms>,
}

/// A request that somebody sends.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its load, for [`Clients::terms`].
    pub load: usize,
    pub client: u64,
    pub idempotent: bool,
    /// Everything that is drawn for it.
    pub rng: Rng,
}

impl Clients {
    pub(super) fn new(seed: u64, loads: &[Load], plan: &Arc<Plan>) -> Self {
        let mut loads = loads.to_vec();
        loads.sort_by(|one, other| {
            let rest = |load: &Load| (load.asks.clone(), load.clients);
            let figures = |load: &Load| [load.per_second, load.non_idempotent].map(f64::to_bits);
            (rest(one), figures(one)).cmp(&(rest(other), figures(other)))
        });
        let mut senders: Vec<Sender> = Vec::new();
        for load in loads {
            let nth = senders.iter().filter(|sender| sender.load.asks == load.asks).count();
            let rng = Rng::of(seed, &format!("load {nth} of {}", load.asks));
            let terms = terms_of(plan, &load.asks);
            senders.push(Sender { load, next: None, rng, terms });
        }
        Self(senders)
    }

    /// Those begin whose upstreams have their first verdicts, whatever the others' have.
    pub(super) fn begin(&mut self, snapshot: &Snapshot, now: Timestamp) {
        for sender in &mut self.0 {
            if sender.next.is_none() && sender.terms.as_ref().is_none_or(|terms| all_judged(terms, snapshot)) {
                sender.next = Some(sender.after(now));
            }
        }
    }

    /// Nobody waits any longer for a first verdict.
    pub(super) fn begin_all(&mut self, now: Timestamp) {
        for sender in self.0.iter_mut().filter(|sender| sender.next.is_none()) {
            sender.next = Some(sender.after(now));
        }
    }

    /// Another configuration.
    pub(super) fn redirect(&mut self, plan: &Arc<Plan>) {
        for sender in &mut self.0 {
            sender.terms = terms_of(plan, &sender.load.asks);
        }
    }

    pub(super) fn terms(&self, load: usize) -> Option<&Terms> {
        self.0.get(load)?.terms.as_ref()
    }

    pub(super) fn next(&self) -> Timestamp {
        self.0.iter().filter_map(|sender| sender.next).min().unwrap_or(Timestamp::NEVER)
    }

    /// The request that is next.
    pub(super) fn send(&mut self, now: Timestamp) -> Option<Sent> {
        let is_due = |sender: &Sender| sender.next.is_some_and(|next| next <= now);
        let (load, sender) = self.0.iter_mut().enumerate().find(|(_, sender)| is_due(sender))?;
        sender.next = Some(sender.after(now));
        let mut rng = sender.rng.fork();
        let client = mix(u64::from(rng.below(sender.load.clients)) + 1);
        let idempotent = rng.unit() >= sender.load.non_idempotent;
        Some(Sent { load, client, idempotent, rng })
    }
}

impl Sender {
    /// Requests come at random: the time between two of them is exponential.
    fn after(&mut self, now: Timestamp) -> Timestamp {
        let gap = 1e9 / self.load.per_second.max(f64::MIN_POSITIVE);
        now + Duration::from_nanos((-(1.0 - self.rng.unit()).ln() * gap) as u64)
    }
}

/// What a load's requests are sent on, by the configuration of the moment: a route, and where the scenario names an upstream, that one alone.
fn terms_of(plan: &Arc<Plan>, asks: &Asks) -> Option<Terms> {
    let (position, only) = way(plan, asks)?;
    let Some(only) = only else { return Terms::of(Arc::clone(plan), position) };
    let mut plan = Plan::clone(plan);
    let RouteAction::Forward(forward) = &mut plan.routes.get_mut(position)?.action else { return None };
    forward.targets = vec![only];
    Terms::of(Arc::new(plan), position)
}

fn all_judged(terms: &Terms, snapshot: &Snapshot) -> bool {
    let judged = |pool: &Arc<Pool>| {
        pool.emptiness != Emptiness::AllUnchecked
            && pool.members.iter().all(|member| member.standing.cause != Cause::Unchecked)
    };
    let RouteAction::Forward(forward) = &terms.route().action else { return true };
    let mut reached = forward.targets.iter().filter(|target| target.weight > 0);
    reached.all(|target| snapshot.pools.get(target.upstream).is_some_and(judged))
}
