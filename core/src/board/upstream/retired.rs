//! Which backends left lately? Who comes back within some minutes goes on from what was known of it.

use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::board::member::Member;
use crate::board::member::succession::{self, BackendState};
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
    Known(Box<BackendState>, Timestamp),
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
    pub(in crate::board) fn import(&mut self, state: &BackendState, now: Timestamp) {
        let left = now - state.left.unwrap_or_default();
        if now.since(left) < KEPT_FOR && !self.0.contains_key(&state.id) {
            self.keep(state.id.clone(), left, Former::Known(Box::new(state.clone()), now));
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

    pub(in crate::board) fn export(&self, now: Timestamp) -> impl Iterator<Item = BackendState> {
        self.0.values().map(move |(left, former)| BackendState { left: Some(now.since(*left)), ..former.export(now) })
    }
}

impl Former {
    fn export(&self, now: Timestamp) -> BackendState {
        match self {
            Self::Member(member) => succession::export(member, now),
            Self::Known(state, taken) => BackendState::clone(state).later(now.since(*taken)),
        }
    }
}
