//! What was one receiver told of one upstream, and when is it told what next?
//!
//! The first message comes `group_wait` after the first condition, further ones no sooner than `group_interval` after the last, except that
//! the first critical condition does not wait for that. What began and ended before its message was due is not told. Each key goes from
//! untold to told and back, and every step is one item of one message: that is why nobody hears of anything twice.

use super::Key;
use super::condition::Condition;
use crate::base::time::Timestamp;
use crate::plan::{AlertsPlan, Severity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One message to one receiver about one upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// No other message to this receiver has it.
    pub id: String,
    pub receiver: Arc<str>,
    /// `None`: about the gateway itself.
    pub upstream: Option<Arc<str>>,
    /// The id of the first message since all was well: they belong together.
    pub incident: String,
    pub at: Timestamp,
    /// Nothing is new; what still holds is told once more.
    pub repeats: bool,
    /// What is new first, and the gravest of it first.
    pub items: Vec<Item>,
}

/// One condition in a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub state: ConditionState,
    pub key: Key,
    /// A word.
    pub cause: String,
    /// A sentence.
    pub why: String,
    pub event_id: String,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionState {
    /// It began.
    Firing,
    /// It comes and goes, so often by now. From now on it counts as holding until it has settled.
    Flapping(u32),
    Resolved,
    /// It was told, and still holds.
    Still,
}

/// What a receiver knows of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    /// That it flaps.
    pub flaps: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub told: BTreeMap<Key, Announced>,
    pub due: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub incident: String,
    pub sent: u32,
}

/// The conditions that a receiver is to know of now.
pub(super) type Wanted<'a> = BTreeMap<&'a Key, &'a Condition>;

impl Group {
    /// What there is to say now is said, or gets a time. `all`: every condition, also those that do not hold.
    pub(super) fn advance(
        &mut self,
        (receiver, upstream): (&Arc<str>, &Option<Arc<str>>),
        wanted: &Wanted<'_>,
        all: &BTreeMap<Key, Condition>,
        plan: &AlertsPlan,
        now: Timestamp,
    ) -> Option<Notice> {
        let changes = self.changes(wanted, all);
        self.schedule(&changes, plan, now);
        let repeats = changes.is_empty() && self.repeats_at(plan).is_some_and(|at| at <= now);
        if !repeats && self.due.is_none_or(|due| due > now) {
            return None;
        }
        Some(self.tell((receiver, upstream), changes, wanted, repeats, now))
    }

    /// What differs from what was told.
    fn changes(&self, wanted: &Wanted<'_>, all: &BTreeMap<Key, Condition>) -> Vec<Item> {
        let item = |state, key: &Key, condition: &Condition| Item {
            state,
            key: key.clone(),
            cause: condition.cause.to_owned(),
            why: condition.why.clone(),
            event_id: condition.event_id.clone(),
            since: condition.since,
        };
        let begun = wanted.iter().filter_map(|(key, condition)| {
            let known = self.told.get(*key);
            match condition.flaps {
                true if known.is_none_or(|told| !told.flaps) => {
                    Some(item(ConditionState::Flapping(condition.turned), key, condition))
                }
                false if known.is_none() => Some(item(ConditionState::Firing, key, condition)),
                _ => None,
            }
        });
        let over = self.told.keys().filter(|key| !wanted.contains_key(key)).map(|key| match all.get(key) {
            Some(condition) if !condition.holds() => item(ConditionState::Resolved, key, condition),
            Some(condition) => Item {
                cause: "unrouted".to_owned(),
                why: "it still holds, and is not told here any more".to_owned(),
                ..item(ConditionState::Resolved, key, condition)
            },
            None => forgotten(key),
        });
        let mut changes: Vec<Item> = begun.chain(over).collect();
        changes.sort_by(|a, b| {
            (a.state == ConditionState::Resolved, &a.key).cmp(&(b.state == ConditionState::Resolved, &b.key))
        });
        changes
    }

    fn schedule(&mut self, changes: &[Item], plan: &AlertsPlan, now: Timestamp) {
        if changes.is_empty() {
            self.due = None;
            return;
        }
        let soon = now + plan.group_wait;
        let critical = |key: &Key| key.severity() == Severity::Critical;
        let graver = changes.iter().any(|item| item.state != ConditionState::Resolved && critical(&item.key))
            && !self.told.keys().any(critical);
        let in_turn = match self.last {
            Some(last) if !self.told.is_empty() && !graver => soon.max(last + plan.group_interval),
            _ => soon,
        };
        self.due = Some(self.due.map_or(in_turn, |due| due.min(in_turn)));
    }

    pub(super) fn repeats_at(&self, plan: &AlertsPlan) -> Option<Timestamp> {
        let again = self.last? + plan.repeat_interval?;
        (!self.told.is_empty()).then_some(again)
    }

    fn tell(
        &mut self,
        (receiver, upstream): (&Arc<str>, &Option<Arc<str>>),
        changes: Vec<Item>,
        wanted: &Wanted<'_>,
        repeats: bool,
        now: Timestamp,
    ) -> Notice {
        let still: Vec<&Key> =
            self.told.keys().filter(|key| changes.iter().all(|change| change.key != **key)).collect();
        let still = still.into_iter().filter_map(|key| {
            let condition = wanted.get(key)?;
            Some(Item {
                state: ConditionState::Still,
                key: key.clone(),
                cause: condition.cause.to_owned(),
                why: condition.why.clone(),
                event_id: condition.event_id.clone(),
                since: condition.since,
            })
        });
        let items: Vec<Item> = changes.iter().cloned().chain(still).collect();
        if self.told.is_empty() {
            let first = items.first().map(|item| item.event_id.clone()).filter(|id| !id.is_empty());
            self.incident = first.unwrap_or_else(|| format!("{receiver}-{}", now.0));
            self.sent = 0;
        }
        for change in &changes {
            match change.state {
                ConditionState::Resolved => drop(self.told.remove(&change.key)),
                state => {
                    let told = Announced { flaps: matches!(state, ConditionState::Flapping(_)) };
                    self.told.insert(change.key.clone(), told);
                }
            }
        }
        (self.due, self.last) = (None, Some(now));
        self.sent += 1;
        Notice {
            id: format!("{}-{}", self.incident, self.sent),
            receiver: receiver.clone(),
            upstream: upstream.clone(),
            incident: self.incident.clone(),
            at: now,
            repeats,
            items,
        }
    }
}

/// It was told by a process before, and nothing is known of it any more.
fn forgotten(key: &Key) -> Item {
    Item {
        state: ConditionState::Resolved,
        key: key.clone(),
        cause: "gone".to_owned(),
        why: "it is not there any more".to_owned(),
        event_id: String::new(),
        since: Timestamp::ZERO,
    }
}
