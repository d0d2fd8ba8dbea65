//! Which backends left lately? Who comes back within some minutes goes on from what was known of it.

use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::board::handover::Known;
use crate::board::member::{Member, succession};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the state of a removed backend is kept.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// How many removed backends are remembered; the oldest are forgotten first.
const AT_MOST: usize = 10_000;

/// By identity, and when.
#[derive(Debug, Default)]
pub(in crate::board) struct Retired(BTreeMap<BackendId, (Timestamp, Former)>);

/// A backend that is remembered.
#[derive(Debug)]
pub(in crate::board) enum Former {
    Member(Box<Member>),
    /// It was handed over at this moment, and is no member (yet).
    Known(Box<Known>, Timestamp),
}

impl Retired {
    pub(super) fn keep(&mut self, id: BackendId, left: Timestamp, former: Former) {
        self.0.insert(id, (left, former));
    }

    /// What is known of one that comes back; `None`: nothing, or it is too long ago.
    pub(super) fn take(&mut self, id: &BackendId, now: Timestamp) -> Option<Former> {
        let remembered = self.0.remove(id).filter(|(left, _)| now.since(*left) < KEPT_FOR);
        remembered.map(|(_, former)| former)
    }

    /// Another process knew one that is no member here.
    pub(in crate::board) fn learn(&mut self, known: &Known, now: Timestamp) {
        let left = now - known.left.unwrap_or_default();
        if now.since(left) < KEPT_FOR && !self.0.contains_key(&known.id) {
            self.keep(known.id.clone(), left, Former::Known(Box::new(known.clone()), now));
        }
    }

    /// Those that left too long ago are forgotten, and the oldest where there are too many.
    pub(in crate::board) fn forget_old(&mut self, now: Timestamp) {
        self.0.retain(|_, (left, _)| now.since(*left) < KEPT_FOR);
        let surplus = self.0.len().saturating_sub(AT_MOST);
        if surplus == 0 {
            return;
        }
        let mut by_age: Vec<_> = self.0.iter().map(|(id, (left, _))| (*left, id.clone())).collect();
        by_age.sort();
        for (_, id) in by_age.into_iter().take(surplus) {
            self.0.remove(&id);
        }
    }

    /// What another board must know of them.
    pub(in crate::board) fn known(&self, now: Timestamp) -> impl Iterator<Item = Known> {
        self.0.values().map(move |(left, former)| Known { left: Some(now.since(*left)), ..former.known(now) })
    }
}

impl Former {
    fn known(&self, now: Timestamp) -> Known {
        match self {
            Self::Member(member) => succession::known(member, now),
            Self::Known(known, taken) => Known::clone(known).later(now.since(*taken)),
        }
    }
}
