//! The machine: conditions kept once, groups kept per receiver and upstream.

use super::condition::Condition;
use super::group::{Announced, Group, Notice, Wanted};
use super::input::{Input, Says, of_pool};
use super::pools::{Pools, Serves, serves};
use super::state::{AnnouncedState, GroupState};
use super::{Key, What};
use crate::base::identity::Address;
use crate::base::time::Timestamp;
use crate::health::standing::Cause;
use crate::plan::{AlertsPlan, Severity};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Conditions that are kept at most; more are dropped and counted.
const CONDITIONS: usize = 10_000;

#[derive(Debug, Default)]
pub struct Alerts {
    plan: Arc<AlertsPlan>,
    /// Those that exist. News of others are late, and mean nothing any more.
    upstreams: Vec<Arc<str>>,
    conditions: BTreeMap<Key, Condition>,
    pools: Pools,
    groups: BTreeMap<(Arc<str>, Option<Arc<str>>), Group>,
    notices: VecDeque<Notice>,
    dropped: u64,
}

impl Alerts {
    pub fn new(plan: Arc<AlertsPlan>, upstreams: &[Arc<str>]) -> Self {
        Self { plan, upstreams: upstreams.to_vec(), ..Self::default() }
    }

    /// Another plan, and these upstreams and receivers alone: what belonged to others is over, and a receiver that is gone hears nothing.
    pub fn reconfigure(
        &mut self,
        plan: Arc<AlertsPlan>,
        upstreams: &[Arc<str>],
        receivers: &[Arc<str>],
        now: Timestamp,
    ) {
        (self.plan, self.upstreams) = (plan, upstreams.to_vec());
        self.pools.keep(upstreams);
        self.groups.retain(|(receiver, _), _| receivers.contains(receiver));
        let flapping = self.plan.flapping;
        for (key, condition) in &mut self.conditions {
            if key.upstream.as_ref().is_some_and(|upstream| !upstreams.contains(upstream)) {
                condition.set(false, flapping, now);
                (condition.cause, condition.why) = ("removed", "removed from the configuration".to_owned());
            }
        }
    }

    pub fn handle(&mut self, input: Input) {
        if input.key.upstream.as_ref().is_some_and(|upstream| !self.upstreams.contains(upstream)) {
            return;
        }
        let (Some(upstream), Some(backend)) = (input.key.upstream.clone(), input.key.backend.clone()) else {
            return self.note(input.key.clone(), input.says == Says::Began, input.key.what.word(), input);
        };
        match input.says {
            Says::Began => self.note(input.key.clone(), true, input.key.what.word(), input),
            Says::Over => self.note(input.key.clone(), false, "over", input),
            Says::Stands(cause) => self.stands(&upstream, &backend, cause, input),
            Says::Known(cause) => {
                if self.pools.cause(&upstream, &backend).is_none_or(|known| known == Cause::Unchecked) {
                    self.stands(&upstream, &backend, cause, input);
                }
            }
            Says::Left => {
                self.pools.left(&upstream, &backend);
                for what in [What::BackendOut, What::LyingReadiness, What::FailingReadiness] {
                    let key = Key { what, ..input.key.clone() };
                    if self.conditions.contains_key(&key) {
                        self.note(key, false, "left", input.clone());
                    }
                }
            }
        }
    }

    fn stands(&mut self, upstream: &Arc<str>, backend: &Address, cause: Cause, input: Input) {
        self.pools.stands(upstream, backend, cause);
        match serves(cause) {
            Serves::Unknown => {}
            serves => self.note(input.key.clone(), serves == Serves::No, cause.word(), input),
        }
    }

    /// What is said of a condition. Nothing is kept of one that never began.
    fn note(&mut self, key: Key, raw: bool, cause: &'static str, input: Input) {
        if !self.conditions.contains_key(&key) {
            if !raw {
                return;
            }
            if self.conditions.len() >= CONDITIONS {
                self.dropped += 1;
                return;
            }
        }
        let condition = self.conditions.entry(key).or_insert_with(|| Condition::new(input.at));
        let turned = condition.set(raw, self.plan.flapping, input.at);
        if turned || raw {
            condition.cause = cause;
            condition.why = input.why;
        }
        if turned {
            condition.event_id = input.event_id;
        }
    }

    /// Time passes, and everything that there is to say is said or gets its time.
    pub fn advance(&mut self, now: Timestamp) {
        self.count_pools(now);
        let flapping = self.plan.flapping;
        for condition in self.conditions.values_mut() {
            condition.settle(flapping, now);
        }
        let mut wanted: BTreeMap<(Arc<str>, Option<Arc<str>>), Wanted<'_>> =
            self.groups.keys().map(|group| (group.clone(), Wanted::new())).collect();
        for (key, condition) in &self.conditions {
            let untold = |receiver: &Arc<str>| {
                let group = self.groups.get(&(receiver.clone(), key.upstream.clone()));
                group.is_none_or(|group| !group.told.contains_key(key))
            };
            if !condition.holds() {
                continue;
            }
            let covered = is_covered(key, &self.conditions);
            for receiver in receivers(&self.plan, key).filter(|receiver| !(covered && untold(receiver))) {
                wanted.entry((receiver.clone(), key.upstream.clone())).or_default().insert(key, condition);
            }
        }
        for ((receiver, upstream), wanted) in wanted {
            let group = self.groups.entry((receiver.clone(), upstream.clone())).or_default();
            let notice = group.advance((&receiver, &upstream), &wanted, &self.conditions, &self.plan, now);
            self.notices.extend(notice);
        }
        self.groups.retain(|_, group| !group.told.is_empty() || group.due.is_some());
        let told: BTreeSet<&Key> = self.groups.values().flat_map(|group| group.told.keys()).collect();
        self.conditions.retain(|key, condition| told.contains(key) || !condition.is_over(flapping, now));
    }

    /// Fewer than half of those that should serve do.
    fn count_pools(&mut self, now: Timestamp) {
        let counted: Vec<(Arc<str>, u32, u32)> =
            self.pools.counts().map(|(name, serving, pool)| (name.clone(), serving, pool)).collect();
        for (upstream, serving, pool) in counted {
            let key = of_pool(&upstream, What::BelowHalf);
            let below = serving * 2 < pool;
            if below == self.conditions.get(&key).is_some_and(|condition| condition.raw) {
                continue;
            }
            let out = self.conditions.iter().filter(|(other, condition)| {
                other.upstream.as_ref() == Some(&upstream) && other.what == What::BackendOut && condition.raw == below
            });
            let event_id = out.max_by_key(|(_, condition)| condition.since).map(|(_, condition)| &condition.event_id);
            let input = Input {
                key: key.clone(),
                says: if below { Says::Began } else { Says::Over },
                why: format!("{serving} of {pool} backends serve"),
                event_id: event_id.cloned().unwrap_or_default(),
                at: now,
            };
            self.note(key, below, if below { What::BelowHalf.word() } else { "over" }, input);
        }
    }

    /// The next message.
    pub fn poll(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When [`Self::advance`] has something to do next, if nothing is heard before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let groups =
            self.groups.values().filter_map(|group| group.due.into_iter().chain(group.repeats_at(&self.plan)).min());
        let flapping = self.conditions.values().filter(|one| one.flaps);
        let quiet = flapping.filter_map(|one| one.quiet_at(self.plan.flapping));
        groups.chain(quiet).min()
    }

    /// How many conditions hold, by severity.
    pub fn holding(&self) -> [(Severity, usize); 2] {
        Severity::ALL.map(|severity| {
            let these = self.conditions.iter().filter(|(key, one)| key.severity() == severity && one.holds());
            (severity, these.count())
        })
    }

    /// Conditions that were not kept since the last call, since there were too many.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// What receivers were told and was not over.
    pub fn export(&self, now: Timestamp) -> Vec<GroupState> {
        let announced = |(key, told): (&Key, &Announced)| AnnouncedState {
            what: key.what,
            backend: key.backend.clone(),
            flaps: told.flaps,
        };
        let groups = self.groups.iter().filter(|(_, group)| !group.told.is_empty());
        let state = groups.map(|((receiver, upstream), group)| GroupState {
            receiver: receiver.clone(),
            upstream: upstream.clone(),
            incident: group.incident.clone(),
            sent: group.sent,
            ago: group.last.map_or(Duration::ZERO, |last| now.since(last)),
            told: group.told.iter().map(announced).collect(),
        });
        state.collect()
    }

    /// What the process before this one told: nothing of it is told again. For the beginning.
    pub fn import(&mut self, state: Vec<GroupState>, receivers: &[Arc<str>], now: Timestamp) {
        for one in state.into_iter().filter(|one| receivers.contains(&one.receiver)) {
            let mut told = BTreeMap::new();
            for AnnouncedState { what, backend, flaps } in one.told {
                let key = Key { upstream: one.upstream.clone(), what, backend };
                if flaps || self.is_awaited(&key) {
                    let awaited = self.is_awaited(&key);
                    let condition = self.conditions.entry(key.clone()).or_insert_with(|| Condition::new(now));
                    condition.recall(awaited, flaps, now);
                }
                told.insert(key, Announced { flaps });
            }
            let group = Group { told, due: None, last: Some(now - one.ago), incident: one.incident, sent: one.sent };
            self.groups.insert((one.receiver, one.upstream), group);
        }
    }

    /// A backend whose first verdict in this process is not there yet: what was said of it holds on.
    fn is_awaited(&self, key: &Key) -> bool {
        let (Some(upstream), Some(backend), What::BackendOut) = (&key.upstream, &key.backend, key.what) else {
            return false;
        };
        self.pools.cause(upstream, backend).is_some_and(|cause| serves(cause) == Serves::Unknown)
    }
}

/// A graver condition of the same pool says it already: it is told only if it is left when that is over.
fn is_covered(key: &Key, conditions: &BTreeMap<Key, Condition>) -> bool {
    key.what == What::BelowHalf
        && conditions.get(&Key { what: What::NobodyEligible, ..key.clone() }).is_some_and(Condition::holds)
}

/// Each once.
fn receivers<'a>(plan: &'a AlertsPlan, key: &Key) -> impl Iterator<Item = &'a Arc<str>> {
    let (upstream, severity) = (key.upstream.as_deref(), key.severity());
    let routes: Vec<_> = plan.routes.iter().filter(|route| route.takes(upstream, severity)).collect();
    let mut receivers: Vec<&Arc<str>> = routes.into_iter().flat_map(|route| &route.receivers).collect();
    receivers.sort();
    receivers.dedup();
    receivers.into_iter()
}
