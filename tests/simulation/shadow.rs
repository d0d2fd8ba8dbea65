//! What must have come of it? A second, deliberately naive account of what the board was told.
//!
//! It keeps its own counters (as "failures left" and "passes in a row", not as HAProxy's one integer), its own sets of
//! members and its own memory of who left when. It shares no code with the board beyond the words.

use super::life::Life;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Found, Steering};
use pulsegate_core::health::order::{Order, Steer};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{ProbePlan, SourcePlan, UpstreamPlan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long a removed backend is remembered.
const MEMORY: Duration = Duration::from_secs(600);

/// Thresholds as a person would count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// No readiness probe.
    Unprobed,
    Unchecked,
    Up {
        left: u32,
    },
    Down {
        passes: u32,
    },
}

#[derive(Clone, Debug)]
pub struct Backend {
    pub count: Count,
    /// Each with its end.
    pub order: Option<(Order, Option<Timestamp>)>,
    pub weight: Option<(u32, Option<Timestamp>)>,
    /// By the last transition that was reported, or how it began.
    pub cause: Cause,
    /// The last probe that passed says so.
    pub degraded: bool,
    /// Its documents ask for a drain.
    pub drains: bool,
    /// The kinds of secrets in its documents that were told.
    pub leaks: BTreeSet<String>,
    pub ejected_until: Timestamp,
    /// The evidence that its last ejection named.
    pub ejected_for: String,
    pub nth: u32,
    pub refusal_reported: Option<Timestamp>,
    pub last_probe_started: Option<Timestamp>,
    /// The next probe may start earlier than `fast_period` after the last: it was redefined or came back.
    pub early_probe_allowed: bool,
    /// Its last probe passed while it was out, and nobody of its pool served.
    pub confirms: bool,
    pub left_at: Option<Timestamp>,
    /// Its counter came from another process, which does not tell more of its definition than the thresholds.
    pub handed_over: bool,
    /// The definition that counts.
    pub probe: Option<ProbePlan>,
    pub life: Life,
    /// Another service answered last.
    pub stranger: bool,
}

#[derive(Default)]
pub struct Shadow {
    pub backends: BTreeMap<BackendId, Backend>,
    /// The last good answer of each dynamic source: (upstream, position).
    answers: BTreeMap<(Arc<str>, usize), Vec<Found>>,
    pub upstreams: Vec<UpstreamPlan>,
}

impl Shadow {
    pub fn reconfigured(&mut self, upstreams: &[UpstreamPlan], now: Timestamp) {
        let stays = |name: &Arc<str>| upstreams.iter().any(|upstream| upstream.name == *name);
        self.answers.retain(|(name, _), _| stays(name));
        self.upstreams = upstreams.to_vec();
        self.regroup(now);
    }

    pub fn discovered(
        &mut self,
        upstream: &Arc<str>,
        source: usize,
        answer: &Result<Vec<Found>, String>,
        now: Timestamp,
    ) {
        if let Ok(found) = answer
            && !found.is_empty()
        {
            self.answers.insert((upstream.clone(), source), found.clone());
            self.regroup(now);
        }
    }

    /// The members as requests must see them: with the weights that were ordered.
    pub fn weighed(&self, upstream: &UpstreamPlan, now: Timestamp) -> Vec<Found> {
        let mut members = self.members(upstream);
        for member in &mut members {
            let id = BackendId { upstream: upstream.name.clone(), address: member.address.clone() };
            if let Some(weight) = self.backends.get(&id).and_then(|backend| backend.weight_at(now)) {
                member.weight = weight;
            }
        }
        members
    }

    /// The union of all sources, in the order of addresses; the first wins.
    pub fn members(&self, upstream: &UpstreamPlan) -> Vec<Found> {
        let mut union: BTreeMap<Address, Found> = BTreeMap::new();
        for (position, source) in upstream.sources.iter().enumerate() {
            let found: Vec<Found> = match source {
                SourcePlan::Static(backends) => backends
                    .iter()
                    .map(|one| Found { address: one.address.clone(), weight: one.weight, backup: one.backup })
                    .collect(),
                _ => self.answers.get(&(upstream.name.clone(), position)).cloned().unwrap_or_default(),
            };
            for one in found {
                union.entry(one.address.clone()).or_insert(one);
            }
        }
        union.into_values().collect()
    }

    pub fn is_member(&self, id: &BackendId) -> bool {
        self.backends.get(id).is_some_and(|backend| backend.left_at.is_none())
    }

    /// It was told that a backend's documents leak this.
    pub fn leaks(&mut self, id: &BackendId, what: &str) {
        let known = self.backends.get_mut(id).unwrap();
        assert!(known.leaks.insert(what.to_owned()), "{id}: told twice that it leaks {what}");
    }

    /// Has a member of this pool no verdict yet?
    pub fn awaits_a_verdict(&self, name: &str) -> bool {
        let member = |(id, backend): (&BackendId, &Backend)| {
            &*id.upstream == name
                && backend.left_at.is_none()
                && matches!(backend.cause, Cause::Unchecked | Cause::Starting)
        };
        self.backends.iter().any(member)
    }

    pub fn upstream(&self, name: &str) -> Option<&UpstreamPlan> {
        self.upstreams.iter().find(|upstream| &*upstream.name == name)
    }

    fn regroup(&mut self, now: Timestamp) {
        let mut wanted = BTreeMap::new();
        for upstream in &self.upstreams {
            for found in self.members(upstream) {
                wanted.insert(BackendId { upstream: upstream.name.clone(), address: found.address }, upstream.clone());
            }
        }
        for (id, backend) in &mut self.backends {
            if !wanted.contains_key(id) && backend.left_at.is_none() {
                backend.left_at = Some(now);
            }
        }
        for (id, upstream) in wanted {
            let known =
                self.backends.get_mut(&id).filter(|known| known.left_at.is_none_or(|at| now.since(at) < MEMORY));
            match known {
                Some(known) => known.stays_or_returns(&upstream),
                None => drop(self.backends.insert(id, Backend::new(&upstream))),
            }
        }
    }
}

impl Backend {
    fn new(upstream: &UpstreamPlan) -> Self {
        let (probe, life) = (upstream.readiness.as_ref(), Life::new(upstream));
        Self {
            count: if probe.is_some() { Count::Unchecked } else { Count::Unprobed },
            order: None,
            weight: None,
            cause: if probe.is_some() || life.is_starting() { Cause::Unchecked } else { Cause::Up },
            degraded: false,
            drains: false,
            leaks: BTreeSet::new(),
            ejected_until: Timestamp::ZERO,
            ejected_for: String::new(),
            nth: 0,
            refusal_reported: None,
            last_probe_started: None,
            early_probe_allowed: true,
            confirms: false,
            left_at: None,
            handed_over: false,
            probe: probe.cloned(),
            life,
            stranger: false,
        }
    }

    /// It may be starting, or dead, while an order or an ejection hides it: the report does not tell.
    pub fn hides_a_start(&self, now: Timestamp) -> bool {
        self.left_at.is_none()
            && (self.order_at(now).is_some() || self.cause == Cause::Ejected)
            && (self.life.holds().is_some() || self.probe.as_ref().is_some_and(|probe| !probe.startup_grace.is_zero()))
    }

    /// Whether it stayed or was away: what is known of it stays, under the definition that is in force now.
    fn stays_or_returns(&mut self, upstream: &UpstreamPlan) {
        let probe = upstream.readiness.as_ref();
        let returns = self.left_at.take().is_some();
        self.early_probe_allowed |= returns;
        let handed_over = std::mem::take(&mut self.handed_over);
        self.life.redefined(upstream, returns, handed_over);
        let thresholds = |probe: &ProbePlan| (probe.success_threshold, probe.failure_threshold);
        match (&self.probe, probe) {
            (_, None) => {
                (self.count, self.stranger) = (Count::Unprobed, false);
                self.says_nothing();
            }
            (None, Some(_)) => (self.count, self.early_probe_allowed) = (Count::Unchecked, true),
            (Some(before), Some(after)) if handed_over && thresholds(before) == thresholds(after) => {}
            (Some(before), Some(after)) if before != after => self.settle(after),
            _ => {}
        }
        self.probe = probe.cloned();
    }

    /// A changed definition keeps the verdict and clears the streak.
    fn settle(&mut self, probe: &ProbePlan) {
        self.early_probe_allowed = true;
        match &mut self.count {
            Count::Up { left } => *left = probe.failure_threshold,
            Count::Down { passes } => *passes = 0,
            Count::Unprobed | Count::Unchecked => {}
        }
    }

    /// Counts one verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        let Some(probe) = &self.probe else { return };
        let passed = matches!(verdict, Verdict::Pass { .. });
        if matches!(verdict, Verdict::Drain { .. }) {
            self.drains = true;
            if let Count::Down { passes } = &mut self.count {
                *passes = 0;
            }
            return;
        }
        let decisive = matches!(verdict, Verdict::Fail { kind, .. } if probe.is_immediate(*kind));
        self.count = match self.count {
            Count::Unprobed => Count::Unprobed,
            Count::Unchecked if passed => Count::Up { left: probe.failure_threshold },
            Count::Up { left } if passed => Count::Up { left: (left + 1).min(probe.failure_threshold) },
            Count::Up { left } if !decisive && left > 1 => Count::Up { left: left - 1 },
            Count::Down { passes } if passed && passes + 1 >= probe.success_threshold => {
                Count::Up { left: probe.failure_threshold }
            }
            Count::Down { passes } if passed => Count::Down { passes: passes + 1 },
            Count::Unchecked | Count::Up { .. } | Count::Down { .. } => Count::Down { passes: 0 },
        };
        if let Verdict::Pass { degraded, .. } = verdict {
            self.degraded = degraded.is_some();
        }
        self.drains &= !passed && matches!(self.count, Count::Up { .. });
    }

    /// Another instance answers: nothing is known of it but what was ordered.
    pub fn begin_anew(&mut self) {
        self.count = if self.probe.is_some() { Count::Unchecked } else { Count::Unprobed };
        (self.ejected_until, self.nth, self.confirms) = (Timestamp::ZERO, 0, false);
        self.says_nothing();
    }

    /// Nothing is known of its documents.
    fn says_nothing(&mut self) {
        (self.degraded, self.drains) = (false, false);
        self.leaks.clear();
    }

    pub fn order_at(&self, now: Timestamp) -> Option<Order> {
        self.order.filter(|(_, until)| until.is_none_or(|until| until > now)).map(|(order, _)| order)
    }

    pub fn weight_at(&self, now: Timestamp) -> Option<u32> {
        self.weight.filter(|(_, until)| until.is_none_or(|until| until > now)).map(|(weight, _)| weight)
    }

    /// Takes an order. False when it must be refused.
    pub fn steer(&mut self, steering: &Steering, now: Timestamp) -> bool {
        let until = steering.lasts.map(|lasts| now + lasts);
        match steering.what {
            Steer::Undrain if self.order_at(now).is_some_and(|order| order != Order::Drain) => return false,
            Steer::Order(order) => self.order = Some((order, until)),
            Steer::Undrain => self.order = None,
            Steer::Release => (self.order, self.weight) = (None, None),
            Steer::Weight(weight) => self.weight = weight.map(|weight| (weight, until)),
        }
        true
    }

    /// As the report shows it.
    pub fn shown(&self) -> (u32, u32) {
        match (self.count, &self.probe) {
            (Count::Up { left }, Some(probe)) => (left, probe.failure_threshold),
            (Count::Down { passes }, Some(probe)) => (passes, probe.success_threshold),
            _ => (0, 0),
        }
    }
}
